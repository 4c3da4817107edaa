"""Whatever a peer said and whatever the letter holds: 8BITMIME carries the DSN, and a parser takes it apart."""

import email
import email.policy
from email.message import Message

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import build
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.outcome import FAILED, Outcome
from hatoba.model.status import Status
from hatoba.notice import dsn
from hatoba.notice.settings import Settings

NOW = 1_767_225_600_000
said = st.text(max_size=200) | st.text("\r\n:= \x00é漢x", max_size=60)
octets = st.binary(max_size=400) | st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r", b"Subject: ", b"--=_0000000000008", b"\xff", b"x" * 400, b"\x00", b"."])
).map(b"".join)


@given(
    content=octets,
    reply=said,
    text=said,
    envid=said,
    orcpt=said,
    message_id=said,
    language=st.sampled_from(["en", "ja"]),
    smtputf8=st.booleans(),
    local=st.sampled_from(["r", "a b", "太郎", "a..b"]),
)
def test_a_dsn_is_always_a_letter(
    content: bytes,
    reply: str,
    text: str,
    envid: str,
    orcpt: str,
    message_id: str,
    language: str,
    smtputf8: bool,
    local: str,
) -> None:
    recipient = Recipient(Address(local, "example.jp"), orcpt=orcpt)
    envelope = Envelope(Address("a", "example.com"), (recipient,), smtputf8=smtputf8, envid=envid)
    letter = Letter(7, NOW, NOW, envelope, Source("mx"), len(content), content, message_id=message_id)
    outcomes = [Outcome(0, FAILED, Status("5.1.1", text), reply)]
    settings = msgspec.convert({"language": language}, Settings)
    made = dsn.compose(dsn.FAILURE, letter, outcomes, NOW, "mx.example.org", 8, settings=settings, host="mx.example.jp")
    assert made is not None
    assert made.content is not None
    assert b"\x00" not in made.content
    assert build.lines_fit(made.content)
    assert made.eightbit == (not made.content.isascii())
    assert smtputf8 or made.content.isascii() or b"message/rfc822" in made.content
    head = email.message_from_bytes(made.content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", policy=email.policy.compat32)
    assert head.keys() == [
        "From", "To", "Subject", "Date", "Message-ID",
        *([] if head["References"] is None else ["In-Reply-To", "References"]),
        "Auto-Submitted", "X-Hatoba-Letter", "MIME-Version", "Content-Type",
        *([] if head["Content-Transfer-Encoding"] is None else ["Content-Transfer-Encoding"]),
    ]  # fmt: skip
    parts = email.message_from_bytes(made.content, policy=email.policy.compat32).get_payload()
    assert isinstance(parts, list)
    assert 2 <= len(parts) <= 3
    status = parts[1]
    assert isinstance(status, Message)
    assert status.get_content_type() in ("message/delivery-status", "message/global-delivery-status")
