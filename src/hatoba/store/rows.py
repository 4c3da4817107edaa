"""The values that travel in and out of the store: rows, and the two hot units of work, Seal and Settle.

Made by queue, journal and directory; spent by writer, read back by spool, queue, journal and directory.
Never touches a database: plain values, times in ms since 1970.
Fails with nothing of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hatoba.model.envelope import Letter
from hatoba.model.event import Event
from hatoba.store.blobs import Draft
from hatoba.store.contents import Keep

READY = 0  # due at next_at, in no worker's memory
ACTIVE = 1  # leased by the running worker: attempts and next_at are already those of the attempt it makes
HELD = 2  # until released by a person
QUARANTINED = 3  # set aside because handling it failed again and again

STATES = {READY: "ready", ACTIVE: "active", HELD: "held", QUARANTINED: "quarantined"}


class RecipientRow(msgspec.Struct, gc=False):
    """One recipient of one letter in the queue. (letter, n) is the key; n indexes `envelope.recipients`.

    `address` is the wire form, `domain` lower case, `site` the lane's name. `params` and `last` are JSON objects as
    bytes whose keys belong to the queue (`last`: status and reply of the last attempt).
    """

    letter: int
    n: int
    address: str
    domain: str
    site: str
    state: int = ACTIVE
    attempts: int = 0
    next_at: int = 0
    priority: int = 0
    crashes: int = 0
    params: bytes = b"{}"
    last: bytes = b"{}"


class RecipientUpdate(msgspec.Struct, gc=False):
    """What an attempt (or a re-route) left of a recipient: these columns are written, address and domain stay."""

    letter: int
    n: int
    site: str
    state: int
    attempts: int
    next_at: int
    priority: int = 0
    crashes: int = 0
    params: bytes = b"{}"
    last: bytes = b"{}"


class Seal(msgspec.Struct):
    """A letter to be made durable, its recipients, and what the journal says of it: one item of a commit.

    `letter.content` is the body (len == letter.size), or None when `draft` holds it. A body above settings.inline
    that comes as content is written to a file by the writer. `letter.blob` is set by `writer.seal` when there is a
    file. Rows that the queue keeps in memory are ACTIVE, the others READY. `keep` says what the audit keeps of it.
    """

    letter: Letter
    rows: list[RecipientRow]
    events: list[Event]
    draft: Draft | None = None
    keep: Keep | None = None


class Settle(msgspec.Struct):
    """The end of attempts: rows that go, rows that change, events, and letters (DSNs) born of it: one item.

    `gone` letters lose their row, body, blob and every recipient row; `recipients_gone` are (letter, n) of letters
    that stay.
    """

    gone: Sequence[int] = ()
    recipients_gone: Sequence[tuple[int, int]] = ()
    rows: Sequence[RecipientUpdate] = ()
    events: Sequence[Event] = ()
    seals: Sequence[Seal] = ()


class Lease(msgspec.Struct, frozen=True, gc=False):
    """READY → ACTIVE of one recipient: written before anything is dialled. `next_at` counts if we die meanwhile.

    Below 0 it is no attempt: a letter at rest is touched for a moment (its sender is told that it waits), and if we
    die meanwhile it rests again until -next_at.
    """

    letter: int
    n: int
    next_at: int


class Due(msgspec.Struct, frozen=True, gc=False):
    """A lane with READY rows: `first` is its earliest next_at."""

    site: str
    first: int


class Count(msgspec.Struct, frozen=True, gc=False):
    """How many recipients of a site are in a state, and the earliest next_at among them."""

    site: str
    state: int
    count: int
    first: int


class Recovered(msgspec.Struct, frozen=True):
    """What `queue.recover` found: rows made READY, and (letter, n) of those set aside for crashing us too often."""

    ready: int
    quarantined: list[tuple[int, int]]


class Filter(msgspec.Struct, frozen=True):
    """Which recipients an administrator means; every field given must match. "" and None match everything.

    `sender` and `recipient` are addresses in wire form ("<>" for the null sender), `older` an accepted-before time.
    """

    letter: int | None = None
    sender: str = ""
    recipient: str = ""
    domain: str = ""
    site: str = ""
    state: int | None = None
    older: int | None = None


class Listed(msgspec.Struct, frozen=True):
    """One recipient as lists show it: its row and the few columns of its letter that people ask for."""

    row: RecipientRow
    accepted: int
    expires: int
    sender: str
    size: int


class LaneRow(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a lane between runs. `data` is a JSON object as bytes, its keys belong to the queue."""

    site: str
    held: bool = False
    reason: str = ""
    changed: int = 0
    data: bytes = b"{}"


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """An event as it stands in the journal; `seq` grows in the order of commits and is never used twice."""

    seq: int
    letter: int
    at: int
    kind: str
    data: bytes


class DomainRow(msgspec.Struct, frozen=True, gc=False):
    """A domain we accept mail for: kind "local" (accounts decide) or "relay". `data` is JSON for what comes later."""

    name: str
    kind: str
    created: int
    data: bytes = b"{}"


class AccountRow(msgspec.Struct, frozen=True, gc=False):
    """An account. `key` is casefolded local part @ domain and unique; `address` is as the owner writes it.

    `hash` is an argon2 string, `scram` the SCRAM-SHA-256 verifier in the directory room's own form, b"" for none.
    """

    key: str
    address: str
    hash: str
    scram: bytes
    created: int
    changed: int
    last_login: int = 0
    enabled: bool = True


class ReportRow(msgspec.Struct, frozen=True, gc=False):
    """A report received, sent or to be sent (`kind` says which); `begins` and `ends` are seconds since 1970.

    `at`: when it came in or went out, of one to be sent when it is next tried. `data` belongs to the room of reports.
    """

    id: str
    at: int
    kind: str
    domain: str
    reporter: str
    begins: int
    ends: int
    data: bytes = b"{}"


class PolicyRow(msgspec.Struct, gc=False):
    """What another domain asks of its senders, remembered: `kind` is "sts". Times in ms; it is kept until `until`.

    `data` is a JSON object whose keys belong to delivery.
    """

    domain: str
    kind: str
    fetched: int
    until: int
    data: bytes


class TallyRow(msgspec.Struct, gc=False):
    """How often one thing was seen on one day towards (or from) one domain.

    `day` counts from 1970-01-01 (UTC); `key` tells the things of one day and domain apart; `data` (JSON) says what the
    thing is. Kind "tls": sessions, see mailauth.tlsrpt.tally.
    """

    kind: str
    day: int
    domain: str
    key: str
    count: int
    data: bytes


class AliasRow(msgspec.Struct, frozen=True, gc=False):
    """An alias. `key` is as an account's, or "@domain" for all the rest of a domain; `data` is a JSON object."""

    key: str
    domain: str
    created: int
    data: bytes = b"{}"


class SecretRow(msgspec.Struct, frozen=True, gc=False):
    """A secret of the node (of all nodes that share the directory): several of one name while one replaces another."""

    name: str
    created: int
    data: bytes
