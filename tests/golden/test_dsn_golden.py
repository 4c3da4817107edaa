"""DSNs as whole letters, one file a case; beside each its text part decoded, for those who read the diff."""

import email
import email.policy
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest

from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Outcome
from hatoba.model.status import Status
from hatoba.notice import dsn
from hatoba.notice.settings import Settings

HERE = Path(__file__).parent / "dsn"
NOW = 1_767_225_600_000  # 2026-01-01 00:00 UTC
HOUR = 3_600_000

CONTENT = (
    b"Received: from client.example.com ([192.0.2.7])\r\n\tby mx.example.org with ESMTPS id 00000000003E8;\r\n"
    b"\tWed, 31 Dec 2025 19:00:00 +0000\r\nFrom: Hanako <hanako@example.com>\r\nTo: taro@example.jp\r\n"
    b"Subject: =?utf-8?B?6KaL56mN5pu444Gu5Lu2?=\r\nMessage-ID: <quote-1@example.com>\r\n"
    b"Date: Thu, 1 Jan 2026 04:00:00 +0900\r\n\r\nHello,\r\n.\r\nhere it is.\r\n"
)
GLOBAL = CONTENT.replace(b"To: taro@example.jp", "To: 太郎 <太郎@日本語.jp>".encode())


def letter(*recipients: Recipient, content: bytes = CONTENT, sender: str = "hanako@example.com", **more: str) -> Letter:
    envelope = Envelope(Address.parse(sender), recipients, smtputf8=not sender.isascii() or b"\xe5" in content)
    envelope = msgspec.structs.replace(envelope, **more)
    return Letter(
        1000, NOW - 5 * HOUR, NOW + 115 * HOUR, envelope, Source("submission"), len(content), content,
        message_id="<quote-1@example.com>",
    )  # fmt: skip


def to(address: str, notify: str = "", orcpt: str = "") -> Recipient:
    return Recipient(Address.parse(address), notify, orcpt)


def failed(n: int, code: str, text: str, reply: str = "") -> Outcome:
    return Outcome(n, FAILED, Status(code, text), reply)


UNKNOWN = "550 5.1.1 <taro@example.jp>: Recipient address rejected: User unknown in virtual mailbox table"

CASES: dict[str, Callable[[], Letter | None]] = {
    "failure": lambda: dsn.compose(
        dsn.FAILURE,
        letter(to("taro@example.jp")),
        [failed(0, "5.1.1", "User unknown", UNKNOWN)],
        NOW, "mx.example.org", 2000, host="mx1.example.jp", attempted=NOW - 1000,
    ),
    "failure-ja-two-recipients": lambda: dsn.compose(
        dsn.FAILURE,
        letter(
            to("taro@example.jp", "FAILURE,DELAY", "rfc822;sales@example.net"),
            to("quiet@example.jp", "NEVER"),
            to("ab..@docomo.ne.jp"),
            envid="QQ314159", ret="HDRS",
        ),
        [
            failed(0, "5.2.2", "Mailbox full", "552 5.2.2 Mailbox full"),
            failed(1, "5.1.1", "User unknown", UNKNOWN),
            failed(2, "5.4.7", "Delivery time expired after 120 hours; last: 4.4.1 connection refused"),
        ],
        NOW, "mx.example.org", 2001, settings=Settings(language="ja", zone=540),
    ),
    "delay": lambda: dsn.compose(
        dsn.DELAY,
        letter(to("taro@example.jp"), envid="id 1"),
        [Outcome(0, DEFERRED, Status("4.2.2", "Mailbox full"), "452 4.2.2 The mailbox is over its quota")],
        NOW, "mx.example.org", 2002, host="mx1.example.jp", attempted=NOW - 1000,
    ),
    "success": lambda: dsn.compose(
        dsn.SUCCESS,
        letter(to("taro@example.jp", "SUCCESS"), ret="FULL"),
        [Outcome(0, DELIVERED, Status("2.1.5", "Delivered"))],
        NOW, "mx.example.org", 2003, attempted=NOW - 1000,
    ),
    "relayed": lambda: dsn.compose(
        dsn.RELAYED,
        letter(to("taro@example.jp", "SUCCESS,FAILURE")),
        [Outcome(0, DELIVERED, Status("2.0.0", "Sent"), "250 2.0.0 Ok: queued as 4FZ3")],
        NOW, "mx.example.org", 2004, host="mx1.example.jp", attempted=NOW - 1000,
    ),
    "expanded": lambda: dsn.compose(
        dsn.EXPANDED,
        letter(to("team@example.jp", "SUCCESS", "rfc822;team@example.jp"), envid="e 1"),
        [Outcome(0, DELIVERED, Status("2.1.5", "the address stands for several, who get the letter"))],
        NOW, "mx.example.org", 2006, attempted=NOW - 1000,
    ),
    "failure-global": lambda: dsn.compose(
        dsn.FAILURE,
        letter(to("太郎@日本語.jp", orcpt="utf-8;太郎@日本語.jp"), content=GLOBAL, sender="花子@例え.jp"),
        [failed(0, "5.6.7", "SMTPUTF8 is not offered there", "")],
        NOW, "mx.example.org", 2005, settings=Settings(language="ja"), host="mx.xn--wgv71a119e.jp",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_dsn(name: str, golden: Callable[[Path, bytes], None]) -> None:
    made = CASES[name]()
    assert made is not None
    assert made.content is not None
    golden(HERE / f"{name}.eml", made.content)
    message = email.message_from_bytes(made.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    human = next(message.iter_parts())
    assert isinstance(human, EmailMessage)
    golden(HERE / f"{name}.txt", human.get_content().replace("\r\n", "\n").encode())
