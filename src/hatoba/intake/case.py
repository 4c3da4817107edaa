"""Case: what the checks look at, the shape of MAIL they read, and what all transactions of a desk share.

Made by desk, read by the checks and by transaction.
Never decides.
Fails never: values only.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from hatoba.directory.directory import Directory
from hatoba.intake import roster, trace
from hatoba.intake.authenticity import Authenticity
from hatoba.intake.heading import Heading
from hatoba.intake.rewritten.state import State
from hatoba.intake.settings import Settings
from hatoba.intake.tally import Tally
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient, Source, Way
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status
from hatoba.store.blobs import Draft

SUBMISSION_DOORS = frozenset({"submission", "submissions"})
LMTP = "lmtp"  # the door at which a server of ours hands over what it has taken in


class Mail(Protocol):
    """The reverse-path with its parameters; the wire's Mail event has this shape, so a door hands it on as it is."""

    @property
    def sender(self) -> Address | None: ...
    @property
    def size(self) -> int: ...
    @property
    def body(self) -> str: ...
    @property
    def smtputf8(self) -> bool: ...
    @property
    def ret(self) -> str: ...
    @property
    def envid(self) -> str: ...
    @property
    def requiretls(self) -> bool: ...
    @property
    def hold_for(self) -> int: ...
    @property
    def hold_until(self) -> int: ...
    @property
    def by(self) -> int | None: ...
    @property
    def by_mode(self) -> str: ...
    @property
    def by_trace(self) -> bool: ...
    @property
    def priority(self) -> int | None: ...


class Reverse(msgspec.Struct, frozen=True, gc=False):
    """A `Mail` for those who have no wire event: the HTTP doors, the command line, tests."""

    sender: Address | None
    size: int = -1
    body: str = "7BIT"
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    requiretls: bool = False
    hold_for: int = 0  # seconds
    hold_until: int = 0  # ms since 1970
    by: int | None = None  # seconds, may be negative with mode N
    by_mode: str = ""
    by_trace: bool = False
    priority: int | None = None


class Rewriting(Protocol):
    """What a transaction asks of rewriting.rewriter.Rewriter."""

    def takes(self, case: "Case", recipient: Recipient, now: int) -> bool: ...

    def header(self, case: "Case", read: Heading, block: bytes) -> bytes: ...

    def seal(self, case: "Case", recipients: Sequence[Recipient], authserv_id: str) -> object: ...

    def envelope(
        self, case: "Case", read: Heading
    ) -> tuple[Address | None, tuple[Recipient, ...], tuple[Way, ...], tuple[tuple[str, str, str], ...]]: ...


class Place(msgspec.Struct, frozen=True):
    """What all transactions of one desk share. `own` is "by <hostname> " in lower case, `lifetime` in ms."""

    settings: Settings
    directory: Directory
    hostname: str
    drafts: Callable[[int], Draft]
    dates: trace.Dates
    own: bytes
    lifetime: int
    spill: int
    filters: roster.Filters
    tally: Tally
    authserv_id: str  # our name in Authentication-Results
    rewriter: Rewriting


class Client(msgspec.Struct):
    """What was learned of the client of one connection. `ptr`: the names its address has in DNS that lead back to it.

    `iprev` is a word of RFC 8601 §2.7.3, "" when it was not asked. `verdicts`: those of the checks at_connect, None
    until they were asked.
    """

    ptr: tuple[str, ...] = ()
    iprev: str = ""
    verdicts: list[Verdict] | None = None


NOBODY, NOTHING = Client(), Authenticity()  # of letters about which nothing is asked: never changed


class Visit(msgspec.Struct, frozen=True):
    """What is alike for all letters of one connection in one state (greeted, under TLS, authenticated)."""

    head: trace.Head
    submitted: bool
    trusted: bool
    checks: roster.Checks  # those that are asked about its letters


class Case(msgspec.Struct):
    """One transaction, as the checks see it; at_connect sees one without a sender and recipients.

    `submitted`: came through a submission door, so the account answers for it. `trusted`: may relay anywhere
    (an account, or a network of the settings). `now` is ms since 1970. `recipients` are those accepted so far, as
    RCPT named them; `rewritten` knows who gets the letter in their place, where an alias or a map has a say.
    """

    settings: Settings
    directory: Directory
    source: Source
    submitted: bool
    trusted: bool
    mail: Mail
    recipients: list[Recipient]
    now: int = 0
    hostname: str = ""
    client: Client = msgspec.field(default_factory=Client)
    authenticity: Authenticity = msgspec.field(default_factory=Authenticity)
    rewritten: State | None = None

    @property
    def ptr(self) -> str:
        """The first name of the client's address that leads back to it, "" for none."""
        return self.client.ptr[0] if self.client.ptr else ""


def reject(check: str, code: str, text: str) -> Verdict:
    """A Verdict that refuses with an enhanced status `code`; `text` is shown to the peer."""
    return Verdict(check, "reject" if code[0] == "5" else "defer", Status(code, text), text)
