"""What the grammar refuses, with which words and codes, and what of it is bounded."""

import pytest
from tests.support.imap_dialogue import Bare, heard, refused

from hatoba.wire.imap import events, responses
from hatoba.wire.imap.offer import Offer


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        ("SELECT x (NONSENSE)", "BAD", ""),
        ("SELECT &x", "NO", "CANNOT"),
        ("CREATE x (NONSENSE (a))", "BAD", ""),
        ('LIST (RECURSIVEMATCH) "" *', "BAD", ""),
        ('LIST "" * RETURN (NONSENSE)', "BAD", ""),
        ('LIST "" * NONSENSE ()', "BAD", ""),
        ("STATUS x ()", "BAD", ""),
        ("STATUS x (NONSENSE)", "BAD", ""),
        ("ID (a b c)", "BAD", ""),
        ('ID ("a")', "BAD", ""),
        ('ID (NIL "a")', "BAD", ""),
        ("ENABLE", "BAD", ""),
        ("COMPRESS LZ4", "NO", ""),
        ("SETACL x bob lrA", "BAD", ""),
        ("GETMETADATA x /private/", "BAD", ""),
        ("GETMETADATA x /other/a", "BAD", ""),
        ("GETMETADATA (DEPTH 2) x /shared/a", "BAD", ""),
        ("NOTIFY SOME", "BAD", ""),
        ("NOTIFY SET (INBOXES (MessageNew))", "BAD", ""),
        ("NOTIFY SET (INBOXES (FlagChange))", "BAD", ""),
        ("NOTIFY SET (SELECTED (MailboxName))", "BAD", ""),
        ("NOTIFY SET (INBOXES (MessageNew (UID) MessageExpunge))", "BAD", ""),
        ("NOTIFY SET (SELECTED NONE) (SELECTED-DELAYED NONE)", "BAD", ""),
        ("NOTIFY SET (INBOXES (AnnotationChange))", "NO", "BADEVENT (FlagChange MailboxMetadataChange MailboxName "
         "MessageExpunge MessageNew ServerMetadataChange SubscriptionChange)"),
        ("STORE 0 FLAGS ()", "BAD", ""),
        ("STORE 1 FLAGS (\\Nonsense)", "BAD", ""),
        ("STORE 1 NONSENSE (x)", "BAD", ""),
        ("FETCH 1 (FLAGS ALL)", "BAD", ""),
        ("FETCH 1 BODY[MIME]", "BAD", ""),
        ("FETCH 1 BODY[0]", "BAD", ""),
        ("FETCH 1 BINARY[1.MIME]", "BAD", ""),
        ("FETCH 1 BODY[]<0.0>", "BAD", ""),
        ("FETCH 1 BODY[HEADER.FIELDS ()]", "BAD", ""),
        ("FETCH 1 BODY[1.", "BAD", ""),
        ("FETCH 1 FLAGS (PARTIAL 1:2)", "BAD", ""),
        ("UID FETCH 1 FLAGS (VANISHED)", "BAD", ""),
        ("UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", "BAD", ""),  # before ENABLE QRESYNC
        ("UID FETCH 1 FLAGS (PARTIAL 1:-2)", "BAD", ""),
        ("SEARCH", "BAD", ""),
        ("SEARCH NONSENSE", "BAD", ""),
        ("SEARCH OR SEEN", "BAD", ""),
        ("SEARCH (SEEN", "BAD", ""),
        ("SEARCH ON 30-Feb-1994", "BAD", ""),
        ("SEARCH RETURN (ALL PARTIAL 1:2) ALL", "BAD", ""),
        ("SORT () UTF-8 ALL", "BAD", ""),
        ("SORT (NONSENSE) UTF-8 ALL", "BAD", ""),
        ("THREAD REFS UTF-8 ALL", "BAD", ""),
        ("APPEND x (\\Seen)", "BAD", ""),
        ("APPEND x {9999999999999999999}", "NO", "TOOBIG"),
        ("APPEND x CATENATE (DATA {3}", "BAD", ""),
        ('APPEND x CATENATE (URL "/%FF/;uid=3")', "NO", 'BADURL "/%FF/;uid=3"'),
        ("SEARCH HEADER a:b x", "BAD", ""),
        ('SEARCH MODSEQ "/other" all 3', "BAD", ""),
        ("SEARCH EMAILID a.b", "BAD", ""),
        ("SEARCH ON yesterday", "BAD", ""),
        ("SEARCH LARGER x", "BAD", ""),
        ("SEARCH LARGER 9999999999999999999", "BAD", ""),
        ("SEARCH RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL", "BAD", ""),
        ("SEARCH RETURN (PARTIAL 1:9999999999) ALL", "BAD", ""),
        ("SEARCH RETURN (NONSENSE) ALL", "BAD", ""),
        ("FETCH 1 (!)", "BAD", ""),
        ("FETCH 1 !", "BAD", ""),
        ("FETCH x FLAGS", "BAD", ""),
        ("FETCH 1 PREVIEW (HASTY)", "BAD", ""),
        ("FETCH 1 BODY[HEADER.FIELDS (a:b)]", "BAD", ""),
        ("FETCH 1 FLAGS (NONSENSE)", "BAD", ""),
        ('LIST (NONSENSE) "" *', "BAD", ""),
        ("SELECT x (QRESYNC (1 2) QRESYNC (1 2))", "BAD", ""),
        ("STORE 1 (NONSENSE 3) FLAGS ()", "BAD", ""),
        ("STORE 1 FLAGS (x {3})", "BAD", ""),
        ("GETMETADATA (NONSENSE 3) x /shared/a", "BAD", ""),
        ("GETMETADATA (DEPTH 1 DEPTH 1) x /shared/a", "BAD", ""),
        ("NOTIFY SET (NOBODY NONE)", "BAD", ""),
        ("NOTIFY SET (INBOXES SOME)", "BAD", ""),
        ("DELETEACL x \"\"", "BAD", ""),
    ],
)  # fmt: skip
def test_a_refusal(command: str, status: str, code: str) -> None:
    reply = refused(command)
    assert (reply.status, reply.code) == (status, code)


def test_what_has_no_end_is_bounded() -> None:
    assert refused("SEARCH " + "NOT " * 100 + "SEEN").code == "LIMIT"
    assert refused("SEARCH " + "(" * 100 + "SEEN" + ")" * 100).code == "LIMIT"
    assert refused("SEARCH" + " SEEN" * 2001).code == "LIMIT"
    assert refused(f"FETCH 1 ({' '.join(f'BODY[]<{n}.1>' for n in range(257))})").code == "LIMIT"
    assert refused("FETCH 1 BODY[" + "1." * 101 + "1]").status == "BAD"
    assert refused("STORE 1 FLAGS (" + "x" * 300 + ")").status == "BAD"
    assert refused("SELECT " + "x" * 1025).code == "CANNOT"
    assert refused("SEARCH TEXT " + "x" * 8193).code == "LIMIT"
    assert refused("SORT (" + " ".join(["REVERSE DATE", "SIZE"] * 11) + ") UTF-8 ALL").code == "LIMIT"
    assert refused("CANCELUPDATE" + ' "x"' * 101).code == "LIMIT"
    assert refused('LIST "" (' + " ".join(f"a{n}" for n in range(101)) + ")").code == "LIMIT"
    assert refused("GETMETADATA x (" + " ".join(f"/shared/{n}" for n in range(201)) + ")").code == "LIMIT"
    assert (
        refused("SETMETADATA x (" + " ".join(f"/shared/{n} NIL" for n in range(201)) + ")").code == "METADATA TOOMANY"
    )
    assert refused("NOTIFY SET" + " (INBOXES NONE)" * 51).code == "NOTIFICATIONOVERFLOW"
    names = " ".join(f"a{n}" for n in range(1001))
    assert refused(f"NOTIFY SET (MAILBOXES ({names}) NONE)").code == "NOTIFICATIONOVERFLOW"
    assert refused('SETQUOTA "" (' + " ".join(f"R{n} 1" for n in range(21)) + ")").status == "BAD"
    assert refused('ID ("name" "' + "x" * 1025 + '")').status == "BAD"


def test_literals_that_do_not_wait_are_small_without_literal_plus() -> None:
    given = Offer(without=frozenset(["LITERAL+"]))
    told = given.capabilities(authenticated=False)
    assert "LITERAL-" in told
    assert "LITERAL+" not in told
    for before in (b"APPEND x", b"APPEND x {3+}\r\nabc", b"SEARCH TEXT"):
        small = heard(before + b" {4096+}\r\n" + b"x" * 4096, given=given)
        assert isinstance(small, events.AppendEnd | events.Search)
        large = heard(before + b" {4097+}\r\n" + b"x" * 4097, given=given)
        assert isinstance(large, events.AppendEnd | events.Malformed)
        reply = large.reply if isinstance(large, events.Malformed) else large.fault
        assert isinstance(reply, responses.Tagged)
        assert (reply.status, reply.code) == ("NO", "TOOBIG")


def test_what_is_not_text() -> None:
    assert refused(b'GETQUOTA "\xff"').text == "A quota root is not UTF-8"
    assert refused(b"APPEND x UTF8 (~{3+}\r\nabc x").text == "A closing parenthesis is missing"
    bare = Bare()
    bare.hear(b"t AUTHENTICATE PLAIN ###\r\n")
    assert isinstance(bare.seen[-1], events.Malformed)
    assert not Offer(rights="").capabilities(authenticated=True)[-1].startswith("RIGHTS")
