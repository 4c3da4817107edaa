"""DMARC records: what receivers read out of good and bad ones, and what their owners are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.mailauth.dmarc import record
from hatoba.mailauth.dmarc.record import BadRecord, Uri


def read(text: str) -> record.Record:
    return record.parse(text.encode())


def test_a_whole_record() -> None:
    found = read(
        "v=DMARC1 ; P=Reject; sp = quarantine;np=none; adkim=S; aspf=r; t=y; psd=N; fo=1:d:s; pct=50; ri=3600; rf=afrf;"
        " rua=mailto:a@example.org!10m , https://example.org/r; ruf=mailto:f%2Cg@example.org; x-new=1 "
    )
    assert (found.p, found.sp, found.np, found.adkim, found.aspf) == ("reject", "quarantine", "none", "s", "r")
    assert (found.testing, found.psd, found.fo, found.pct, found.ri) == (True, "n", ("1", "d", "s"), 50, 3600)
    assert found.rua == (Uri("mailto:a@example.org", 10 << 20), Uri("https://example.org/r"))
    assert [uri.mailbox for uri in found.rua] == ["a@example.org", ""]
    assert found.ruf[0].mailbox == "f,g@example.org"
    assert found.tags["x-new"] == "1"


def test_defaults() -> None:
    found = read("v=DMARC1;p=none")
    assert (found.sp, found.np, found.adkim, found.aspf, found.psd, found.testing) == (None, None, "r", "r", "u", False)
    assert (found.rua, found.ruf, found.fo, found.pct, found.ri) == ((), (), ("0",), 100, 86400)


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("v=DMARC1", True), ("v=DMARC1;", True), ("V = DMARC1 ;p=none", True), (" v=DMARC1; p=none", True),
        ("v=DMARC1 p=none", False), ("v=dmarc1; p=none", False), ("v=DMARC12; p=none", False),
        ("p=none; v=DMARC1", False), ("", False), ("v=spf1 -all", False), ("v=DMARC1;" + "x" * record.OCTETS, False),
    ],
)  # fmt: skip
def test_what_is_a_record_at_all(text: str, claimed: bool) -> None:
    assert record.claims(text.encode()) is claimed


@pytest.mark.parametrize(
    "tags", ["", "p=bob", "p=", "sp=reject", "p=reject; sp=bob", "p=reject; np=x", "p=none; p=reject"]
)
def test_without_a_valid_policy_only_reports_make_a_record(tags: str) -> None:
    with pytest.raises(BadRecord):
        read(f"v=DMARC1; {tags}")
    with pytest.raises(BadRecord):
        read(f"v=DMARC1; {tags}; rua=nowhere")
    found = read(f"v=DMARC1; {tags}; rua=nowhere,mailto:a@example.org")
    assert (found.p, found.sp, found.np) == ("none", None, None)
    assert found.rua == (Uri("mailto:a@example.org"),)


@pytest.mark.parametrize(
    "tags",
    ["adkim=x", "adkim=", "aspf=rs", "pct=101", "pct=-1", "ri=x", "fo=2", "fo=01", "rf=a.b", "psd=z", "t=2", "=x", ";"],
)  # fmt: skip
def test_other_errors_cost_their_tag_alone_but_the_owner_hears_of_them(tags: str) -> None:
    found = read(f"v=DMARC1; p=reject; {tags}")
    default = read("v=DMARC1; p=reject")
    assert (found.p, found.adkim, found.aspf, found.pct, found.ri, found.fo, found.rf, found.psd, found.testing) == (
        "reject", default.adkim, default.aspf, 100, 86400, ("0",), ("afrf",), "u", False,
    )  # fmt: skip
    assert record.faults(f"v=DMARC1; p=reject; {tags}".encode())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v=DMARC2; p=none", "v=DMARC1"),
        ("v=DMARC1", "neither"),
        ("v=DMARC1; sp=none; p=none", "follow"),
        ("v=DMARC1; p=none; rua=bogus", "rua="),
        ("v=DMARC1; p=none; rua=mailto:a@b!", "rua="),
        ("v=DMARC1; p=none; rua=mailto:a@b!5q", "rua="),
        ("v=DMARC1; p=none; rua=mailto:a@b,", "rua="),
        ("v=DMARC1; p=none; ri=4294967296", "ri="),
        ("v=DMARC1; p=none; x=\x7f", "character"),
        ("v=DMARC1; p=none; sp=none; sp=none", "2 times"),
    ],
)
def test_faults(text: str, said: str) -> None:
    assert said in " ".join(record.faults(text.encode()))


@pytest.mark.parametrize(
    "text", ["v=DMARC1; p=none", "v=DMARC1; rua=mailto:a@b!10M,mailto:c@d;", "v=DMARC1;p=reject;future=yes"]
)
def test_sound_records_have_no_faults(text: str) -> None:
    assert record.faults(text.encode()) == ()


def test_a_text_that_is_no_record() -> None:
    with pytest.raises(BadRecord):
        read("v=spf1 -all")


def test_psd_is_read_from_records_that_say_nothing_else() -> None:
    assert record.psd(b"v=DMARC1; psd=Y") == "y"
    assert record.psd(b"v=DMARC1; psd=y; psd=n") == "u"


PIECES = st.sampled_from(
    [
        "v=DMARC1",
        ";",
        "=",
        "p",
        "none",
        "reject",
        " ",
        "rua",
        "mailto:",
        "a@b",
        "!",
        ",",
        "10m",
        "%zz",
        "sp",
        "é",
        "\x00",
        "t",
        "y",
    ]
)


@given(st.lists(PIECES, max_size=30).map(lambda pieces: "v=DMARC1;" + "".join(pieces)))
def test_only_its_own_error_escapes(text: str) -> None:
    octets = text.encode()
    record.faults(octets)
    record.psd(octets)
    try:
        found = record.parse(octets)
    except BadRecord:
        return
    assert found.p in ("none", "quarantine", "reject")
    assert all(uri.mailbox.isprintable() for uri in found.rua)
