"""What happens to the content: Received on top, loops refused, submissions mended, large bodies on disk."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hatoba.intake import heading
from hatoba.intake.case import Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.transaction import Transaction
from hatoba.kit import ids
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source
from hatoba.model.status import Refusal
from hatoba.store import blobs

NOW = 1_700_000_000_000  # Tue, 14 Nov 2023 22:13:20 UTC
DATE = b"Tue, 14 Nov 2023 22:13:20 +0000"
NUMBER = 1 << 60
ID = ids.text(NUMBER).encode()
MX = Source("mx", "192.0.2.1", 25, "client.example")
ALICE = Source("submission", "2001:db8::1", 587, "laptop", "TLSv1.3 TLS_AES_256_GCM_SHA384", "alice@example.org")
Make = Callable[..., Desk]
PLAIN = b"From: a@b.example\r\nDate: x\r\nMessage-ID: <1@b>\r\nSubject: Hi\r\n\r\nHello\r\n"


def begin(desk: Desk, source: Source = MX, sender: str = "", to: str = "x@example.net", **mail: object) -> Transaction:
    if source is ALICE and not sender:
        sender = "alice@example.org"
    reverse = Reverse(Address.parse(sender) if sender not in ("", "<>") else None, **mail)  # type: ignore[arg-type]
    transaction = desk.begin(source, reverse, NUMBER, NOW)
    for one in to.split():
        transaction.recipient(Recipient(Address.parse(one)))
    return transaction


def end(transaction: Transaction, content: bytes, eightbit: bool = False) -> Letter:
    return at_once(transaction.end(content, dotted=False, eightbit=eightbit, now=NOW))


def at_once(made: object) -> Letter:
    """Where nothing is asked, there is nothing to drive."""
    assert isinstance(made, Letter)
    return made


def content(letter: Letter) -> bytes:
    assert letter.content is not None
    assert letter.size == len(letter.content)
    return letter.content


def test_the_letter_and_its_received_field(desk: Make) -> None:
    transaction = begin(desk(), sender="carol@example.com", ret="HDRS", envid="e")
    letter = at_once(transaction.end(PLAIN, dotted=True, eightbit=True, now=NOW))
    assert content(letter) == (
        b"Received: from client.example ([192.0.2.1])\r\n\tby mx.example.org with ESMTP id " + ID + b"\r\n\t"
        b"for <x@example.net>; " + DATE + b"\r\n" + PLAIN
    )
    assert (letter.id, letter.accepted, letter.source, letter.blob) == (NUMBER, NOW, MX, "")
    assert (letter.dotted, letter.eightbit) == (True, True)
    assert (letter.message_id, letter.header_from, letter.subject) == ("<1@b>", "a@b.example", "Hi")
    envelope = letter.envelope
    assert (str(envelope.sender), envelope.ret, envelope.envid) == ("carol@example.com", "HDRS", "e")
    assert envelope.recipients == (Recipient(Address("x", "example.net")),)


def test_several_recipients_are_not_told_of_each_other(desk: Make) -> None:
    assert b"for <" not in content(end(begin(desk(), to="x@example.net y@example.net"), PLAIN))


@pytest.mark.parametrize(
    ("source", "verb", "utf8", "wanted"),
    [
        (MX, "HELO", False, "from client.example ([192.0.2.1])\r\n\tby mx.example.org with SMTP id"),
        (MX, "EHLO", True, "with UTF8SMTP id"),
        (MX, "LHLO", False, "with LMTP id"),
        (MX, "LHLO", True, "with UTF8LMTP id"),
        (
            ALICE,
            "EHLO",
            False,
            "from laptop ([IPv6:2001:db8::1])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\r\n\t"
            "by mx.example.org with ESMTPSA id",
        ),
        (ALICE, "EHLO", True, "with UTF8SMTPSA id"),
        (Source("mx", "192.0.2.1", helo="a b\r\nX: y", tls="TLSv1.2"), "EHLO", False, "from [192.0.2.1] ([192.0.2.1])"),
        (Source("mx", "192.0.2.1", helo="x", tls="TLSv1.2"), "EHLO", False, "\r\n\t(using TLSv1.2)\r\n\tby"),
        (Source("mx", "192.0.2.1", helo="[192.0.2.1]"), "EHLO", False, "from [192.0.2.1] ([192.0.2.1])"),
        (Source("mx"), "EHLO", False, "Received: from unknown\r\n\tby"),
    ],
)
def test_received_words(desk: Make, source: Source, verb: str, utf8: bool, wanted: str) -> None:
    reverse = Reverse(Address.parse("alice@example.org"), smtputf8=utf8)
    transaction = desk().begin(source, reverse, NUMBER, NOW, verb)
    transaction.recipient(Recipient(Address.parse("x@example.net")))
    top = content(end(transaction, PLAIN)).removesuffix(PLAIN).decode()
    assert wanted in top
    assert not re.search(r"\r\n[^\t]", top.removesuffix("\r\n") if source is not ALICE else "")


def test_a_recipient_beyond_ascii_makes_the_letter_so(desk: Make) -> None:
    letter = end(begin(desk(), to="用户@example.net", smtputf8=True), PLAIN)
    assert "for <用户@example.net>".encode() in content(letter)
    assert letter.eightbit


def test_the_client_of_a_submission_can_be_hidden(desk: Make) -> None:
    make = desk(hide_client=True)
    hidden = content(end(begin(make, ALICE), PLAIN))
    assert b"laptop" not in hidden
    assert b"2001:db8" not in hidden
    assert b"client.example" in content(end(begin(make), PLAIN))


def test_loops(desk: Make) -> None:
    make = desk(hops=20, own_hops=5)
    foreign = b"Received: from a by b; x\r\n"
    own = b"Received: from a\r\n\tby MX.example.org with ESMTP id X; x\r\n"
    end(begin(make), foreign * 20 + PLAIN)
    end(begin(make), own * 5 + PLAIN)
    for loop in (foreign * 21, own * 6):
        with pytest.raises(Refusal, match=r"^5[.]4[.]6 Mail loop"):
            end(begin(make), loop + PLAIN)
    end(begin(make), PLAIN + foreign * 30)  # in the body it is text
    delivered = b"Delivered-To: Alice@example.org\r\n" + PLAIN
    with pytest.raises(Refusal, match=r"^5[.]4[.]6"):
        end(begin(make, to="alice@example.org"), delivered)
    end(begin(make, to="alice@example.org bob@example.org"), delivered)


def test_a_submission_gets_what_it_lacks(desk: Make) -> None:
    letter = end(begin(desk(), ALICE), b"Subject: Hi\r\n\r\nHello\r\n")
    fields, _, body = content(letter).partition(b"\r\n\r\n")
    assert b"\r\nFrom: alice@example.org\r\nDate: " + DATE + b"\r\nMessage-ID: <" + ID + b"@mx.example.org>" in fields
    assert body == b"Hello\r\n"
    assert letter.message_id == f"<{ID.decode()}@mx.example.org>"
    assert letter.header_from == "alice@example.org"
    assert content(end(begin(desk(), ALICE), PLAIN)).endswith(b"+0000\r\n" + PLAIN)


def test_a_letter_from_outside_is_left_as_it_is_unless_told(desk: Make) -> None:
    bare = b"Subject: Hi\r\nBcc: x@y\r\nReturn-Path: <a@b>\r\n\r\nHello\r\n"
    assert content(end(begin(desk()), bare)).endswith(b"+0000\r\n" + bare)
    mended = content(end(begin(desk(mend_mx=True)), bare))
    assert b"\r\nMessage-ID: <" in mended
    assert b"\r\nDate: " in mended
    assert b"\r\nFrom: " not in mended


def test_what_may_not_leave_is_cut(desk: Make) -> None:
    written = (
        b"Return-Path: <a@b>\r\nbcc: secret@example.com,\r\n\tother@example.com\r\nSubject: keep Bcc: this\r\n"
        b"Resent-Bcc : third@example.com\r\nX-Bcc: stays\r\n\r\nBcc: in the body\r\n"
    )
    sent = content(end(begin(desk(), ALICE), written))
    kept = b"Subject: keep Bcc: this\r\nX-Bcc: stays\r\n\r\nBcc: in the body\r\n"
    assert sent.endswith(kept)
    assert b"secret" not in sent
    assert b"third" not in sent
    assert b"Return-Path" not in sent
    assert b"secret" in content(end(begin(desk(remove_bcc=False), ALICE), written))


@pytest.mark.parametrize("text", [b"Hello, no header\r\n", b"Dear Bob: x\r\n\r\nHi\r\n", b" folded\r\n", b": x\r\n"])
def test_a_text_without_a_header_stays_a_body(desk: Make, text: bytes) -> None:
    for source in (MX, ALICE):
        assert content(end(begin(desk(), source), text)).endswith(b"\r\n\r\n" + text)


@pytest.mark.parametrize("text", [b"", b"\r\n", b"\r\nbody\r\n", b"Subject: x\r\n", b"Subject: x\r\n\r\n"])
def test_short_contents(desk: Make, text: bytes) -> None:
    sent = content(end(begin(desk()), text))
    assert sent.endswith(text)
    assert sent.startswith(b"Received: ")


@pytest.mark.parametrize(
    ("field", "good"),
    [
        (b"From: alice@example.org", True),
        (b"From: Alice <alice+x@example.org>", True),
        (b'From: "A, <b>" <alice@example.org>', True),
        (b"From: Alice\r\n <alice@example.org>", True),
        (b"X: y", True),
        (b"From: bob@example.org", False),
        (b"From: alice@example.org, bob@example.org", False),
        (b"From: alice@example.org\r\nFrom: bob@example.org", False),
        (b"From: alice@example.org <bob@example.org>", False),
        (b"From:", False),
        (b'From: "' + b"x" * 297 + b'" <alice@example.org>, <bob@example.org>', False),
    ],
)
def test_whose_name_stands_in_from(desk: Make, field: bytes, good: bool) -> None:
    text = field + b"\r\n\r\nHi\r\n"
    end(begin(desk(), ALICE), text)
    for make, sender in ((desk(own_from=True), ""), (desk(), "<>")):
        if good:
            assert b"\r\nFrom: " in content(end(begin(make, ALICE, sender), text))
        else:
            with pytest.raises(Refusal, match=r"^5[.]7[.]1 The From field"):
                end(begin(make, ALICE, sender), text)


def test_without_a_recipient_there_is_no_letter(desk: Make) -> None:
    with pytest.raises(Refusal, match=r"^5[.]5[.]1"):
        end(begin(desk(), to=""), PLAIN)


def test_sizes(desk: Make) -> None:
    make = desk(size=5000, header=2000)
    end(begin(make), b"A: b\r\n\r\n" + b"x" * 4992)
    with pytest.raises(Refusal, match=r"^5[.]3[.]4 Letter"):
        end(begin(make), b"A: b\r\n\r\n" + b"x" * 4993)
    with pytest.raises(Refusal, match=r"^5[.]3[.]4 Header"):
        end(begin(make), b"A: b\r\n" * 400 + b"\r\n")


def files(folder: blobs.Folder) -> list[Path]:
    return sorted(folder.path.iterdir())


def test_a_large_body_goes_to_a_draft(desk: Make, folder: blobs.Folder) -> None:
    transaction = begin(desk(spill=3000, header=2000), ALICE)
    body = bytes(range(32, 127)) * 100 + b"\r\n"
    transaction.chunk(b"Subject: x\r\nBcc: y@z\r\n\r\n")
    assert files(folder) == []
    for at in range(0, len(body), 1000):
        transaction.chunk(body[at : at + 1000])
    letter = end(transaction, b"end\r\n")
    draft = transaction.draft
    assert draft is not None
    assert (letter.content, letter.apart, letter.blob, letter.subject) == (None, draft.size, draft.name, "x")
    (path,) = files(folder)
    written = letter.top + path.read_bytes()
    assert len(written) == letter.size
    assert path.read_bytes().startswith(b"\r\n" + body[:100])  # the header is kept beside it
    assert written.startswith(b"Received: from laptop")
    assert written.endswith(b"\r\nSubject: x\r\n\r\n" + body + b"end\r\n")
    transaction.discard()
    assert files(folder) == []


def test_pieces_below_the_limit_stay_in_memory(desk: Make, folder: blobs.Folder) -> None:
    transaction = begin(desk())
    for at in range(0, len(PLAIN), 7):
        transaction.chunk(PLAIN[at : at + 7])
    assert content(end(transaction, b"")).endswith(b"+0000\r\n" + PLAIN)
    assert files(folder) == []


@pytest.mark.parametrize(
    ("start", "code"), [(b"A: b\r\n" * 10_000, "5.3.4"), (b"Received: x\r\n" * 200 + b"\r\n", "5.4.6")]
)
def test_a_large_body_that_is_refused_leaves_nothing(desk: Make, folder: blobs.Folder, start: bytes, code: str) -> None:
    transaction = begin(desk(spill=3000, header=3000, size=200_000))
    with pytest.raises(Refusal, match=code.replace(".", "[.]")):
        transaction.chunk(start + b"x" * 3000)
    transaction.chunk(b"more")  # swallowed: the client is still sending
    with pytest.raises(Refusal, match=code.replace(".", "[.]")):
        end(transaction, b"")
    assert files(folder) == []


def test_a_body_that_grows_beyond_the_size_is_removed(desk: Make, folder: blobs.Folder) -> None:
    for last in (False, True):
        transaction = begin(desk(spill=3000, header=2000, size=10_000))
        transaction.chunk(PLAIN + b"x" * 9000)
        assert len(files(folder)) == 1
        with pytest.raises(Refusal, match=r"^5[.]3[.]4"):
            end(transaction, b"y" * 2000) if last else transaction.chunk(b"y" * 2000)
        assert files(folder) == []


def test_the_cache_of_connections_is_bounded(desk: Make) -> None:
    make = desk()
    for n in range(8200):
        begin(make, Source("mx", "192.0.2.1", n), to="")
    assert len(make._visits) <= 8192


LINES = st.lists(st.sampled_from([b"Received: a", b"From: x", b" fold", b"no field", b"", b"Bcc: y", b"Subject: \xff"]))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES)
def test_the_body_is_never_touched(desk: Make, lines: list[bytes]) -> None:
    text = b"".join(line + b"\r\n" for line in lines)
    read = heading.read(text, b"by x ")
    assert 0 <= read.end <= len(text)
    for source in (MX, ALICE):
        sent = content(end(begin(desk(), source), text))
        assert sent.endswith(text[read.end :])
        assert sent.count(b"\r\n") == sent.count(b"\n") == sent.count(b"\r")
