"""Whatever octets come as a letter: nothing is raised, everything lies within, and IMAP's texts can be read.

The letters are grown out of pieces that letters are made of, so that the scan goes deep, and out of rubbish.
"""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import imap_lists

from hatoba.message import attributes, structure
from hatoba.message.structure import addresses, dates, parts, prose, subject

PIECES = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"--", b"--b\r\n", b"--b--\r\n", b"--c\r\n", b"--c--\r\n", b"--b ", b" ", b"\t",
    b"Content-Type: multipart/mixed; boundary=b\r\n", b'content-type:multipart/digest;boundary="c"\r\n',
    b'Content-Type: multipart/x; boundary="b "\r\n', b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: message/global\r\n",
    b"Content-Type: text/html; charset=utf-8\r\n\r\n", b"Content-Type: multipart/mixed\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename*0*=utf-8''%E5%86; filename*1=\"x\"\r\n",
    b"From: A <a@b>, g: c@d;\r\n", b"To: \"open <a@b> (c\r\n", b"Subject: =?utf-8?Q?=E5=86=99?= [a] re: (fwd)\r\n",
    b"Date: 1 Jan 2026 10:00 +0900\r\n", b"References: <a@b> <\"c\"@d>\r\n", b"Message-ID: a@b\r\n",
    b"Subject: \xe5\r\n",
    b"<p>a<b>c</b>", b"<!--", b"<script>", b"&amp;", b"44GC\r\n", b"=E3=81=82=\r\n", b"\x1b$B", b"\x00", b"\xff\xfe",
)  # fmt: skip
GROWN = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)), max_size=40).map(b"".join)
LETTERS = st.one_of(GROWN, st.binary(max_size=300))


def all_parts(part: parts.Part) -> list[parts.Part]:
    inner = [part.message.root] if part.message is not None else part.parts
    return [part, *(each for child in inner for each in all_parts(child))]


@given(LETTERS)
def test_every_part_lies_within_its_letter(raw: bytes) -> None:
    mail = structure.scan(raw)
    assert (mail.root.head, mail.root.end, mail.size) == (0, len(raw), len(raw))
    for part in all_parts(mail.root):
        assert part.head <= part.body <= part.end <= len(raw)
        assert part.lines == part.octets.count(b"\n")
        at = part.body
        for child in [part.message.root] if part.message is not None else part.parts:
            assert at <= child.head
            at = child.end
        assert at <= part.end
        assert isinstance(part.decoded, bytes)
        assert isinstance(part.name + part.description, str)


@given(LETTERS)
def test_numbers_are_told_apart_and_answered(raw: bytes) -> None:
    found = structure.summary(raw)
    rows = structure.unpack(found.offsets)
    numbers = [row.number for row in rows]
    assert len(set(numbers)) == len(numbers)
    assert structure.section(raw, found.offsets) == raw
    assert structure.section(raw, found.offsets, "", "HEADER") == raw[: found.header_end]
    assert structure.section(raw, found.offsets, "", "TEXT") == raw[found.header_end :]
    for row in rows[1:]:
        assert structure.part(raw, found.offsets, row.number) == raw[row.body : row.end]
        if row.inner >= 0:
            header = structure.section(raw, found.offsets, row.number, "HEADER")
            text = structure.section(raw, found.offsets, row.number, "TEXT")
            assert header is not None
            assert text is not None
            assert header + text == raw[row.body : row.end]


@given(LETTERS)
def test_a_client_can_read_what_it_is_told(raw: bytes) -> None:
    found = structure.summary(raw)
    imap_lists.check(found)


@given(LETTERS)
def test_words_are_folded_already(raw: bytes) -> None:
    found = structure.summary(raw)
    assert structure.folded(found.words.body) == found.words.body
    assert len(found.preview) <= prose.PREVIEW_MOST
    assert found.preview.isprintable()
    assert "\n" not in found.sort.subject + found.sort.display_from


@given(GROWN, st.integers(0, 400))
def test_a_letter_that_breaks_off_is_read_as_far_as_it_goes(raw: bytes, at: int) -> None:
    """Parts that ended before the break are the same in the whole letter."""
    short = structure.scan(raw[:at]).root
    full = structure.scan(raw).root
    if short.fields != full.fields or short.body != full.body:
        return
    for one, other in zip(short.parts[:-1], full.parts, strict=False):
        assert (one.head, one.body, one.end, one.media) == (other.head, other.body, other.end, other.media)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_fields_of_rubbish(octets: bytes) -> None:
    assert all(len(entry) == 4 for entry in addresses.read(octets))
    assert all(isinstance(value, bytes) for _, value in attributes.read(octets).parameters)
    found = dates.read(octets)
    assert found is None or abs(found.ms) < 1 << 60
    assert len(subject.base(octets.decode("latin-1"))[0]) <= len(octets)
    assert structure.folded(structure.folded(octets.decode("utf-8", "replace"))) == structure.folded(
        octets.decode("utf-8", "replace")
    )


# What makes careless scanners go over the same octets again and again.
EVIL = {
    "delimiters": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 60_000,
    "dashes": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\n--" * 100_000,
    "no empty line": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nA: b\r\n" * 30_000,
    "nests": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(5000)),
    "spaced boundaries": b"Content-Type: multipart/x; boundary=\"b \"\r\n\r\n" + b"--b\r\n\r\n" * 40_000,
    "addresses": b"From: " + b"(" * 150_000 + b"\r\n\r\n",
    "quotes": b'From: ' + b'"\\' * 80_000 + b"\r\n\r\n",
    "angles": b"To: " + b"<" * 150_000 + b"\r\n\r\n",
    "commas": b"To: " + b"a b, " * 40_000 + b"\r\n\r\n",
    "spaces": b"To: a" + b" " * 200_000 + b"<\r\nSubject: " + b" \t" * 90_000 + b"x\r\n\r\n",
    "parameters": b"Content-Type: text/plain" + b"; a" * 60_000 + b"\r\n\r\n",
    "unquoted": b"Content-Type: text/plain; a=" + b"b c=" * 50_000 + b"\r\n\r\n",
    "comments": b"Content-Type: text/plain; a=b " + b"(x" * 80_000 + b")y" * 80_000 + b"\r\n\r\n",
    "words": b"Subject: " + b"=?utf-8?Q?" * 30_000 + b"\r\n\r\n",
    "references": b"References: " + b"<" * 100_000 + b"a" * 100_000 + b"\r\n\r\n",
    "tags": b"Content-Type: text/html\r\n\r\n" + b"<b " * 100_000,
    "comments in markup": b"Content-Type: text/html\r\n\r\n" + b"<!--" * 80_000,
    "scripts": b"Content-Type: text/html\r\n\r\n" + b"<script>" * 40_000,
    "entities": b"Content-Type: text/html\r\n\r\n" + b"&#" * 150_000,
    "padding": b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b" " * 300_000 + b"x \r\n",
    "equals": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=" * 300_000,
    "dates": b"Date: " + b"((" * 50_000 + b"))" * 50_000 + b"\r\n\r\n",
    "blobs": b"Subject: " + b"[a] re: " * 30_000 + b"\r\n\r\n",
    "folds": b"Subject: a" + b"\r\n " * 80_000 + b"\r\n\r\n",
    "half folds": b"Subject: a" + b"\n " * 80_000 + b"x" * 9 + b"\n" * 9,
    "nfkc": b"\r\n" + "ﷺ".encode() * 60_000,
}  # fmt: skip


@pytest.mark.parametrize("name", EVIL)
def test_time_grows_with_the_letter_alone(name: str) -> None:
    """A scan that came to the square of these lengths would take minutes."""
    raw = EVIL[name]
    start = time.process_time()
    structure.summary(raw)
    assert time.process_time() - start < 5
