"""Explaining: a letter run through every check by the code the doors use, and what each said; nothing is delivered.

Called by a worker for `hatoba explain`, or by the command line itself where no worker runs.
Never changes anything: checks that count or remember are built to look only, the letter stays in memory.
Fails with ValueError on what is no letter to explain; what the checks fail with is part of what is told.
"""

import asyncio
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec

from hatoba.directory.directory import Directory
from hatoba.intake import ruling
from hatoba.intake.asking import Steps
from hatoba.intake.case import Client, Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.rewriting import settings as rewriting
from hatoba.intake.roster import STAGES, Checks, Filters
from hatoba.intake.settings import Settings
from hatoba.intake.transaction import Transaction
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source
from hatoba.model.outcome import Verdict
from hatoba.model.status import Refusal, Status
from hatoba.net.asking import Asker
from hatoba.store.blobs import Draft

T = TypeVar("T")
_WORDS = dict(zip(STAGES, ("connection", "sender", "recipient", "content"), strict=True))


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be explained. `sender` None is the null reverse-path, `account` "" a stranger."""

    sender: str | None
    recipients: tuple[str, ...]
    ip: str
    helo: str = ""
    account: str = ""
    tls: str = ""


class Heard(msgspec.Struct):
    """What a check said at a stage. `reached`: the letter came so far; else it is what the check would have said.

    `action` "" is no opinion. `seconds` from the question to the answer, DNS and services included.
    """

    stage: str
    about: str  # the recipient, at that stage
    check: str
    action: str
    score: float
    reason: str
    seconds: float
    reached: bool = True


class Told(msgspec.Struct):
    """The whole story. `recipients`: each with the status its RCPT gets. `top`: what is written above the letter.

    `goes`: (recipient, reverse-path) of each copy as it would be queued; `rewrites`: what would be changed (what, from,
    to).
    """

    action: str
    status: str
    score: float
    decisive: str
    reason: str
    heard: list[Heard]
    recipients: list[tuple[str, str]]
    thresholds: dict[str, float]
    top: str = ""
    goes: list[tuple[str, str]] = []
    rewrites: tuple[tuple[str, str, str], ...] = ()
    live: bool = False  # told by a running hatoba: its counts of rates are those in force


class House(NamedTuple):
    """What is needed of a node. `asker` consults services that remember nothing."""

    settings: Settings
    rewrite: rewriting.Settings
    directory: Directory
    hostname: str
    filters: Filters
    asker: Asker
    clock: Callable[[], int]


class _Run(NamedTuple):
    heard: list[Heard]
    recipients: list[tuple[str, Status | None]]
    refused: Status | None  # the whole letter, at MAIL or at its end
    letter: Letter | None
    ruled: ruling.Ruling


async def explain(house: House, question: Question, content: bytes) -> Told:
    """Runs the letter through, and once more with everything let pass, to hear the checks it did not come to."""
    real = await _run(house, question, content, soft=False)
    heard = real.heard
    allowed = any(each.action == ruling.ALLOW for each in heard)
    if real.letter is None or allowed:
        rest = await _run(house, question, content, soft=True)
        known = {(each.stage, each.about, each.check.partition(" ")[0]) for each in heard}
        for each in rest.heard:
            if (each.stage, each.about, each.check.partition(" ")[0]) not in known:
                each.reached = False
                heard.append(each)
    first = Address.parse(question.recipients[0])
    status, decisive = _final(real)
    refusing = "reject" if status is not None and status.permanent else "defer"
    return Told(
        real.ruled.action if status is None or real.ruled.action in ruling.REFUSING else refusing,
        str(status or "2.0.0"),
        real.ruled.score,
        decisive.check,
        decisive.reason,
        heard,
        [(shown, str(each or "2.1.5 taken")) for shown, each in real.recipients],
        house.filters.table.thresholds(first.domain)._asdict(),
        _top(real.letter, content),
        _goes(real.letter),
        real.letter.notes.rewrites if real.letter is not None and real.letter.notes is not None else (),
    )


def _goes(letter: Letter | None) -> list[tuple[str, str]]:
    """Where its copies go; those that only an alias's notice is for go nowhere."""
    if letter is None:
        return []
    envelope = letter.envelope
    return [
        (str(recipient.address), str(envelope.reverse(n) or ""))
        for n, recipient in enumerate(envelope.recipients)
        if not envelope.way(n).ends
    ]


def _final(run: _Run) -> tuple[Status | None, Verdict]:
    """(the refusal of the letter, if it is refused; the verdict that decided)."""
    status = run.refused
    if status is None and run.letter is None:
        status = next((each for _, each in run.recipients if each is not None), None)
    decisive = run.ruled.decisive
    if status is not None and not decisive.reason:
        decisive = Verdict("intake", "reject", status, status.text)
    return status, decisive


def _top(letter: Letter | None, content: bytes) -> str:
    if letter is None or letter.content is None:
        return ""
    start = letter.content.find(content.partition(b"\r\n")[0])
    return letter.content[:start].decode("utf-8", "replace") if start > 0 else ""


async def _run(house: House, question: Question, content: bytes, *, soft: bool) -> _Run:
    heard: list[Heard] = []
    desk = _desk(house, content, heard, soft)
    source = Source(
        "submission" if question.account else "mx", question.ip, 587 if question.account else 25,
        question.helo or _literal(question.ip), question.tls, question.account,
    )  # fmt: skip
    sender = None if question.sender is None else Address.parse(question.sender)
    utf8 = not all(text.isascii() for text in (question.sender or "", *question.recipients))
    table = house.filters.table
    try:
        begun = desk.begin(source, Reverse(sender, len(content), smtputf8=utf8), 1, house.clock(), client=Client())
    except Refusal as refusal:
        return _Run(heard, [], refusal.status, None, ruling.combine((), table))
    recipients: list[tuple[str, Status | None]] = []
    said: list[Verdict] = []
    for written in question.recipients:
        try:
            await _driven(house, begun.recipient(Recipient(Address.parse(written))))
            recipients.append((written, None))
        except Refusal as refusal:
            recipients.append((written, refusal.status))
            said = said or _refusing(heard)
    ended = begun.recipients
    try:
        letter = await _ended(house, begun, content) if ended else None
    except Refusal as refusal:
        return _Run(heard, recipients, refusal.status, None, ruling.combine(begun.verdicts, table, ended))
    ruled = ruling.combine(begun.verdicts if letter is not None else [*begun.verdicts, *said], table, ended)
    return _Run(heard, recipients, None, letter, ruled)


def _refusing(heard: Sequence[Heard]) -> list[Verdict]:
    """The verdicts of what was heard, for a letter that came to no ruling of its own."""
    return [Verdict(each.check, each.action, None, each.reason, each.score) for each in heard if each.action]


async def _ended(house: House, begun: Transaction, content: bytes) -> Letter:
    eight = not content.isascii()
    dotted = b"\n." in content or content.startswith(b".")
    letter: Letter = await _driven(house, begun.end(content, dotted=dotted, eightbit=eight, now=house.clock()))
    return letter


async def _driven(house: House, steps: Any) -> Any:
    if not isinstance(steps, Generator):
        return steps
    found = house.asker.drive(steps)
    return await found if isinstance(found, asyncio.Task) else found


def _literal(ip: str) -> str:
    return f"[IPv6:{ip}]" if ":" in ip else f"[{ip}]"


def _no_draft(number: int) -> Draft:
    raise ValueError("the letter is larger than what may be taken in")


def _desk(house: House, content: bytes, heard: list[Heard], soft: bool) -> Desk:
    settings = house.settings
    filters = house.filters
    marked = msgspec.structs.replace(
        filters,
        outside=_watched(filters.outside, heard, soft),
        inside=_watched(filters.inside, heard, soft),
        table=ruling.Table(_soft(filters.table.settings), filters.table.always) if soft else filters.table,
    )
    in_memory = msgspec.structs.replace(settings, spill=max(settings.spill, 2 * len(content)))
    return Desk(in_memory, house.directory, house.hostname, _no_draft, filters=marked, rewrite=house.rewrite)


def _soft(settings: Any) -> Any:
    """No score refuses, and a check that fails does not either."""
    return msgspec.structs.replace(
        settings, reject_at=0.0, late="accept", fault="accept",
        domain=tuple(msgspec.structs.replace(each, reject_at=0.0) for each in settings.domain),
    )  # fmt: skip


def _watched(checks: Checks, heard: list[Heard], soft: bool) -> Checks:
    made: dict[int, _Watched] = {}

    def watch(check: Any) -> "_Watched":
        return made.setdefault(id(check), _Watched(check, heard, soft))

    stages = {
        stage.removeprefix("at_"): tuple(
            tuple(map(watch, phase)) for phase in getattr(checks, stage.removeprefix("at_"))
        )
        for stage in STAGES
    }
    return msgspec.structs.replace(checks, **stages)


class _Watched:
    """A check whose answers are written down. `soft`: nothing it says refuses the letter."""

    def __init__(self, check: Any, heard: list[Heard], soft: bool) -> None:
        self.name = check.name
        self._heard = heard
        self._soft = soft
        for stage in STAGES:
            if hasattr(check, stage):
                setattr(self, stage, partial(self._asked, stage, getattr(check, stage)))

    def _asked(self, stage: str, call: Callable[..., Any], *arguments: Any) -> Steps[Any]:
        start = time.perf_counter()
        answer = call(*arguments)
        if isinstance(answer, Generator):
            answer = yield from answer
        verdicts: Sequence[Verdict] = answer or ()
        about = str(arguments[1].address) if stage == "at_recipient" else ""
        seconds = round(time.perf_counter() - start, 6)
        for verdict in verdicts or (Verdict(self.name, ""),):
            self._heard.append(
                Heard(_WORDS[stage], about, verdict.check, verdict.action, verdict.score, verdict.reason, seconds)
            )
        return tuple(map(_softened, verdicts)) if self._soft else verdicts


def _softened(verdict: Verdict) -> Verdict:
    if verdict.action in ruling.REFUSING or verdict.action == ruling.ALLOW:
        return msgspec.structs.replace(verdict, action=ruling.ACCEPT, status=None)
    return verdict
