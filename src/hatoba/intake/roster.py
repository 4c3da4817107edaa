"""Roster: which checks are asked at which stage of a letter, and in which order.

Made once by filters.build for the letters of strangers and once for those of our own people; read by the steps.
Never asks a check itself.
Fails never.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from hatoba.intake import filter_settings, ruling

STAGES = ("at_connect", "at_sender", "at_recipient", "at_content")


class Check(Protocol):
    """A check: `name`, and one or more of the methods named in STAGES; each is an Asking or gives a plain sequence.

        def at_connect(self, case: Case) -> Asking[Sequence[Verdict]]          # once per connection
        def at_sender(self, case: Case) -> Asking[Sequence[Verdict]]           # with the first RCPT of a letter
        def at_recipient(self, case: Case, recipient: Recipient) -> Asking[Sequence[Verdict]]
        def at_content(self, subject: Subject) -> Asking[Sequence[Verdict]]
        def watch(self, case: Case, heading: Heading) -> Watch | None          # sees the body as it comes in

    `inside` (False where it is missing): whether it is asked about submissions and trusted networks, too.
    `always` (likewise): whether it counts even against an allow list: viruses, broken syntax. `anyway` (likewise):
    whether it is asked about an allowed letter all the same, only to be told: who sent it.
    """

    @property
    def name(self) -> str: ...


class Watch(Protocol):
    """Sees a body piece by piece before at_content, which finds it by `subject.watched.get(name)`."""

    def update(self, piece: bytes, /) -> None: ...


Phase = tuple[Any, ...]


class Checks(msgspec.Struct, frozen=True):
    """The phases of each stage: what stands in one is asked side by side, a later one only if nothing refused."""

    connect: tuple[Phase, ...] = ()
    sender: tuple[Phase, ...] = ()
    recipient: tuple[Phase, ...] = ()
    content: tuple[Phase, ...] = ()
    watching: Phase = ()
    always: frozenset[str] = frozenset()
    anyway: frozenset[str] = frozenset()
    envelope: bool = False  # something is asked at RCPT
    any: bool = False  # something is asked at all


NONE = Checks()


class Filters(msgspec.Struct, frozen=True):
    """All checks of a house: `outside` for letters of strangers, `inside` for submissions and trusted networks."""

    outside: Checks = NONE
    inside: Checks = NONE
    table: ruling.Table = msgspec.field(default_factory=ruling.Table)
    auth: filter_settings.Auth = filter_settings.Auth()


def gathered(phases: Iterable[Sequence[Check]], *, inside: bool) -> Checks:
    """The Checks of these phases; `inside`: those alone that are for submissions and trusted networks as well."""
    wanted = [tuple(check for check in phase if not inside or getattr(check, "inside", False)) for phase in phases]
    connect, sender, recipient, content = (_having(wanted, stage) for stage in STAGES)
    flat = tuple(check for phase in wanted for check in phase)
    return Checks(
        connect,
        sender,
        recipient,
        content,
        watching=tuple(check for check in flat if hasattr(check, "watch")),
        always=frozenset(check.name for check in flat if getattr(check, "always", False)),
        anyway=frozenset(check.name for check in flat if getattr(check, "anyway", False)),
        envelope=bool(connect or sender or recipient),
        any=bool(flat),
    )


def _having(phases: Sequence[tuple[Check, ...]], stage: str) -> tuple[Phase, ...]:
    found = (tuple(check for check in phase if hasattr(check, stage)) for phase in phases)
    return tuple(phase for phase in found if phase)
