"""Lists: who is always let in and who is kept out, from the settings and, changed while hatoba runs, the directory.

Made by build; asked at every stage of the envelope.
Never asks anything: look-ups in memory, however many networks there are.
Fails never; a denied letter is 550 5.7.1, one that would mix allowed with other recipients 452 4.5.3.

What is said for the recipient's domain goes before what is said for all. Within each: `allow` before `deny`; of one
subject the closest entry. An allowed sender counts only where SPF passed for it, unless the settings trust names that
anybody can write.
"""

from collections.abc import Iterable, Iterator, Sequence

from hatoba.directory import listing
from hatoba.directory.listing import Entry, Found, Lists
from hatoba.intake import filter_tables
from hatoba.intake.case import Case
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

NAME = "lists"
_NOBODY = Address("", "")  # the recipient while there is none: only what is said for all applies


class Check:
    """ValueError (BadEntry) on entries that are none."""

    name = NAME
    always = True  # what a domain denies is denied, though the connection may be allowed

    def __init__(self, settings: filter_tables.Lists) -> None:
        self.settings = settings
        self._early = (listing.HELO, listing.SENDER) if settings.proof == "none" else (listing.HELO,)
        self._own = Lists(
            [
                *(listing.parse(listing.ALLOW, written) for written in settings.allow),
                *(listing.parse(listing.DENY, written) for written in settings.deny),
            ]
        )

    @property
    def worth(self) -> str:
        return f"allow, reject ({len(self._own.entries)} in the settings, all: hatoba list allow show, deny show)"

    def at_connect(self, case: Case) -> Sequence[Verdict]:
        """An allowed client: nothing else is asked about it."""
        return self._allowed(case, (listing.IP,))

    def at_sender(self, case: Case) -> Sequence[Verdict]:
        """What does not wait for a proof or a recipient."""
        return self._allowed(case, self._early)

    def at_recipient(self, case: Case, recipient: Recipient) -> Sequence[Verdict]:
        entry = self._entry(case, recipient.address)
        first = case.recipients[0].address if case.recipients else recipient.address
        if first != recipient.address and _allows(self._entry(case, first)) != _allows(entry):
            text = "What is let in for one recipient is checked for the other: send this one in another transaction"
            return (Verdict(NAME, "defer", Status("4.5.3", text), "allowed and other recipients in one letter"),)
        if entry is None or (_allows(entry) and not entry.scope and entry.subject in (listing.IP, *self._early)):
            return ()  # nothing, or it was said before
        return (_verdict(entry),)

    def _allowed(self, case: Case, subjects: Sequence[str]) -> Sequence[Verdict]:
        entry = self._entry(case, _NOBODY)
        return (_verdict(entry),) if entry is not None and _allows(entry) and entry.subject in subjects else ()

    def _entry(self, case: Case, recipient: Address) -> Entry | None:
        """The entry that decides, if any does."""
        live = case.directory.lists
        if not live and not self._own:
            return None
        source, sender = case.source, case.mail.sender
        levels = [list(lists.find(source.ip, source.helo, sender, recipient)) for lists in (live, self._own) if lists]
        for found in _by_scope(levels, recipient.domain):
            senders = [one.sender for one in found] if self._proven(case) else []
            for entry in (*(one.allow for one in found), *senders, *(one.deny for one in found)):
                if entry is not None:
                    return entry
        return None

    def _proven(self, case: Case) -> bool:
        spf = case.authenticity.spf
        return self.settings.proof == "none" or (spf is not None and spf.result == "pass")


def _by_scope(levels: Iterable[Sequence[Found]], domain: str) -> Iterator[list[Found]]:
    every = [found for level in levels for found in level]
    yield [found for found in every if found.scope == domain and domain]
    yield [found for found in every if not found.scope]


def _allows(entry: Entry | None) -> bool:
    return entry is not None and entry.verdict == listing.ALLOW


def _verdict(entry: Entry) -> Verdict:
    why = f"{entry}: {entry.note}" if entry.note else str(entry)
    if entry.verdict == listing.ALLOW:
        return Verdict(NAME, "allow", None, why)
    told = {
        listing.IP: "Your network is not welcome here",
        listing.HELO: "Your host is not welcome here",
        listing.SENDER: "This sender is not welcome here",
        listing.RECIPIENT: "This recipient takes no mail",
    }[entry.subject]
    return Verdict(NAME, "reject", Status("5.7.1", told), why)
