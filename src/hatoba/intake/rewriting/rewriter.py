"""Rewriter: all that is changed about letters on their way in, as transaction asks for it.

Made once a desk from the settings; keeps what it did to a letter in that letter's State.
Never asks anybody: directory and tables are in memory. Never touches a letter that no alias, map or rule concerns.
Fails with Refusal for a recipient (see paths), ValueError on settings that make no sense.
"""

from collections.abc import Callable, Sequence
from functools import partial

from hatoba.directory.entries import LOCAL, key
from hatoba.intake.case import Case
from hatoba.intake.heading import Heading
from hatoba.intake.rewriting import maps as maps_
from hatoba.intake.rewriting import sealing
from hatoba.intake.rewriting import srs as srs_
from hatoba.intake.rewriting.header import Header
from hatoba.intake.rewriting.maps import Maps
from hatoba.intake.rewriting.paths import Paths
from hatoba.intake.rewriting.settings import Masquerade, Settings
from hatoba.intake.rewritten.notes import Notes
from hatoba.intake.rewritten.state import Behind, State
from hatoba.model import domain as domain_
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient, Way
from hatoba.model.status import Refusal, Status

_LOOP = Status("5.4.6", "Mail loop: it was here before, for the same recipients")


class Rewriter:
    """`header`: there are maps or rules, so every header is looked at."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._maps = Maps(settings.canonical, settings.masquerade)
        self._mapping = bool(self._maps)
        self._header = Header(self._maps, settings.header)
        self._ruling = bool(self._header)
        self._paths = Paths(settings)

    # recipients

    def takes(self, case: Case, recipient: Recipient, now: int) -> bool:
        """Whether others get the letter in place of this recipient: then they stand in case.rewritten. Refusal.

        Hot: for an account of a node without aliases and maps it looks at three names.
        """
        if not self._mapping and not case.directory.snapshot().aliases and not srs_.tagged(recipient.address.local):
            return False
        if case.rewritten is not None and recipient.address in case.rewritten.behind:
            return True
        asked = recipient
        notes = Notes()
        if self._mapping and (mapped := self._mapped(case, recipient, notes)) is not None:
            recipient = mapped
        returned = self._paths.returned(case, recipient, now, notes)
        if returned is not None:
            recipient = returned
        state = self._state(case)
        behind: Sequence[Recipient] | None = self._paths.expanded(case, recipient, state, now, notes)
        if behind is None:
            if recipient is asked:
                return False
            self._deliverable(case, recipient, case.trusted or returned is not None)
            behind = (recipient,)
        state.behind[asked.address] = Behind(behind, notes)
        state.count += len(behind)
        return True

    def _mapped(self, case: Case, recipient: Recipient, notes: Notes) -> Recipient | None:
        address = recipient.address
        found = self._maps.change(address, maps_.RECIPIENT, maps_.ENVELOPE, ours=case.trusted)
        if found is None:
            return None
        notes.add(f"recipient by {found.rule}", str(address), str(found.to))
        return Recipient(found.to, recipient.notify, recipient.orcpt or f"rfc822;{address}")

    @staticmethod
    def _deliverable(case: Case, recipient: Recipient, anywhere: bool) -> None:
        """A map's word does not open a relay to strangers: what comes out must be ours, and exist."""
        address, directory = recipient.address, case.directory
        domain = directory.domain(address.domain)
        if domain is None and not anywhere:
            raise Refusal(Status("5.7.1", f"<{address}>: relay access denied"))
        if domain is None or domain.kind != LOCAL:
            return
        account = directory.account(address)
        if account is None:
            raise Refusal(Status("5.1.1", f"<{address}>: no such user here"))
        if not account.enabled:
            raise Refusal(Status("5.2.1", f"<{address}>: mailbox switched off"))

    def _state(self, case: Case) -> State:
        if case.rewritten is None:
            sender = case.mail.sender
            case.rewritten = State(sender)
            if sender is not None and self._mapping:
                found = self._maps.change(sender, maps_.SENDER, maps_.ENVELOPE, ours=case.trusted)
                if found is not None:
                    case.rewritten.sender = found.to
                    case.rewritten.notes.add(f"sender by {found.rule}", str(sender), str(found.to))
        return case.rewritten

    # the letter

    def header(self, case: Case, read: Heading, block: bytes) -> bytes:
        """The header as maps and rules leave it; the very block where they leave it alone. `read` learns of it."""
        if not self._ruling:
            return block
        made = self._header.rewritten(block, case, self._state(case).notes)
        if made == block:
            return block
        read.renew(made)
        return made

    def envelope(
        self, case: Case, read: Heading
    ) -> tuple[Address | None, tuple[Recipient, ...], tuple[Way, ...], tuple[tuple[str, str, str], ...]]:
        """(reverse-path, recipients, ways, what was rewritten) as the letter is queued. Refusal 5.4.6.

        Each recipient stands there once, whatever led to it.
        """
        state = self._state(case) if self._mapping else case.rewritten
        if state is None:
            return case.mail.sender, tuple(case.recipients), (), ()
        if not state.behind:
            return state.sender, tuple(case.recipients), (), state.notes.told()
        notes = Notes()
        notes.take(state.notes)
        recipients = self._recipients(case, read, state, notes)
        return state.sender, recipients, state.ways.finished(read.fields), notes.told()

    def seal(self, case: Case, recipients: Sequence[Recipient], authserv_id: str) -> sealing.Wanted | None:
        """What an ARC set for this letter is to be made with; None where none is wanted: it is not forwarded, or ours.

        # RFC 8617 §5.1
        """
        state = case.rewritten  # a chain that nobody looked at cannot go on
        if not self.settings.arc or state is None or case.authenticity.arc is None or case.trusted:
            return None
        domains = case.directory.snapshot().domains
        for one in recipients:
            through = state.ways.draft(one.way).through if one.way else ()
            if through and one.address.domain not in domains:
                return sealing.Wanted(through[0].rpartition("@")[2], authserv_id)
        return None

    @staticmethod
    def _recipients(case: Case, read: Heading, state: State, notes: Notes) -> tuple[Recipient, ...]:
        had = {line.decode("utf-8", "replace").casefold() for line in read.fields.all(b"delivered-to")}
        made: dict[object, Recipient] = {}
        for recipient in case.recipients:
            behind = state.behind.get(recipient.address)
            if behind is None:
                made.setdefault(_name(case, recipient.address), recipient)
                continue
            notes.take(behind.notes)
            for one in behind.recipients:
                draft = state.ways.draft(one.way) if one.way else None
                if draft is not None and draft.ends:
                    made.setdefault((draft.ends, one.address), one)
                elif draft is not None and not had.isdisjoint(name.casefold() for name in draft.through):
                    notes.add("left out: it was here before", str(recipient.address), str(one.address))
                else:
                    made.setdefault(_name(case, one.address), one)
        if not made:
            raise Refusal(_LOOP)
        return tuple(made.values())


def faults(settings: Settings) -> list[tuple[str, str]]:
    """(key below [rewrite], what is wrong) of entries that make no sense."""
    found = []
    for index, one in enumerate(settings.canonical):
        found += _fault(f"canonical[{index}]", partial(Maps, (one,), Masquerade()))
    found += _fault("masquerade.domains", partial(Maps, (), settings.masquerade))
    for index, rule in enumerate(settings.header):
        found += _fault(f"header[{index}]", partial(Header, Maps((), Masquerade()), (rule,)))
    if settings.srs.domain:
        found += _fault("srs.domain", partial(domain_.parse, settings.srs.domain))
    return found


def _fault(key: str, make: Callable[[], object]) -> list[tuple[str, str]]:
    try:
        make()
    except ValueError as error:
        return [(key, str(error))]
    return []


def _name(case: Case, address: Address) -> object:
    """What makes two recipients one: our own mailboxes know no case."""
    domain = case.directory.snapshot().domains.get(address.domain)
    return address if domain is None or domain.kind != LOCAL else key(address)
