"""Maps and rules: addresses and fields changed as the settings say, nothing else, and no signature broken unsaid."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hatoba.directory import roster
from hatoba.directory.directory import Directory
from hatoba.intake.case import Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.rewriting.pattern import Pattern
from hatoba.intake.rewriting.settings import Canonical, HeaderRule, Masquerade, Settings
from hatoba.message import headers
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source
from hatoba.model.status import Refusal
from hatoba.store import blobs

NOW = 1_700_000_000_000
NUMBER = 1 << 60
MX = Source("mx", "192.0.2.1", 25, "client.example")
ALICE = Source("submission", "2001:db8::1", 587, "laptop", "TLSv1.3 X", "alice@example.org")
Make = Callable[..., Desk]
HEAD = (
    b'From: =?utf-8?B?44GC?= "x@old.example"\r\n <alice@old.example>\r\n'
    b"To: team: bob@old.example (c),\r\n\tcarol@b.example;\r\n"
    b"Subject: old words\r\n"
    b"Date: x\r\n"
    b"Message-ID: <1@old.example>\r\n"
)
PLAIN = HEAD + b"\r\nalice@old.example stays\r\n"
MOVED = Settings(canonical=(Canonical("@old.example", "@new.example"),))


def letter(
    desk: Desk,
    content: bytes = PLAIN,
    source: Source = ALICE,
    sender: str = "alice@example.org",
    to: str = "x@example.net",
) -> Letter:
    transaction = desk.begin(source, Reverse(Address.parse(sender) if sender else None), NUMBER, NOW)
    for one in to.split():
        transaction.recipient(Recipient(Address.parse(one)))
    made = transaction.end(content, dotted=False, eightbit=False, now=NOW)
    assert isinstance(made, Letter)
    return made


def body(made: Letter) -> bytes:
    """The content without the Received field on top."""
    assert made.content is not None
    assert made.size == len(made.content)
    return made.content[made.content.index(b"+0000\r\n") + 7 :]


def rewrites(made: Letter) -> list[str]:
    notes = made.notes.rewrites if made.notes is not None else ()
    return [f"{what}: {before} > {after}" for what, before, after in notes]


def rule(*rules: HeaderRule) -> Settings:
    return Settings(header=rules)


def test_nothing_to_do_leaves_the_very_content(desk: Make) -> None:
    assert body(letter(desk())) == PLAIN
    made = letter(desk(rewrite=Settings(canonical=(Canonical("@none.example", "@new.example"),))))
    assert body(made) == PLAIN
    assert rewrites(made) == []


def test_canonical_addresses_of_the_header(desk: Make) -> None:
    made = letter(desk(rewrite=MOVED))
    assert body(made) == (
        b'From: =?utf-8?B?44GC?= "x@old.example"\r\n <alice@new.example>\r\n'
        b"To: team: bob@new.example (c),\r\n\tcarol@b.example;\r\n"
        b"Subject: old words\r\n"
        b"Date: x\r\n"
        b"Message-ID: <1@old.example>\r\n"
        b"\r\nalice@old.example stays\r\n"
    )
    assert rewrites(made) == [
        "From by canonical @old.example: alice@old.example > alice@new.example",
        "To by canonical @old.example: bob@old.example > bob@new.example",
    ]
    assert "alice@new.example" in made.header_from


def test_sides_and_places(desk: Make) -> None:
    def made(**options: object) -> Letter:
        one = Canonical("@old.example", "@new.example", **options)  # type: ignore[arg-type] # by name
        house = desk(rewrite=Settings(canonical=(one,)), relay_networks=("192.0.2.1",))
        return letter(house, PLAIN, MX, "s@old.example", "r@old.example")

    both = made()
    assert (str(both.envelope.sender), str(both.envelope.recipients[0].address)) == ("s@new.example", "r@new.example")
    assert both.envelope.recipients[0].orcpt == "rfc822;r@old.example"
    assert "sender by canonical @old.example: s@old.example > s@new.example" in rewrites(both)
    assert "recipient by canonical @old.example: r@old.example > r@new.example" in rewrites(both)
    sender = made(side="sender")
    assert (str(sender.envelope.sender), str(sender.envelope.recipients[0].address)) == (
        "s@new.example",
        "r@old.example",
    )
    assert b"<alice@new.example>" in body(sender)
    assert b"bob@old.example" in body(sender)
    recipient = made(side="recipient")
    assert str(recipient.envelope.sender) == "s@old.example"
    assert b"<alice@old.example>" in body(recipient)
    assert b"bob@new.example" in body(recipient)
    envelope = made(where="envelope")
    assert str(envelope.envelope.sender) == "s@new.example"
    assert body(envelope) == PLAIN
    header = made(where="header")
    assert str(header.envelope.sender) == "s@old.example"
    assert b"bob@new.example" in body(header)


def test_strangers_letters_are_left_alone_unless_all_are_meant(desk: Make) -> None:
    assert body(letter(desk(rewrite=MOVED), source=MX, sender="s@old.example")) == PLAIN
    everybody = Settings(canonical=(Canonical("@old.example", "@new.example", letters="all"),))
    made = letter(desk(rewrite=everybody), source=MX, sender="s@old.example")
    assert b"<alice@new.example>" in body(made)
    assert str(made.envelope.sender) == "s@new.example"


def test_the_first_entry_decides(desk: Make) -> None:
    table = (
        Canonical("alice@old.example", "A.Liddell@example.org"),
        Canonical(r"/^(.*)@(old|older)\.example$/", r"\1.\2@new.example"),
        Canonical("@old.example", "@never.example"),
    )
    made = body(letter(desk(rewrite=Settings(canonical=table))))
    assert b"<A.Liddell@example.org>" in made
    assert b"bob.old@new.example" in made
    assert b"never" not in made
    one = Settings(canonical=(Canonical("@old.example", "all@new.example"),))
    assert b"<all@new.example>" in body(letter(desk(rewrite=one)))
    broken = Settings(canonical=(Canonical(r"/^(.*)@old\.example$/", r"\1..@new.example"),))
    assert body(letter(desk(rewrite=broken))) == PLAIN  # what is no address any more is not written


def test_masquerading(desk: Make) -> None:
    masked = Settings(
        masquerade=Masquerade(
            domains=("example.org", "!mail.example.org", "deep.mail.example.org"), exceptions=("ROOT",)
        )
    )
    content = (
        b"From: alice@host.example.org\r\nTo: root@host.example.org, b@x.y.example.org, c@mail.example.org,\r\n"
        b" d@a.mail.example.org, e@z.deep.mail.example.org, f@example.org, g@notexample.org\r\n"
        b"Date: x\r\nMessage-ID: <1@x>\r\n\r\n"
    )
    made = letter(desk(rewrite=masked), content, to="x@sub.example.org")
    assert body(made).startswith(
        b"From: alice@example.org\r\nTo: root@host.example.org, b@example.org, c@mail.example.org,\r\n"
        b" d@a.mail.example.org, e@deep.mail.example.org, f@example.org, g@notexample.org\r\n"
    )
    assert str(made.envelope.recipients[0].address) == "x@sub.example.org"  # never the envelope's recipients
    inside = desk(rewrite=masked, relay_networks=("192.0.2.1",))
    assert str(letter(inside, content, MX, "cron@host.example.org").envelope.sender) == "cron@example.org"
    half = Settings(masquerade=Masquerade(domains=("example.org",), side="sender"))
    assert b"b@x.y.example.org" in body(letter(desk(rewrite=half), content))


SIGNED = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=old.example; s=s;\r\n\th=From:to:\r\n Subject:Subject; bh=x; b=y\r\n" + PLAIN
)


def test_a_signed_field_is_not_changed_unsaid(desk: Make) -> None:
    everybody = Settings(canonical=(Canonical("@old.example", "@new.example", letters="all"),))
    made = letter(desk(rewrite=everybody), SIGNED, MX, "s@x.example")
    assert body(made) == SIGNED
    assert rewrites(made) == [
        "From left as it is: signed: alice@old.example > alice@new.example",
        "To left as it is: signed: bob@old.example > bob@new.example",
    ]
    said = Settings(canonical=(Canonical("@old.example", "@new.example", letters="all", signed=True),))
    made = letter(desk(rewrite=said), SIGNED, MX, "s@x.example")
    assert b"<alice@new.example>" in body(made)
    assert "From by canonical @old.example, breaking a signature: alice@old.example > alice@new.example" in rewrites(
        made
    )
    unsigned = SIGNED.replace(b"h=From:to:", b"h=Date:")
    assert b"<alice@new.example>" in body(letter(desk(rewrite=everybody), unsigned, MX, "s@x.example"))


@pytest.mark.parametrize("action", ["add", "remove", "replace"])
def test_rules_and_signatures(desk: Make, action: str) -> None:
    def one(signed: bool) -> Settings:
        return rule(HeaderRule("Subject", action, match="old", value="new", signed=signed))  # type: ignore[arg-type] # one of them

    kept = letter(desk(rewrite=one(False)), SIGNED, MX, "s@x.example")
    assert body(kept) == SIGNED  # h= names Subject twice: even one more would break it
    assert "signed" in rewrites(kept)[0]
    broken = letter(desk(rewrite=one(True)), SIGNED, MX, "s@x.example")
    assert body(broken) != SIGNED
    assert "breaking a signature" in rewrites(broken)[0]
    # a field on top that no signature has closed breaks none
    free = letter(desk(rewrite=rule(HeaderRule("To", "add", value="x@y.example"))), SIGNED, MX, "s@x.example")
    assert body(free) == b"To: x@y.example\r\n" + SIGNED
    assert "breaking" not in rewrites(free)[0]


def test_rules(desk: Make) -> None:
    rules = rule(
        HeaderRule("X-One", "add", value="1"),
        HeaderRule("X-Two", "add", value="\u65e5\u672c"),
        HeaderRule("SUBJECT", "default", value="none"),
        HeaderRule("Reply-To", "default", value="desk@example.org"),
        HeaderRule("subject", "replace", match="(?i)OLD (w)", value=r"[\1] new "),
        HeaderRule("Message-ID", "remove", match="nothing"),
        HeaderRule("date", "remove"),
    )
    made = letter(desk(rewrite=rules), source=MX, sender="s@x.example")
    assert body(made) == (
        b"Reply-To: desk@example.org\r\nX-Two: =?utf-8?B?5pel5pys?=\r\nX-One: 1\r\n"
        + PLAIN.replace(b"Date: x\r\n", b"").replace(b"Subject: old words", b"Subject: [w] new ords")
    )
    assert made.subject == "[w] new ords"
    assert rewrites(made) == [
        "header rule 1: X-One added:  > 1",
        "header rule 2: X-Two added:  > \u65e5\u672c",
        "header rule 4: Reply-To added:  > desk@example.org",
        "header rule 5: Subject replaced: old words > [w] new ords",
        "header rule 7: Date removed: x > ",
    ]


def test_every_field_of_the_name(desk: Make) -> None:
    content = b"X-A: 1\r\nFrom: a@b.example\r\nX-a : 2\r\n more\r\nX-A: 1\r\n\r\n"
    made = letter(desk(rewrite=rule(HeaderRule("x-a", "remove", match="1|more"))), content, MX, "s@x.example")
    assert body(made) == b"From: a@b.example\r\n\r\n"
    made = letter(
        desk(rewrite=rule(HeaderRule("x-a", "replace", match="[0-9]", value="n"))), content, MX, "s@x.example"
    )
    assert body(made) == b"X-A: n\r\nFrom: a@b.example\r\nX-a : n more\r\nX-A: n\r\n\r\n"


@pytest.mark.parametrize(
    ("options", "source", "sender", "to", "applies"),
    [
        ({"doors": ("submission",)}, MX, "s@x.example", "x@example.net", False),
        ({"doors": ("mx", "submissions")}, MX, "s@x.example", "x@example.net", True),
        ({"direction": "in"}, MX, "s@x.example", "x@example.net", True),
        ({"direction": "in"}, ALICE, "alice@example.org", "x@example.net", False),
        ({"direction": "out"}, ALICE, "alice@example.org", "x@example.net", True),
        ({"senders": ("X.example",)}, MX, "s@x.example", "x@example.net", True),
        ({"senders": ("x.example",)}, MX, "s@sub.x.example", "x@example.net", False),
        ({"senders": ("x.example",)}, MX, "", "x@example.net", False),
        ({"recipients": ("example.net",)}, MX, "s@x.example", "bob@example.org x@example.net", True),
        ({"recipients": ("example.net",)}, MX, "s@x.example", "bob@example.org", False),
    ],
)
def test_conditions(
    desk: Make, options: dict[str, object], source: Source, sender: str, to: str, applies: bool
) -> None:
    one = HeaderRule("X-Rule", "add", value="yes", **options)  # type: ignore[arg-type] # by name
    made = letter(desk(rewrite=rule(one)), PLAIN, source, sender, to)
    assert (b"X-Rule: yes\r\n" in body(made)) == applies


@pytest.mark.parametrize(
    "wrong",
    [
        Settings(canonical=(Canonical("no address", "a@b.example"),)),
        Settings(canonical=(Canonical("a@b.example", "nowhere"),)),
        Settings(canonical=(Canonical("a@b.example", "@c.example"),)),
        Settings(canonical=(Canonical("@b c", "@c.example"),)),
        Settings(canonical=(Canonical("/(unclosed/", "x@y.example"),)),
        Settings(canonical=(Canonical("/(a)/", r"\2@y.example"),)),
        Settings(canonical=(Canonical(r"/(?=a)b/", "x@y.example"),)),
        Settings(masquerade=Masquerade(domains=("b c",))),
        rule(HeaderRule("Received", "remove")),
        rule(HeaderRule("DKIM-Signature", "remove")),
        rule(HeaderRule("ARC-Seal", "remove")),
        rule(HeaderRule("X", "add")),
        rule(HeaderRule("X", "replace", value="y")),
        rule(HeaderRule("X", "add", value="a\r\nBcc: b@c.example")),
        rule(HeaderRule("X", "replace", match="x", value="a\nb")),
        rule(HeaderRule("X", "replace", match="(", value="y")),
        rule(HeaderRule("X", "add", value="y", senders=("b c",))),
    ],
)
def test_settings_that_make_no_sense(desk: Make, wrong: Settings) -> None:
    with pytest.raises(ValueError, match=r".+"):
        desk(rewrite=wrong)


def test_a_map_opens_no_relay(desk: Make) -> None:
    out = Settings(canonical=(Canonical("@example.org", "@elsewhere.example", letters="all"),))
    with pytest.raises(Refusal) as caught:
        letter(desk(rewrite=out), PLAIN, MX, "s@x.example", "bob@example.org")
    assert caught.value.status.code == "5.7.1"
    assert (
        str(letter(desk(rewrite=out), to="bob@example.org").envelope.recipients[0].address) == "bob@elsewhere.example"
    )
    astray = Settings(canonical=(Canonical("@example.net", "@example.org", letters="all"),))
    for source, sender in ((MX, "s@x.example"), (ALICE, "alice@example.org")):
        for local, code in (("nobody", "5.1.1"), ("off", "5.2.1")):
            with pytest.raises(Refusal) as caught:
                letter(desk(rewrite=astray), PLAIN, source, sender, f"{local}@example.net")
            assert caught.value.status.code == code
    assert (
        str(letter(desk(rewrite=astray), PLAIN, MX, "s@x.example", "bob@example.net").envelope.recipients[0].address)
        == "bob@example.org"
    )


def test_a_map_leads_to_an_alias(desk: Make, directories: Callable[..., Directory]) -> None:
    directory = directories()
    roster.add(directory, roster.shaped(directory, "info@example.org", ["alice@example.org", "bob@example.org"], NOW))
    maps = Settings(canonical=(Canonical("@old.example", "@example.org"),))
    made = letter(desk(rewrite=maps, of=directory), to="info@old.example")
    assert [str(recipient.address) for recipient in made.envelope.recipients] == [
        "alice@example.org",
        "bob@example.org",
    ]


def test_a_large_letter_on_disk(desk: Make, folder: blobs.Folder) -> None:
    house = desk(rewrite=MOVED, spill=1024, header=1024)
    transaction = house.begin(ALICE, Reverse(Address.parse("alice@example.org")), NUMBER, NOW)
    transaction.recipient(Recipient(Address.parse("x@example.net")))
    transaction.chunk(PLAIN)
    transaction.chunk(b"x" * 70 + b"\r\n" * 1000)
    made = transaction.end(b"end\r\n", dotted=False, eightbit=False, now=NOW)
    assert isinstance(made, Letter)
    assert made.content is None
    assert b"<alice@new.example>" in made.top
    assert transaction.draft is not None
    assert transaction.draft.size == made.apart
    transaction.discard()


def test_no_pattern_stops_the_clock() -> None:
    """What makes a backtracking engine count the stars: linear here, by construction."""
    assert not Pattern("(a*)*b").found(b"a" * 100_000)
    assert Pattern("(x+x+)+y", "z").replaced(b"x" * 50_000) == b"x" * 50_000


def test_octets_that_are_no_text(desk: Make) -> None:
    content = b"From: a@b.example\r\nSubject: \xff\xfe old \x83\x65\r\nX-Bin: \x00\x01\r\n\r\n"
    rules = rule(HeaderRule("Subject", "replace", match="old", value="new"), HeaderRule("X-None", "remove"))
    made = letter(desk(rewrite=rules), content, MX, "s@x.example")
    assert body(made) == content.replace(b"old", b"new")


FIELDS = st.sampled_from(
    [
        b"Subject: old words\r\n", b"X-A: 1\r\n 2\r\n", b"From: a@old.example\r\n",
        b"To: <b@c.example>,\r\n\t<d@old.example>\r\n",
        b"no field at all\r\n", b"X-Long: " + b"y " * 300 + b"\r\n", b"\xff: \xfe\r\n", b"Cc: g: a@b.example;\r\n",
    ]
)  # fmt: skip


@given(st.lists(FIELDS, max_size=8), st.binary(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_what_no_rule_names_stays_to_the_octet(desk: Make, fields: list[bytes], rest: bytes) -> None:
    content = b"X-First: 1\r\n" + b"".join(fields) + b"\r\n" + rest
    rules = Settings(
        canonical=(Canonical("@old.example", "@new.example", letters="all"),),
        header=(HeaderRule("Subject", "replace", match="old", value="young"), HeaderRule("X-Added", "add", value="v")),
    )
    made = body(letter(desk(rewrite=rules), content, MX, "s@x.example"))
    block = content[: len(headers.scan(content).block)]
    expected = b"X-Added: v\r\n" + block.replace(b"@old.example", b"@new.example").replace(
        b"Subject: old words", b"Subject: young words"
    )
    assert made == expected + content[len(block) :]
