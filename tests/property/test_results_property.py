"""Authentication-Results on arbitrary text: what is written reads back, and nothing else escapes."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from hatoba.mailauth.results import read, remove, write
from hatoba.mailauth.results.finding import Finding, Property, Results

keywords = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
values = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60)
properties = st.builds(Property, keywords, keywords.filter(lambda word: word != "reason"), values)
comments = values.map(lambda text: " ".join(text.split()))
findings = st.builds(Finding, keywords, keywords, st.lists(properties, max_size=4).map(tuple), values, comments)
written = st.builds(Results, values.filter(bool), st.lists(findings, max_size=4).map(tuple), st.integers(0, 9))


@settings(max_examples=50)
@given(written)
def test_what_is_written_reads_back(held: Results) -> None:
    text = write.field(held, utf8=True)
    assert all(len(line) <= 998 for line in text.split(b"\r\n"))
    assert read.parse(text.partition(b":")[2]) == held


@given(st.text(alphabet='ab.;="()\\ \r\n\t/@-é', max_size=200))
def test_reading_raises_its_own_error_alone(value: str) -> None:
    try:
        found = read.parse(value)
    except read.BadResults:
        return
    again = read.parse(write.payload(found, utf8=True))
    assert [finding[:2] for finding in again.findings] == [finding[:2] for finding in map(worded, found.findings)]


def worded(finding: Finding) -> Finding:
    """What becomes of words that are no keywords when they are written."""
    return finding._replace(result=re.sub("[^0-9a-z_-]", "-", finding.result) or "unknown")


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_taking_ours_out_leaves_every_other_octet(block: bytes, value: bytes) -> None:
    own = b"Authentication-Results: mx.example; spf=pass\r\n"
    head = block.replace(b"uthentication-", b"").rstrip(b"\r\n") + b"\r\n" if block else b""
    tail = b"X: " + value.replace(b"\n", b"") + b"\r\n"
    assert remove.ours(head + own + tail, ["mx.example"]) == (head + tail, 1)
