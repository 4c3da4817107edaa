"""Choice: which recipients an administrator means, in memory and in the store alike.

Made by admin from the operator's words; standing ones are kept by Board and asked at admission.
Never reads the store itself.
Fails with ValueError when a choice is empty: "everything" must be said by name, with `everything=True`.
"""

import msgspec

from hatoba.model.envelope import Letter
from hatoba.queue.leased import last_of
from hatoba.store.rows import Filter, RecipientRow


class Choice(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Every field given must match. `sender` "<>" is the null sender; `older` is a time in ms: accepted before it.

    `status` is the last enhanced status code or a beginning of it ("4.4", "5.7.1"). `domain` is the recipient's.
    """

    letter: int | None = None
    sender: str = ""
    recipient: str = ""
    domain: str = ""
    site: str = ""
    status: str = ""
    older: int | None = None
    everything: bool = False

    def check(self) -> None:
        """ValueError when nothing at all is chosen."""
        if self == Choice():
            raise ValueError(
                "choose letters: an id, --site, --domain, --sender, --recipient, --status, --older or --all"
            )

    def rows(self, state: int | None) -> Filter:
        """The part of it that the store can select; `fits` judges the rest."""
        return Filter(
            letter=self.letter, sender=self.sender, recipient=self.recipient, domain=self.domain,
            site=self.site, state=state, older=self.older,
        )  # fmt: skip

    def fits(self, row: RecipientRow) -> bool:
        """The part that the store cannot select: the last status."""
        return not self.status or _begins(last_of(row.last).code, self.status)

    def matches(self, letter: Letter, n: int, site: str, code: str = "") -> bool:
        """The same question about a recipient in memory; `code` is its last status, "" for none."""
        envelope = letter.envelope
        address = envelope.recipients[n].address
        return (
            (self.letter is None or self.letter == letter.id)
            and (not self.site or self.site == site)
            and (not self.domain or self.domain.lower() == address.domain)
            and (not self.recipient or self.recipient == str(address))
            and (not self.sender or self.sender == (str(envelope.sender) if envelope.sender else "<>"))
            and (self.older is None or letter.accepted < self.older)
            and (not self.status or _begins(code, self.status))
        )


def _begins(code: str, wanted: str) -> bool:
    return code == wanted or code.startswith(wanted.rstrip(".") + ".")


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """A choice that holds what comes in later too. `by` ordered it, `at` in ms."""

    name: str
    choice: Choice
    by: str = ""
    reason: str = ""
    at: int = 0
