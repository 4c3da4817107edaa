"""Mailbox files read and written: what is in comes out, however it was written and wherever reading stopped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import keeping, mbox

MARK = b"From a@example.org Tue Nov 24 03:00:00 2026\n"
WHEN = 1795489200000


def read(octets: bytes, form: str = mbox.RD, step: int = 0) -> list[keeping.Kept]:
    reader = mbox.Reader(form)
    found: list[keeping.Kept] = []
    for at in range(0, len(octets), step or len(octets) or 1):
        found += reader.receive(octets[at : at + (step or len(octets))])
    return found + reader.close()


def contents(octets: bytes, form: str = mbox.RD) -> list[bytes]:
    return [kept.content for kept in read(octets, form)]


def test_letters_are_told_apart() -> None:
    file = MARK + b"Subject: one\n\nbody\n\n" + MARK + b"Subject: two\n\nFrom here on\n\nFrom there\n\n"
    one, two = read(file)
    assert (one.content, one.internal, one.start) == (b"Subject: one\r\n\r\nbody\r\n", WHEN, 0)
    assert two.content == b"Subject: two\r\n\r\nFrom here on\r\n\r\nFrom there\r\n"
    assert (one.end, two.start, two.end) == (file.index(MARK, 1), one.end, len(file))
    reader = mbox.Reader(start=one.end)
    assert [*reader.receive(file[one.end :]), *reader.close()] == [two]


@pytest.mark.parametrize(
    ("line", "internal"),
    [
        (b"From a@b Tue Nov 24 03:00:00 2026\n", WHEN),
        (b"From a@b  Tue Nov 24 03:00:00 2026\r\n", WHEN),
        (b"From - Tue Nov 24 03:00:00 2026\n", WHEN),
        (b"From 1234@xxx Tue Nov 24 03:00:00 +0000 2026\n", WHEN),
        (b"From a b Tue Nov 24 12:00:00 JST 2026\n", WHEN),
        (b"From a@b Tue, 24 Nov 2026 12:00:00 +0900\n", WHEN),
        (b"From a@b Tue Nov 24 03:00 2026 remote from c\n", WHEN),
    ],
)
def test_postmarks(line: bytes, internal: int) -> None:
    found = read(MARK + b"A: b\n\n1\n\n" + line + b"C: d\n\n2\n")
    assert [kept.content for kept in found] == [b"A: b\r\n\r\n1\r\n", b"C: d\r\n\r\n2\r\n"]
    assert found[1].internal == internal


@pytest.mark.parametrize(
    "line", [b"From now on\n", b"From a@b\n", b"From a@b Tue Nov 24\n", b"From a@b Tue Foo 24 03:00:00 2026\n"]
)
def test_no_postmarks(line: bytes) -> None:
    assert len(read(MARK + b"A: b\n\n1\n\n" + line + b"C: d\n\n2\n")) == 1


def test_a_postmark_stands_behind_an_empty_line() -> None:
    assert len(read(MARK + b"A: b\n\ntext\n" + MARK + b"more\n")) == 1
    assert len(read(MARK.replace(b"\n", b"\r\n") + b"A: b\r\n\r\ntext\r\n\r\n" + MARK + b"more\n")) == 2


def test_a_file_whose_postmarks_have_no_dates() -> None:
    assert contents(b"From ???@???\nA: b\n\n1\n\nFrom ???@???\nA: c\n\n2\n") == [
        b"A: b\r\n\r\n1\r\n",
        b"A: c\r\n\r\n2\r\n",
    ]


def test_what_is_no_letter_is_passed_over() -> None:
    reader = mbox.Reader()
    assert reader.receive(b"rubbish\n" + MARK + b"A: b\n\n") == []
    assert [(kept.start, kept.content) for kept in reader.close()] == [(8, b"A: b\r\n\r\n")]
    assert reader.passed == 8
    reader = mbox.Reader()
    assert (reader.receive(b"x" * 5000), reader.close(), reader.passed) == ([], [], 5000)
    assert read(b"") == []


def test_escaped_lines() -> None:
    body = b">From a\n>>From b\n>From\n> From c\n"
    assert contents(MARK + b"\n" + body) == [b"\r\nFrom a\r\n>From b\r\n>From\r\n> From c\r\n"]
    assert contents(MARK + b"\n" + body, mbox.O) == [b"\r\nFrom a\r\n>>From b\r\n>From\r\n> From c\r\n"]


def test_the_letter_of_the_file_itself_is_none() -> None:
    first = MARK + b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\ntext\n\n"
    assert contents(first + MARK + b"A: b\n\n1\n") == [b"A: b\r\n\r\n1\r\n"]


def test_a_letter_too_large_is_told_and_the_next_is_read() -> None:
    reader = mbox.Reader(most=3000)
    found: list[keeping.Kept] = []
    file = MARK + b"A: b\n\n" + b"x" * 20_000 + b"\n\n" + MARK + b"C: d\n\nsmall\n"
    for at in range(0, len(file), 700):
        found += reader.receive(file[at : at + 700])
    found += reader.close()
    assert [kept.content for kept in found] == [b"", b"C: d\r\n\r\nsmall\r\n"]
    assert (found[0].start, found[0].end, found[1].start) == (0, file.rindex(MARK), file.rindex(MARK))
    assert found[0].fault
    assert not found[1].fault


FIELDS = [
    ("Status: RO", ("\\Seen",)),
    ("Status: O\nX-Status: AFTD", ("\\Answered", "\\Flagged", "\\Draft", "\\Deleted")),
    ("X-Keywords: $Forwarded work (bad)", ("$Forwarded", "work")),
    ("X-Mozilla-Status: 1005\nX-Mozilla-Status2: 00000000\nX-Mozilla-Keys: $label1   ",
     ("\\Seen", "\\Flagged", "$Forwarded", "$label1")),
    ("X-Mozilla-Status: zz", ()),
    ("X-Gmail-Labels: Inbox,Opened,Starred,\"A, B\"", ("\\Flagged", "\\Seen")),
    ("X-Gmail-Labels: =?UTF-8?Q?Unread,=E4=BB=95=E4=BA=8B?=", ()),
    ("Content-Length: 7\nX-UID: 12\nX-IMAPbase: 1 2 a", ()),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "flags"), FIELDS)
def test_what_the_file_says_of_a_letter(fields: str, flags: tuple[str, ...]) -> None:
    (kept,) = read(MARK + b"A: b\n" + fields.encode() + b"\nC: d\n\nbody\n")
    assert kept.flags == flags
    assert kept.content == b"A: b\r\nC: d\r\n\r\nbody\r\n"


def test_labels() -> None:
    (kept,) = read(MARK + b'X-Gmail-Labels: Inbox,"A, B",\n =?UTF-8?Q?=E4=BB=95=E4=BA=8B?=\n\n')
    assert kept.labels == ("Inbox", "A, B", "仕事")


@pytest.mark.parametrize(
    ("head", "internal"),
    [
        (b"Received: by x; Tue, 24 Nov 2026 12:00:00 +0900\nReceived: by y; 1 Jan 2000 00:00 +0000\n", WHEN),
        (b"Received: nonsense\nDate: Tue, 24 Nov 2026 12:00:00 +0900\n", WHEN),
        (b"Date: 1 Jan 1950 00:00\n", 0),
        (b"A: b\n", 0),
    ],
)
def test_when_it_came_without_a_postmark(head: bytes, internal: int) -> None:
    assert keeping.read(head.replace(b"\n", b"\r\n") + b"\r\n").internal == internal


def test_an_entry() -> None:
    content = b"Subject: x\r\nStatus: old\r\n\r\nFrom a\r\n>From b\r\nend"
    flags = ("\\Seen", "\\Answered", "$Work")
    assert mbox.entry(content, sender="a@example.org", internal=WHEN, flags=flags) == (
        MARK + b"Subject: x\nStatus: RO\nX-Status: A\nX-Keywords: $Work\n\n>From a\n>>From b\nend\n\n"
    )
    assert mbox.entry(b"", sender="a b", internal=0) == b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970\nStatus: O\n\n\n"


LINES = st.sampled_from(
    [
        b"",
        b"From a",
        b">From a",
        b">>From b",
        MARK.strip(),
        b">" + MARK.strip(),
        b"text",
        b"\xe3\x81\x82",
        b" ",
        b"Status: RO",
    ]
)
LETTER = st.tuples(st.lists(LINES, max_size=6), st.lists(LINES, min_size=1, max_size=6))


@given(
    st.lists(
        st.tuples(
            LETTER,
            st.integers(0, 2**41),
            st.sets(
                st.sampled_from(["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$Forwarded", "work"])
            ),
        ),
        max_size=4,
    ),
    st.integers(1, 60),
)
def test_what_was_written_is_read_again(
    letters: list[tuple[tuple[list[bytes], list[bytes]], int, set[str]]], step: int
) -> None:
    made = []
    for (head, body), when, flags in letters:
        fields = [b"X-%d: %s" % (n, line) for n, line in enumerate(head)]
        content = b"".join(line + b"\r\n" for line in [*fields, b"", *body])
        made.append((content, when // 1000 * 1000, flags))
    file = b"".join(mbox.entry(content, internal=when, flags=tuple(flags)) for content, when, flags in made)
    found = read(file, step=step)
    assert [(kept.content, set(kept.flags)) for kept in found] == [(content, flags) for content, _, flags in made]
    assert [kept.internal for kept in found] == [when for _, when, _ in made]
    assert [kept.start for kept in found] == [0, *[kept.end for kept in found]][: len(found)]
    assert found == read(file)


@given(
    st.lists(st.sampled_from([b"\n", b"\r\n", b"From ", MARK, b">From ", b"A: b\n", b"x", b" "]), max_size=30),
    st.integers(1, 40),
)
def test_any_file_is_read_however_it_comes(pieces: list[bytes], step: int) -> None:
    file = b"".join(pieces)
    assert read(file, step=step) == read(file)
