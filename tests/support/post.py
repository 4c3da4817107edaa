"""The two ends of a whole hatoba: a client that hands letters in, the mailbox they arrive in, and the trace between.

Used by story, interop and vectors tests, always with a node.Node.
Never changes hatoba's databases: mailboxes are read from the store, stories come from the command line.
Fails with smtplib's exceptions when a letter is refused, with AssertionError when something does not arrive.
"""

import re
import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.node import Node
from tests.support.wait import until

from hatoba.store import base, blobs, settings, trouble
from hatoba.store.mailboxes import accounts, boxes, contents, messages
from hatoba.store.mailboxes import settings as mail_settings
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.sql import Reader

PASSWORD = "correct-horse-battery"
LETTER = b"From: <alice@example.org>\r\nTo: <bob@example.com>\r\nSubject: a letter\r\n\r\nHello, Bob.\r\n"

_QUEUED = re.compile(rb"queued as ([0-9A-Z]{13})")
TRACE_FIELDS = ("return-path", "delivered-to", "received", "date", "message-id")


def settle_in(
    node: Node, *, local: Sequence[str] = (), relay: Sequence[str] = (), accounts: Sequence[str] = ()
) -> None:
    """Adds domains and accounts (all with PASSWORD); before the node runs or while it does."""
    if local:
        node.cli("domain", "add", *local)
    if relay:
        node.cli("domain", "add", "--relay", *relay)
    for address in accounts:
        node.cli("account", "add", address, stdin=f"{PASSWORD}\n")


def dial(
    port: int, *, context: ssl.SSLContext | None = None, helo: str = "client.test", ip: str = "127.0.0.1"
) -> smtplib.SMTP:
    """A connection from `ip` that has said EHLO; under TLS and EHLO again when `context` is given."""
    client = smtplib.SMTP("127.0.0.1", port, local_hostname=helo, timeout=60, source_address=(ip, 0))
    client.ehlo()
    if context is not None:
        client.starttls(context=context)
        client.ehlo()
    return client


def hand_in(
    client: smtplib.SMTP,
    sender: str,
    to: Sequence[str],
    content: bytes = LETTER,
    *,
    mail: Sequence[str] = (),
    rcpt: Sequence[str] = (),
) -> str:
    """One transaction on an open connection; the letter's id. All recipients must be accepted."""
    for line in (
        " ".join((f"MAIL FROM:<{sender}>", *mail)),
        *(" ".join((f"RCPT TO:<{one}>", *rcpt)) for one in to),
    ):
        client.send(line.encode() + b"\r\n")
        code, text = client.getreply()
        if code != 250:
            raise smtplib.SMTPResponseException(code, text)
    code, text = client.data(content)
    found = _QUEUED.search(text)
    if code != 250 or found is None:
        raise smtplib.SMTPResponseException(code, text)
    return found[1].decode()


def send(
    port: int,
    sender: str,
    to: str | Sequence[str],
    content: bytes = LETTER,
    *,
    mail: Sequence[str] = (),
    rcpt: Sequence[str] = (),
) -> str:
    """One letter over a connection of its own, in plain text; its id."""
    with dial(port) as client:
        return hand_in(client, sender, [to] if isinstance(to, str) else to, content, mail=mail, rcpt=rcpt)


def kept(data: Path, address: str, name: str = boxes.INBOX, *, database: str = "") -> dict[int, bytes]:
    """The letters in a mailbox of a data folder (or of a server's database), as the wire had them, by UID."""
    home = base.of(data, settings.Settings(), settings.Database(url=database), blobs.Settings())
    store = MailStore(home, mail_settings.Settings())

    def look(reader: Reader) -> dict[int, bytes]:
        account = accounts.find(reader, address.casefold())
        box = None if account is None else boxes.find(reader, account, name)
        uids = [] if box is None else list(messages.view(reader, box.id).uids)
        chunks = contents.fetch(reader, box.id, uids, ("raw",)) if box is not None and uids else ()
        return {uid: raw for rows in chunks for uid, raw in rows}

    try:
        return store.shard(address.casefold()).look(look)
    except trouble.WrongVersion:  # nothing has begun there yet
        return {}
    finally:
        store.close()


class Mailbox:
    """A mailbox of one account, read from the store."""

    def __init__(self, node: Node, address: str, name: str = boxes.INBOX) -> None:
        self.address = address
        self._kept = partial(kept, node.data, address, name, database=node.database)
        self._read: dict[int, bytes] = {}  # by UID

    def letters(self) -> list[bytes]:
        """Their octets as the wire had them, in the order they were met."""
        self._read |= self._kept()
        return list(self._read.values())

    def wait(self, want: Callable[[bytes], bool] = lambda octets: True, seconds: float = 60.0) -> bytes:
        """The first letter that is wanted, once it is there."""

        def look() -> bytes | None:
            return next((octets for octets in self.letters() if want(octets)), None)

        return until(look, f"a letter for {self.address}", seconds) or b""

    def holding(self, text: bytes, seconds: float = 60.0) -> bytes:
        """The first letter with `text` in it."""
        return self.wait(lambda octets: text in octets, seconds)


def untraced(octets: bytes) -> bytes:
    """The letter without the fields that those it passed through put on top: the rest must be byte-exact."""
    fields, empty, body = octets.partition(b"\r\n\r\n")
    kept = [
        field
        for field in re.split(rb"\r\n(?![ \t])", fields)
        if field.partition(b":")[0].strip().lower().decode("latin-1") not in TRACE_FIELDS
    ]
    return b"\r\n".join(kept) + empty + body


def story(node: Node, letter: str) -> Mapping[str, Any]:
    """`hatoba trace --json` of one letter."""
    told = node.json("trace", letter)
    assert len(told) == 1
    return dict(told[0]["story"])


def kinds(tale: Mapping[str, Any]) -> list[str]:
    return [str(entry["kind"]) for entry in tale["entries"]]


def story_with(node: Node, letter: str, kind: str) -> Mapping[str, Any]:
    """The story once it holds an event of that kind."""

    def look() -> Mapping[str, Any] | None:
        told = story(node, letter)
        return told if kind in kinds(told) else None

    found = until(look, f"{kind} of {letter}", every=0.2)
    assert found is not None
    return found
