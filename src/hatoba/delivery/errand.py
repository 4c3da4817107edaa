"""Errand and Transaction: one job on its way through a connection, and one MAIL…dot of it.

Made by channel when a job is taken; driven by session; ended by channel, which tells the feed.
Never speaks and never reads a clock. A large recipient list, or recipients reached in several ways, make several
transactions of one errand.
Fails in nothing: `finish` gives every recipient an Outcome, whatever is missing.
"""

from collections.abc import Sequence

from hatoba.delivery import verdict
from hatoba.delivery.need import Need
from hatoba.model.envelope import Way
from hatoba.model.outcome import Attempt, Job, Outcome
from hatoba.model.status import Status
from hatoba.wire.smtp import commands
from hatoba.wire.smtp.peer import PeerReply

_CUT = 600  # characters of one line of dialogue that are kept


class Errand:
    """A job taken from the feed. `todo` are the recipients no transaction was begun for, by index."""

    __slots__ = ("job", "mixed", "need", "outcomes", "said", "started", "todo")

    def __init__(self, job: Job, started: int, need: Need | None = None) -> None:
        self.job = job
        self.started = started  # ms since 1970
        self.need = need  # what TLS must be like on its way; None: still to be found out
        self.todo: Sequence[int] = job.indexes
        self.outcomes: dict[int, Outcome] = {}
        self.said: list[str] = []  # dialogue of its transactions
        self.mixed = False  # some content of it was sent: it cannot be given back

    def restart(self) -> None:
        """Begins again with whoever has no Outcome yet."""
        self.todo = [n for n in self.job.indexes if n not in self.outcomes]

    @property
    def untouched(self) -> bool:
        """Nothing any peer has said or taken would be forgotten if it were given back."""
        return not self.mixed and not self.outcomes

    def refuse(self, status: Status, scope: str = verdict.RECIPIENT, reply: str = "") -> None:
        """Every recipient without an Outcome gets this one of ours."""
        outcomes = self.outcomes
        for n in self.job.indexes:
            if n not in outcomes:
                outcomes[n] = verdict.ours(n, status, scope, reply)

    def reject(self, reply: PeerReply, scope: str, indexes: Sequence[int] = ()) -> None:
        """Every recipient (of `indexes`, if given) without an Outcome gets the peer's."""
        outcomes = self.outcomes
        for n in indexes or self.job.indexes:
            if n not in outcomes:
                outcomes[n] = verdict.outcome(n, reply, scope)

    def attempt(self, ended: int, site: str, bound: int) -> Attempt:
        """What the feed is told, without the connection's half. Recipients that were forgotten are deferred. Hot."""
        indexes, outcomes = self.job.indexes, self.outcomes
        if len(outcomes) < len(indexes):
            self.refuse(Status("4.3.0", "the attempt ended without a result"))
        said = self.said[0] if len(self.said) == 1 else "\n".join(self.said)
        return Attempt(self.started, ended, site, [outcomes[n] for n in indexes], dialogue=clip(said, bound))


class Transaction:
    """One MAIL, its RCPTs, DATA and content. `replies` come in the order of `commands`."""

    __slots__ = (
        "accepted", "answered", "binary", "commands", "content", "errand", "heard", "indexes", "later", "refused",
        "replies", "sent", "void", "way",
    )  # fmt: skip

    def __init__(
        self,
        errand: Errand,
        indexes: Sequence[int],
        lines: list[commands.Command],
        way: Way,
        *,
        binary: bool = False,
    ) -> None:
        self.errand = errand
        self.indexes = indexes
        self.commands = lines  # MAIL, RCPT…, and DATA unless `binary`
        self.way = way  # of all its recipients
        self.binary = binary  # the content goes by BDAT  # RFC 3030
        self.replies: list[PeerReply] = []
        self.heard = 0  # RCPTs answered
        self.accepted: list[int] = []
        self.later: list[int] = []  # "too many recipients": they go in the next transaction  # RFC 5321 §4.5.3.1.10
        self.answered = 0  # LMTP: recipients whose content was answered for
        self.refused: PeerReply | None = None  # MAIL was, or the peer said 421
        self.content = ""  # how the content stands in the dialogue, once it is sent
        self.sent = False  # the end of the content was sent: what comes now decides
        self.void = False  # a dot alone was sent, for nobody was accepted  # RFC 2920 §3.1

    def shown(self) -> str:
        """The dialogue as "C: "/"S: " lines. Hot for one recipient."""
        replies = self.replies
        told = verdict.told
        if len(replies) == 4 and len(self.commands) == 3 and self.content:
            mail, rcpt, _ = self.commands
            first, second, third, last = replies
            return (
                f"C: {mail.wire[:-2].decode('utf-8', 'backslashreplace')}\nS: {told(first)[0]}\n"
                f"C: {rcpt.wire[:-2].decode('utf-8', 'backslashreplace')}\nS: {told(second)[0]}\n"
                f"C: DATA\nS: {told(third)[0]}\nC: ({self.content})\nS: {told(last)[0]}"
            )
        lines: list[str] = []
        for at, command in enumerate(self.commands):
            lines.append(f"C: {command.shown}")
            if at < len(replies):
                lines.append(f"S: {told(replies[at])[0]}")
        if self.content:
            lines.append(f"C: ({self.content})")
            lines.extend([f"S: {told(reply)[0]}" for reply in replies[len(self.commands) :]])
        return "\n".join(lines)


def clip(said: str, bound: int) -> str:
    """Dialogue within its bound; what is left out is counted."""
    if len(said) <= bound:
        return said
    return f"{said[:bound]}\n… {len(said) - bound} more characters"


def line(mark: str, text: str) -> str:
    """One bounded line of dialogue; `mark` is "C" or "S", or "*" for what nobody said."""
    return f"{mark}{'' if mark == '*' else ':'} {text[:_CUT]}{'…' if len(text) > _CUT else ''}"
