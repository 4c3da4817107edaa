"""Opinion: what a service is asked about a letter, and what it said, in words of no protocol.

Questions are made by intake's checks, answers by net's clients of rspamd, clamd, milters and hooks.
Never decides: the check turns an answer into Verdicts by its settings.
Fails never: values only.
"""

from collections.abc import Callable, Iterable

import msgspec

from hatoba.model.edits import NONE, Edits
from hatoba.model.status import Status


class Question(msgspec.Struct, frozen=True):
    """One letter, complete; at RCPT `recipients` is the one asked about and `size` 0.

    `pieces()` gives the content as it will be queued without our own fields on top, and may be called again; `block`
    is its header without the empty line. Addresses have no brackets, "" is the null sender. `received` is ms since
    1970, `client` the client's verified host name ("" when it has none).
    """

    id: str
    hostname: str
    received: int
    door: str
    ip: str
    client: str
    helo: str
    tls: str
    account: str
    sender: str
    recipients: tuple[str, ...]
    size: int = 0
    block: bytes = b""
    pieces: Callable[[], Iterable[bytes]] = tuple


class Failed(msgspec.Struct, frozen=True, gc=False):
    """No answer. `why` is for the log and the journal."""

    why: str


class Rated(msgspec.Struct, frozen=True):
    """A spam filter's opinion. `action` is the filter's own word; `symbols` what it found, with their scores."""

    action: str
    score: float
    required: float
    symbols: tuple[tuple[str, float], ...] = ()
    text: str = ""  # for the client, "" for none
    subject: str | None = None  # the field's new value
    edits: Edits = NONE


class Scanned(msgspec.Struct, frozen=True, gc=False):
    """A virus scanner's. `signature` "" is clean; `unscanned`: why it did not look at all of the letter."""

    signature: str = ""
    unscanned: str = ""


class Filtered(msgspec.Struct, frozen=True):
    """A milter's. `action`: "continue", "accept", "reject", "defer", "discard", "quarantine".

    `status` is set where the milter gave its own words, `reason` where it quarantines.
    """

    action: str
    status: Status | None = None
    reason: str = ""
    edits: Edits = NONE


class Hooked(msgspec.Struct, frozen=True):
    """A hook's. `action` is one of a Verdict's."""

    action: str
    score: float = 0.0
    reason: str = ""
    status: Status | None = None
    fields: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()
