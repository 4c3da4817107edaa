"""Answers as octets."""

import pytest

from hatoba.model import numbers
from hatoba.wire.imap import codes, fetched, responses, results, strings

UIDS = numbers.parse("2,10:11")


@pytest.mark.parametrize(
    ("answer", "wire"),
    [
        (responses.Tagged("a1", "OK", "Done", codes.appenduid(7, UIDS)), "a1 OK [APPENDUID 7 2,10:11] Done"),
        (responses.Tagged("a1", "NO", ""), "a1 NO Done"),
        (responses.Tagged("a1", "NO", "a\r\nb\0 é"), "a1 NO a??b? ?"),
        (responses.Untagged("BYE", "x"), "* BYE x"),
        (responses.Continue("x\r\ny"), "+ x??y"),
        (responses.Challenge(b"go"), "+ Z28="),
        (responses.Capability(["IMAP4rev1", "ID"]), "* CAPABILITY IMAP4rev1 ID"),
        (responses.Enabled(["X"]), "* ENABLED X"),
        (responses.Enabled([]), "* ENABLED"),
        (responses.Id(), "* ID NIL"),
        (responses.Id((("name", 'ha"to'), ("os", None))), '* ID ("name" "ha\\"to" "os" NIL)'),
        (responses.Namespace(), '* NAMESPACE (("" "/")) NIL NIL'),
        (
            responses.Namespace(others=(("Users/", "/"),), shared=(("Öffentlich/", "/"),)),
            '* NAMESPACE (("" "/")) (("Users/" "/")) (("&ANY-ffentlich/" "/"))',
        ),
        (responses.List(("\\Marked",), "a b"), '* LIST (\\Marked) "/" "a b"'),
        (responses.List((), "", delimiter="/"), '* LIST () "/" ""'),
        (responses.List((), "x", delimiter=""), "* LIST () NIL x"),
        (
            responses.List((), "new", childinfo=("SUBSCRIBED",), oldname="old"),
            '* LIST () "/" new ("CHILDINFO" ("SUBSCRIBED") "OLDNAME" (old))',
        ),
        (responses.Lsub((), "nil"), '* LSUB () "/" "nil"'),
        (
            responses.MailboxStatus("x", (("MESSAGES", 1), ("MAILBOXID", "F1"), ("APPENDLIMIT", None))),
            "* STATUS x (MESSAGES 1 MAILBOXID (F1) APPENDLIMIT NIL)",
        ),
        (responses.Quota("", (("STORAGE", 1, 2), ("MESSAGE", 3, 4))), '* QUOTA "" (STORAGE 1 2 MESSAGE 3 4)'),
        (responses.QuotaRoot("INBOX", ("", "r")), '* QUOTAROOT INBOX "" "r"'),
        (responses.Acl("x", (("bob", "lr"), ("a b", ""))), '* ACL x bob lr "a b" ""'),
        (responses.ListRights("x", "bob", "", ("l", "r")), '* LISTRIGHTS x bob "" l r'),
        (responses.MyRights("x", "lrs"), "* MYRIGHTS x lrs"),
        (
            responses.Metadata("", (("/shared/a", b"v"), ("/shared/b", None))),
            '* METADATA "" (/shared/a "v" /shared/b NIL)',
        ),
        (responses.Metadata("x", (("/private/a", b"\0"),)), "* METADATA x (/private/a ~{1}\r\n\0)"),
        (responses.Metadata("x", changed=("/private/a",)), "* METADATA x /private/a"),
        (responses.Flags(("\\Seen", "k")), "* FLAGS (\\Seen k)"),
        (responses.Exists(3), "* 3 EXISTS"),
        (responses.Recent(3), "* 3 RECENT"),
        (responses.Expunge(3), "* 3 EXPUNGE"),
        (responses.Vanished(UIDS, earlier=True), "* VANISHED (EARLIER) 2,10:11"),
        (responses.Vanished(UIDS), "* VANISHED 2,10:11"),
        (responses.Search([2, 1]), "* SEARCH 2 1"),
        (responses.Search([], modseq=5), "* SEARCH"),
        (responses.Search([2], modseq=5), "* SEARCH 2 (MODSEQ 5)"),
        (responses.Search([2], verb="SORT"), "* SORT 2"),
        (
            responses.ESearch("a1", uid=True, min=2, count=3, all=UIDS, modseq=9),
            '* ESEARCH (TAG "a1") UID MIN 2 ALL 2,10:11 COUNT 3 MODSEQ 9',
        ),
        (responses.ESearch("a\\1"), '* ESEARCH (TAG "a\\\\1")'),
        (responses.ESearch(partial=((-1, -9), None)), "* ESEARCH PARTIAL (-1:-9 NIL)"),
        (
            responses.ESearch(partial=((1, 9), UIDS), relevancy=(4, 99)),
            "* ESEARCH PARTIAL (1:9 2,10:11) RELEVANCY (4 99)",
        ),
        (
            responses.ESearch("x", updates=(("ADDTO", 0, UIDS), ("REMOVEFROM", 1, UIDS))),
            '* ESEARCH (TAG "x") ADDTO (0 2,10:11) REMOVEFROM (1 2,10:11)',
        ),
        (responses.Thread(()), "* THREAD"),
        (
            responses.Thread(((2, ()), (3, ((6, ((4, ((23, ()),)), (44, ((7, ((96, ()),)),)))),)))),
            "* THREAD (2)(3 6 (4 23)(44 7 96))",
        ),
        (responses.Thread(((0, ((3, ()), (5, ()))),)), "* THREAD ((3)(5))"),
    ],
)
def test_an_answer(answer: responses.Answer, wire: str) -> None:
    assert answer.wire(False) == wire.encode() + b"\r\n"


def test_a_deep_thread_is_written() -> None:
    node: results.Node = (5000, ())
    for number in range(4999, 0, -1):
        node = (number, (node, (9000 + number, ())))
    wire = responses.Thread((node,)).wire(False)
    assert wire.startswith(b"* THREAD (1 (2 (3 (4 (5")
    assert wire.endswith(b"(9003))(9002))(9001))\r\n")
    assert wire.count(b"(") == wire.count(b")") == 9999


def test_utf8_where_it_is_enabled() -> None:
    assert responses.List((), "受信 &").wire(True) == '* LIST () "/" "受信 &"\r\n'.encode()
    assert responses.List((), "受信 &").wire(False) == b'* LIST () "/" "&U9dP4Q- &-"\r\n'
    assert responses.Tagged("a", "NO", "件名\u2028").wire(True) == "a NO 件名?\r\n".encode()


def test_the_end_of_a_connection() -> None:
    tagged = responses.Closing(responses.Tagged("a", "BAD", "x"), "Bye")
    assert (tagged.wire(False), tagged.then) == (b"* BYE Bye\r\na BAD x\r\n", "close")
    assert responses.Closing(responses.Untagged("BAD", "x"), "Bye").wire(False) == b"* BAD x\r\n* BYE Bye\r\n"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (codes.copyuid(7, UIDS, UIDS), "COPYUID 7 2,10:11 2,10:11"),
        (codes.permanentflags(["\\Seen", "\\*"]), "PERMANENTFLAGS (\\Seen \\*)"),
        (codes.uidvalidity(7), "UIDVALIDITY 7"),
        (codes.uidnext(7), "UIDNEXT 7"),
        (codes.unseen(7), "UNSEEN 7"),
        (codes.highestmodseq(7), "HIGHESTMODSEQ 7"),
        (codes.modified(UIDS), "MODIFIED 2,10:11"),
        (codes.mailboxid("F7"), "MAILBOXID (F7)"),
        (codes.capability(["A", "B"]), "CAPABILITY A B"),
        (codes.badcharset(["UTF-8"]), "BADCHARSET (UTF-8)"),
        (codes.badurl('/"x\\'), 'BADURL "/\\"x\\\\"'),
        (codes.noupdate("a"), 'NOUPDATE "a"'),
        (codes.inprogress("a", 1), 'INPROGRESS ("a" 1 NIL)'),
        (codes.metadata_longentries(7), "METADATA LONGENTRIES 7"),
        (codes.metadata_maxsize(7), "METADATA MAXSIZE 7"),
    ],
)
def test_a_code(code: str, text: str) -> None:
    assert code == text


@pytest.mark.parametrize(
    ("octets", "utf8", "wire"),
    [
        (b"plain", False, b'"plain"'),
        (b'a"\\b', False, b'"a\\"\\\\b"'),
        (b"a\r\nb", False, b"{4}\r\na\r\nb"),
        (b"a\0b", False, b"~{3}\r\na\0b"),
        (b"\xe3\x81\x82", False, b"{3}\r\n\xe3\x81\x82"),
        (b"\xe3\x81\x82", True, b'"\xe3\x81\x82"'),
        (b"x" * 1001, False, b"{1001}\r\n" + b"x" * 1001),
        (b"", False, b'""'),
    ],
)
def test_a_string(octets: bytes, utf8: bool, wire: bytes) -> None:
    assert strings.string(octets, utf8) == wire
    assert strings.nstring(octets, utf8) == wire
    assert strings.nstring(None) == b"NIL"


def test_fetch_one_and_many() -> None:
    assert fetched.fetch(5, [(b"UID", b"17"), (b"FLAGS", b"(\\Seen)")]) == b"* 5 FETCH (UID 17 FLAGS (\\Seen))\r\n"
    row = fetched.Row((b"UID", b"BODY[%d]"))
    assert row.lines([(1, b"2", b"x"), (3, b"4", b"y")]) == (
        b"* 1 FETCH (UID 2 BODY[%d] x)\r\n* 3 FETCH (UID 4 BODY[%d] y)\r\n"
    )
    assert row.line((1, b"2", b"x")) == b"* 1 FETCH (UID 2 BODY[%d] x)\r\n"
    row = fetched.Row((b"FLAGS", b"BODY[]"), fetched.UIDFETCH, literals=(b"BODY[]",))
    assert row.lines([(1, b"()", b"abc"), (2, b"()", b"")]) == (
        b"* 1 UIDFETCH (FLAGS () BODY[] {3}\r\nabc)\r\n* 2 UIDFETCH (FLAGS () BODY[] {0}\r\n)\r\n"
    )


def test_bodies_are_streamed() -> None:
    items: list[tuple[bytes, bytes | fetched.Body]] = [
        (b"UID", b"4"),
        (b"BODY[]", fetched.Body(3, [b"ab", b"c"])),
        (b"BINARY[1]", fetched.Body(1, [b"\0"], eight=True)),
        (b"X", b"{1}\r\n "),
    ]
    assert b"".join(fetched.streamed(9, items)) == (
        b"* 9 FETCH (UID 4 BODY[] {3}\r\nabc BINARY[1] ~{1}\r\n\0 X {1}\r\n )\r\n"
    )
    assert b"".join(fetched.streamed(9, items[1:2])) == b"* 9 FETCH (BODY[] {3}\r\nabc)\r\n"


@pytest.mark.parametrize("pieces", [[b"ab"], [b"ab", b"cd"], []])
def test_a_body_of_another_size_is_cut(pieces: list[bytes]) -> None:
    with pytest.raises(ValueError, match="3 octets"):
        list(fetched.streamed(9, [(b"BODY[]", fetched.Body(3, pieces))]))
