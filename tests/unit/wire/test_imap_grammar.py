"""Commands to events: what each argument becomes, and what is refused with which words."""

import datetime

import pytest
from tests.support import imap_commands
from tests.support.imap_dialogue import Bare, heard, refused

from hatoba.model import criteria as keys
from hatoba.model import numbers
from hatoba.wire.imap import commands, events, items, offer, scanner, states
from hatoba.wire.imap.appending import VERBS as APPENDS
from hatoba.wire.imap.offer import Limits, Offer

A = items.Attribute
ALL = numbers.parse("1:*")
SECTION = items.Section


def test_every_verb_has_its_reader_and_its_state() -> None:
    assert set(commands.READERS) | APPENDS == states.VERBS
    assert set(states.NEEDS) <= states.VERBS
    assert set(states.NEEDS.values()) - {"STARTTLS", "SORT", "THREAD"} <= {*offer.EARLY, *offer.LATE}
    assert set(states.AFTER_OK) <= states.VERBS
    assert {name.upper() for name in (*offer.EARLY, *offer.LATE)} >= offer.ENABLEABLE


@pytest.mark.parametrize("command", imap_commands.RIGHT)
def test_what_is_right_is_heard(command: bytes) -> None:
    bare = Bare(Offer(tls=True, mechanisms=("PLAIN",)), Limits())
    if command.split()[0] not in (b"LOGIN", b"AUTHENTICATE", b"STARTTLS"):
        bare.hear(b"z LOGIN a b\r\nz ENABLE QRESYNC\r\nz SELECT INBOX\r\n")
    bare.hear(b"t " + command + b"\r\n")
    assert not [event for event in bare.seen if isinstance(event, events.Malformed)]
    assert isinstance(bare.seen[-1], events.Command)
    assert bare.seen[-1].tag == "t"


@pytest.mark.parametrize(
    ("command", "event"),
    [
        ('ID ("a" NIL "b" "c")', events.Id("t", (("a", None), ("b", "c")))),
        ("SELECT inbox", events.Select("t", "INBOX")),
        ("EXAMINE InBox/x", events.Select("t", "INBOX/x", examine=True)),
        ('SELECT "a \\"b\\\\"', events.Select("t", 'a "b\\')),
        ("SELECT &U9dP4Q-", events.Select("t", "受信")),
        ("SELECT x (CONDSTORE)", events.Select("t", "x", condstore=True)),
        ("CREATE a/", events.Create("t", "a")),
        ("CREATE Sent (USE (\\Sent \\Sent))", events.Create("t", "Sent", ("\\Sent",))),
        ("RENAME a b/", events.Rename("t", "a", "b")),
        ("LIST a %", events.List("t", "a", ("%",))),
        ('LIST () "" ""', events.List("t", "", ("",), extended=True)),
        (
            'list (special-use) "" * return (subscribed)',
            events.List("t", "", ("*",), frozenset(["SPECIAL-USE"]), frozenset(["SUBSCRIBED"]), extended=True),
        ),
        ('LSUB "" a*', events.Lsub("t", "", "a*")),
        ("STATUS a (messages MESSAGES size)", events.Status("t", "a", ("MESSAGES", "SIZE"))),
        ("SETACL a bob -lrl", events.SetAcl("t", "a", "bob", "-", "lr")),
        ('SETACL a bob ""', events.SetAcl("t", "a", "bob", "", "")),
        ('SETQUOTA "" ()', events.SetQuota("t", "", ())),
        ("GETMETADATA a (MAXSIZE 9) /shared/A", events.GetMetadata("t", "a", ("/shared/a",), maxsize=9)),
        ("SETMETADATA a (/private/x NIL)", events.SetMetadata("t", "a", (("/private/x", None),))),
        (b"SETMETADATA a (/private/x ~{2+}\r\n\0a)", events.SetMetadata("t", "a", (("/private/x", b"\0a"),))),
        ("STORE 1:* FLAGS ()", events.Store("t", ALL, "", ())),
        ("STORE $ -flags \\seen A a", events.Store("t", None, "-", ("\\Seen", "A"))),
        ("UID STORE 1:* (UNCHANGEDSINCE 0) +FLAGS.SILENT (x)", events.Store("t", ALL, "+", ("x",), True, True, 0)),
        ("UID EXPUNGE $", events.Expunge("t", None, True)),
        ("UID MOVE 1:* x", events.Move("t", ALL, "x", True)),
        ("FETCH 1:* FAST", events.Fetch("t", ALL, (A("FLAGS"), A("INTERNALDATE"), A("RFC822.SIZE")))),
        ("FETCH 1:* (FLAGS flags)", events.Fetch("t", ALL, (A("FLAGS"),))),
        ("UID FETCH 1:* (FLAGS UID)", events.Fetch("t", ALL, (A("UID"), A("FLAGS")), uid=True)),
        ("FETCH 1:* FLAGS (CHANGEDSINCE 3)", events.Fetch("t", ALL, (A("FLAGS"), A("MODSEQ")), changed_since=3)),
        ("FETCH 1:* body[]", events.Fetch("t", ALL, (SECTION(b"BODY[]"),))),
        ("FETCH 1:* RFC822.TEXT", events.Fetch("t", ALL, (SECTION(b"RFC822.TEXT", text="TEXT"),))),
        (
            'FETCH 1:* BODY.PEEK[1.2.header.fields.not (From "To")]<3.4>',
            events.Fetch(
                "t",
                ALL,
                (
                    SECTION(
                        b"BODY[1.2.HEADER.FIELDS.NOT (From To)]<3>", "1.2", "HEADER.FIELDS.NOT", ("From", "To"), "BODY",
                        True, 3, 4,
                    ),
                ),
            ),
        ),
        (
            "FETCH 1:* BINARY.SIZE[4]",
            events.Fetch("t", ALL, (SECTION(b"BINARY.SIZE[4]", "4", kind="BINARY.SIZE", peek=True),)),
        ),
        ("FETCH 1:* PREVIEW", events.Fetch("t", ALL, (items.Preview(),))),
        ("THREAD references us-ascii ALL", events.Thread("t", "REFERENCES", keys.All())),
        ("SORT (REVERSE size) UTF-8 SEEN", events.Sort("t", (("SIZE", True),), keys.Flagged("\\Seen"))),
        ("SEARCH RETURN () SEEN", events.Search("t", keys.Flagged("\\Seen"), returns=items.Returns(all=True))),
        ("SEARCH RETURN (SAVE) ALL", events.Search("t", keys.All(), returns=items.Returns(save=True))),
        (
            "UID SEARCH RETURN (PARTIAL 9:2) ALL",
            events.Search("t", keys.All(), True, items.Returns(partial=(2, 9))),
        ),
        ('CANCELUPDATE "x" "y"', events.CancelUpdate("t", ("x", "y"))),
    ],
)  # fmt: skip
def test_a_command_and_its_event(command: str | bytes, event: events.Event) -> None:
    assert heard(command) == event


DAY = datetime.date(1994, 2, 1).toordinal()
SEEN = keys.Flagged("\\Seen")


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("NEW", keys.And((keys.Recent(), keys.Not(SEEN)))),
        ("OLD", keys.Not(keys.Recent())),
        ("UNKEYWORD x", keys.Not(keys.Flagged("x"))),
        ("NOT (SEEN DELETED)", keys.Not(keys.And((SEEN, keys.Flagged("\\Deleted"))))),
        ("(SEEN)", SEEN),
        ("OR NOT SEEN $", keys.Or(keys.Not(SEEN), keys.Saved())),
        ("2:4", keys.Sequence(numbers.parse("2:4"), False)),
        ("*", keys.Sequence(numbers.parse("*"), False)),
        ("UID 2:4", keys.Sequence(numbers.parse("2:4"), True)),
        ("UID $", keys.Saved()),
        ('SENTON "1-Feb-1994"', keys.Dated("sent", "on", DAY)),
        ("SAVEDBEFORE 1-feb-1994", keys.Dated("saved", "before", DAY)),
        ("LARGER 5", keys.Size(True, 5)),
        ("SMALLER 5", keys.Size(False, 5)),
        ("OLDER 5", keys.Within(True, 5)),
        ("MODSEQ 5", keys.Modseq(5)),
        ("THREADID T_1", keys.ObjectId(True, "T_1")),
        ('HEADER X-Y ""', keys.Header("X-Y", "")),
        ("FUZZY (TEXT a NOT BODY b)", keys.And((keys.Text("text", "a", True), keys.Not(keys.Text("body", "b", True))))),
        ("FUZZY FROM a TO b", keys.And((keys.Text("from", "a", True), keys.Text("to", "b")))),
        ("CHARSET UTF-8 SUBJECT 受", None),
        ('SUBJECT "受"', keys.Text("subject", "受")),
    ],
)
def test_search_keys(written: str, key: keys.Key | None) -> None:
    if key is None:  # an atom is ASCII
        assert refused(f"SEARCH {written}").status == "BAD"
    else:
        assert heard(f"SEARCH {written}") == events.Search("t", key)


def test_needles_come_in_their_charset() -> None:
    for charset in ("iso-2022-jp", "EUC-JP", "Shift_JIS"):
        needle = "件名".encode(charset)
        command = b"SEARCH CHARSET %b SUBJECT {%d+}\r\n%b" % (charset.encode(), len(needle), needle)
        assert heard(command) == events.Search("t", keys.Text("subject", "件名"))
    assert refused("SEARCH CHARSET KOI9-X SUBJECT x").code.startswith("BADCHARSET (US-ASCII UTF-8")
    assert refused(b'SEARCH SUBJECT "\xff"').status == "BAD"


@pytest.mark.parametrize(
    ("written", "ms", "zone"),
    [
        ("17-Jul-1996 02:44:25 -0700", 837596665000, -420),
        (" 1-Jan-1970 00:00:00 +0000", 0, 0),
        ("01-jan-1970 09:00:60 +0900", 59000, 540),
    ],
)
def test_the_date_of_append(written: str, ms: int, zone: int) -> None:
    bare = Bare(Offer(), Limits())
    bare.hear(b'z LOGIN a b\r\nt APPEND x "%b" {1+}\r\nx\r\n' % written.encode())
    event = bare.seen[1]
    assert isinstance(event, events.Append)
    assert (event.internal, event.zone) == (ms, zone)


@pytest.mark.parametrize(
    "written",
    [
        "31-Feb-1996 02:44:25 -0700",
        "1-Jan-1996 02:44:25 -0700",
        "01-Xxx-1996 00:00:00 +0000",
        "01-Jan-1996 24:00:00 +0000",
        "01-Jan-1996 00:00:61 +0000",
        "01-Jan-1996 00:00:00 +0060",
    ],
)
def test_no_date_of_append(written: str) -> None:
    assert refused(b'APPEND x "%b" {1+}\r\nx' % written.encode()).status == "BAD"


def test_what_is_not_offered_does_not_exist() -> None:
    without = Offer(without=frozenset(["THREAD", "QUOTASET", "NOTIFY"]))
    for command in ("THREAD REFERENCES UTF-8 ALL", 'SETQUOTA "" ()', "NOTIFY NONE"):
        event = heard(command, given=without)
        assert isinstance(event, events.Malformed)
        assert event.kind == "unknown"
    assert isinstance(heard('GETQUOTA ""', given=without), events.GetQuota)
    told = without.capabilities(authenticated=True)
    assert not [name for name in told if name.startswith("THREAD")]
    event = heard("THREAD ORDEREDSUBJECT UTF-8 ALL", given=Offer(without=frozenset(["THREAD=ORDEREDSUBJECT"])))
    assert isinstance(event, events.Malformed)


def test_a_secret_is_not_in_the_words_of_an_event() -> None:
    assert "secret" not in repr(events.Login("t", "bob", "secret"))


def test_notify_names_one_mailbox_or_more() -> None:
    none = items.EventGroup("SUBTREE", ("a",))
    assert heard("NOTIFY SET (SUBTREE a NONE)") == events.Notify("t", (none,))
    assert heard("NOTIFY SET STATUS (Subtree (a a) none)") == events.Notify("t", (none,), status=True)
    event = heard("NOTIFY SET (SELECTED (messagenew PREVIEW messageexpunge))")
    assert isinstance(event, events.Malformed)
    event = heard("NOTIFY SET (SELECTED (messagenew (PREVIEW) messageexpunge))")
    group = items.EventGroup("SELECTED", (), ("MessageNew", "MessageExpunge"), (items.Preview(),))
    assert event == events.Notify("t", (group,))


def test_flags_stand_once_as_first_spelled() -> None:
    assert scanner.once(["a", "", "B", "A", "b"]) == ("a", "B")
