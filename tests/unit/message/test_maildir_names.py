"""Names of Maildir files and folders: flags, sizes, times, boxes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import maildir

NAMES = [
    ("1795489200.M1P2.host,S=120,W=125:2,FRS", "1795489200.M1P2.host,S=120,W=125",
     ("\\Flagged", "\\Answered", "\\Seen"), 1795489200, 120),
    ("1795489200.1.host:2,DTP", "1795489200.1.host", ("\\Draft", "\\Deleted", "$Forwarded"), 1795489200, -1),
    ("1795489200.1.host:2,", "1795489200.1.host", (), 1795489200, -1),
    ("1795489200.1.host", "1795489200.1.host", (), 1795489200, -1),
    ("1795489200.1.host:2,Sacz", "1795489200.1.host", ("\\Seen", "work", "later"), 1795489200, -1),
    ("1795489200.1.host;2,S", "1795489200.1.host", ("\\Seen",), 1795489200, -1),
    ("1795489200.1.host:1,S", "1795489200.1.host:1,S", (), 1795489200, -1),
    ("letter.eml", "letter.eml", (), 0, -1),
    ("", "", (), 0, -1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "base", "flags", "seconds", "size"), NAMES)
def test_names(name: str, base: str, flags: tuple[str, ...], seconds: int, size: int) -> None:
    assert maildir.read(name, ["work", "", "later"]) == (base, flags, seconds, size)


FLAGS = st.sets(st.sampled_from(["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$Forwarded", "work"]))


@given(FLAGS, st.integers(10**12, 10**13), st.integers(0, 10**9))
def test_what_was_named_is_read_again(flags: set[str], internal: int, size: int) -> None:
    keywords = ["other", "work"]
    name = maildir.name("M1P2", "a/b:c", internal=internal, size=size, flags=flags, keywords=keywords)
    found = maildir.read(name, keywords)
    assert "/" not in name
    assert (set(found.flags), found.seconds, found.size) == (flags, internal // 1000, size)
    info = name.rpartition(",")[2]
    assert info == "".join(sorted(info))


def test_what_no_letter_stands_for_is_left_out() -> None:
    name = maildir.name("1", "h", internal=10**12, size=1, flags=["nowhere", "\\seen"])
    assert name == "1000000000.1.h,S=1:2,S"


def test_keywords_of_a_folder() -> None:
    text = "0 $Forwarded\n2 work\nrubbish\n99 no\n30 no\n"
    assert maildir.keyword_list(text) == ["$Forwarded", "", "work"]
    assert maildir.keyword_lines(["$Forwarded", "", "work"]) == "0 $Forwarded\n2 work\n"
    assert maildir.keyword_list("") == []


@pytest.mark.parametrize(
    ("folder", "box"),
    [
        ("", "INBOX"),
        (".", "INBOX"),
        (".Sent", "Sent"),
        (".Sent.2026", "Sent/2026"),
        (".&kAFP4W4IMH8-", "送信済み"),
        (".A &- B.c", "A & B/c"),
        (".v1&AC4-2", "v1.2"),
        ("Sent/2026", "Sent/2026"),
        ("v1.2/x", "v1.2/x"),
        (".&broken", "&broken"),
        (".&2D0-", "&2D0-"),
    ],
)
def test_folders(folder: str, box: str) -> None:
    assert maildir.box(folder) == box
    assert maildir.box(maildir.folder(box)) == box


LEVELS = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@given(st.lists(LEVELS, min_size=1, max_size=4))
def test_a_box_is_the_same_again(levels: list[str]) -> None:
    box = "/".join(levels)
    assert maildir.box(maildir.folder(box)) == box
    assert maildir.folder(box).isascii()
    assert "/" not in maildir.folder(box)


def test_subscriptions() -> None:
    assert maildir.subscribed("V\t2\n\nINBOX\nSent\t2026\n&kAFP4W4IMH8-\n") == ["INBOX", "Sent/2026", "送信済み"]
    assert maildir.subscribed("INBOX\nSent.2026\nA/b\n") == ["INBOX", "Sent/2026", "A/b"]
    assert maildir.subscribed("") == []
