"""About: what a letter of a rule is about, and the envelope and fields that all of them share.

Made by local delivery from the letter that arrived; read by vacation, rejection and notification.
Never answers from an address that is not the person's, and never asks for a notice about an answer. # RFC 3834 §3
Fails never.
"""

import msgspec

from hatoba.kit import ids
from hatoba.message import build, encode, headers, mailbox
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source

DOOR = "sieve"  # Source.door of what is made here
_REFERENCES_MOST = 20  # ids of a thread that are passed on
EXPIRES = 3 * 86_400_000  # ms: an answer that is older says nothing any more


class About(msgspec.Struct, frozen=True):
    """`content` is the letter that arrived, with all of its header; `owner` the person whose rule it is.

    `addresses`: those that may stand in From for the person, in lower case. `new_id` is the new letter's id.
    """

    content: bytes
    owner: Address
    sender: Address | None  # of the envelope of the letter that arrived
    now: int  # ms since 1970
    new_id: int
    hostname: str
    name: str = ""  # the person's display name
    addresses: frozenset[str] = frozenset()
    zone: int = 0  # minutes east of Greenwich
    language: str = "en"

    @property
    def header(self) -> headers.Headers:
        return headers.scan(self.content)

    @property
    def written_id(self) -> str:
        return ids.text(self.new_id)


def author(about: About, wanted: str) -> str:
    """From: the first of the mailboxes that a rule wants which is the person's own, else the person. # RFC 5230 §4.3"""
    mine = about.addresses | {str(about.owner).lower()}
    for box in mailbox.listed(wanted):
        if box.address is not None and str(box.address).lower() in mine:
            return encode.mailbox(box.name, str(box.address))
    return encode.mailbox(about.name, str(about.owner))


def common(about: About, from_: str, to: str, subject: str, submitted: str) -> list[tuple[str, str]]:
    """The fields that each of these letters has. `submitted`: the value of Auto-Submitted. # RFC 3834 §3.1, §5"""
    fields = [
        ("Auto-Submitted", submitted),
        ("From", from_),
        ("To", to),
        ("Subject", encode.unstructured(subject)),
        ("Date", encode.date(about.now, about.zone)),
        ("Message-ID", f"<{about.written_id}@{about.hostname}>"),
    ]
    return fields + thread(about.header)


def thread(header: headers.Headers) -> list[tuple[str, str]]:
    """In-Reply-To and References of an answer; none where the letter has no Message-ID. # RFC 5322 §3.6.4"""
    mine = _ids(header.first(b"message-id"))[:1]
    if not mine:
        return []
    before = _ids(header.first(b"references")) or _ids(header.first(b"in-reply-to"))[:1]
    before = [each for each in before if each not in mine]
    if len(before) >= _REFERENCES_MOST:  # the first says which thread it is, the last ones where in it
        before = [before[0], *before[-(_REFERENCES_MOST - 2) :]]
    return [("In-Reply-To", mine[0]), ("References", " ".join([*before, *mine]))]


def _ids(value: bytes | None) -> list[str]:
    return [each for each in headers.message_ids(value or b"") if each.isascii()]


def letter(about: About, fields: list[tuple[str, str]], body: build.Part, to: tuple[Address, ...],
           sender: Address | None = None) -> Letter:  # fmt: skip
    """The finished letter; nobody is told what becomes of it. # RFC 5230 §5.1"""
    content = build.message(fields, body)
    eightbit = not content.isascii()
    envelope = Envelope(
        sender,
        tuple([Recipient(address, notify="NEVER") for address in to]),
        body="8BITMIME" if eightbit else "7BIT",
        smtputf8=not all(address.ascii for address in (*to, about.owner)),
    )
    named = dict(fields)
    return Letter(
        about.new_id,
        about.now,
        about.now + EXPIRES,
        envelope,
        Source(DOOR),
        len(content),
        content,
        dotted=content.startswith(b".") or b"\r\n." in content,
        eightbit=eightbit,
        message_id=named["Message-ID"],
        header_from=str(about.owner),
        subject=named["Subject"],
    )
