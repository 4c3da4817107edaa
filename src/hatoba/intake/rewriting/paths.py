"""Paths: a forward-path to the recipients it stands for: return addresses, aliases, lists, forwards; one at a time.

Called by rewriting, which was asked by transaction.
Never waits: the directory answers from memory. Never opens a way to the outside that no alias of ours names.
Fails with Refusal: 5.1.1 nobody there, 5.2.1 switched off, 5.2.4 too deep or too many, 5.4.6 a circle, 5.7.1 a return
address that is none, 5.7.2 not for this list, 4.5.3 no room left in this transaction.
"""

from collections.abc import Sequence

from hatoba.directory import resolve
from hatoba.directory.aliases import Alias
from hatoba.directory.entries import LOCAL, key
from hatoba.directory.resolve import Found, Leaf
from hatoba.directory.snapshot import Snapshot
from hatoba.intake.case import Case
from hatoba.intake.rewriting import srs as srs_
from hatoba.intake.rewriting.settings import Settings
from hatoba.intake.rewritten import ways as ways_
from hatoba.intake.rewritten.notes import Notes
from hatoba.intake.rewritten.state import State
from hatoba.intake.rewritten.ways import Draft
from hatoba.model.address import Address, BadAddress
from hatoba.model.envelope import Recipient
from hatoba.model.status import Refusal, Status

_SHOWN = 5  # recipients of an alias that the journal names


def refusal(code: str, text: str) -> Refusal:
    return Refusal(Status(code, text))


class Paths:
    """What all letters of a desk share."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    # return addresses

    def returned(self, case: Case, recipient: Recipient, now: int, notes: Notes) -> Recipient | None:
        """The recipient that a return address of ours leads back to; None when it is none of ours. Refusal."""
        address, settings = recipient.address, self._settings.srs
        if not settings.enabled or not srs_.tagged(address.local):
            return None
        domain = case.directory.domain(address.domain)
        if domain is None and address.domain != settings.domain:
            return None
        snapshot = case.directory.snapshot()
        if key(address) in snapshot.accounts or snapshot.aliases.get(key(address)) is not None:
            return None
        try:
            back = self.signer(snapshot).reverse(address, now)
        except srs_.BadReturn as error:
            if domain is not None and domain.kind != LOCAL:
                return None  # the host behind us may write such addresses of its own
            raise refusal("5.7.1" if error.stale else "5.1.1", f"<{address}>: {error}") from None
        except ValueError:
            return None  # no secret was ever made: no such address either
        if case.mail.sender is not None and not settings.any_sender:
            raise refusal("5.7.1", f"<{address}>: this address takes bounces only")
        notes.add("SRS reversed", str(address), str(back))
        return Recipient(back, recipient.notify, recipient.orcpt or orcpt(address))

    def signer(self, snapshot: Snapshot) -> srs_.Srs:
        """ValueError where no secret was made yet."""
        settings = self._settings.srs
        return srs_.Srs(snapshot.secrets, width=settings.hash, age=settings.age, longest=settings.longest)

    # aliases

    def expanded(
        self, case: Case, recipient: Recipient, state: State, now: int, notes: Notes
    ) -> list[Recipient] | None:
        """Those that an alias stands for; None where no alias has a say about the address. Refusal."""
        address, directory, sender = recipient.address, case.directory, case.mail.sender
        if not concerns(case, address):
            return None
        try:
            found = directory.expand(address, bounce=sender is None)
        except resolve.TooDeep:
            raise refusal("5.2.4", f"<{address}>: stands for addresses that stand for others, too many times") from None
        except resolve.TooMany:
            raise refusal("5.2.4", f"<{address}>: stands for too many recipients") from None
        if not found.aliased:
            return None
        if not found.leaves:
            raise Refusal(_nobody(found, address))
        self._may_post(case, found, sender)
        _guard(case, found, address, state.count)
        return self._recipients(case, recipient, found, state, now, notes)

    @staticmethod
    def _may_post(case: Case, found: Found, sender: Address | None) -> None:
        """A list for members wants one of them: proven by a login where the sender is ours. # RFC 3463 §3.8 X.7.2"""
        for roll in found.lists:
            if roll.list is None or not roll.list.members or sender is None:
                continue
            if not _poster(case, roll, sender):
                raise refusal("5.7.2", f"<{roll.key}>: only its members may write to this list")

    def _recipients(
        self, case: Case, recipient: Recipient, found: Found, state: State, now: int, notes: Notes
    ) -> list[Recipient]:
        ways, nobody = state.ways, case.mail.sender is None
        notify, news = _notices(recipient, found, case)
        wanted = recipient.orcpt or orcpt(recipient.address)
        made: list[Recipient] = []
        if news:
            ends = ways_.LISTED if found.lists else ways_.EXPANDED
            made.append(Recipient(recipient.address, "SUCCESS", wanted, ways.add(Draft(ends=ends))))
        for leaf in found.leaves:
            draft = self._draft(case, recipient.address, leaf, state, now, notes)
            asked = notify if leaf.list is None else ("NEVER" if nobody else "FAILURE")
            if leaf.kind == resolve.DISCARDED:
                asked = recipient.notify
            # RFC 3461 §5.2.7: the parameters of the letter stay behind where a list begins
            made.append(Recipient(leaf.address, asked, wanted if leaf.list is None else "", ways.add(draft)))
        _tell(notes, recipient.address, found)
        return made

    def _draft(self, case: Case, asked: Address, leaf: Leaf, state: State, now: int, notes: Notes) -> Draft:
        """The way of one copy."""
        if leaf.kind == resolve.DISCARDED:
            return Draft(ends=ways_.DISCARDED)
        snapshot, sender = case.directory.snapshot(), state.sender
        mailbox = leaf.kind == resolve.MAILBOX
        through = _passed(asked, leaf) if not mailbox or leaf.list is not None else ()
        original = str(asked) if self._settings.original_to and mailbox and key(asked) != key(leaf.address) else ""
        if sender is None:
            return Draft(through=through, list=leaf.list, original=original)
        owner = _owner(leaf.list)
        here = self._settings.srs.domain or leaf.through[-1].rpartition("@")[2]
        reverse = owner
        if leaf.kind == resolve.OUTSIDE and self._settings.srs.enabled:
            reverse = self._rewritten(snapshot, owner or sender, here, state, now, notes) or owner
        return Draft(reverse, owner, through, leaf.list, original)

    def _rewritten(
        self, snapshot: Snapshot, sender: Address, here: str, state: State, now: int, notes: Notes
    ) -> Address | None:
        """The sender as the outside is to see it; None: as it is, because it is one of ours or cannot be."""
        if sender.domain in snapshot.domains or sender.domain == self._settings.srs.domain:
            return None
        if (sender, here) not in state.returns:
            try:
                state.returns[sender, here] = self.signer(snapshot).forward(sender, here, now)
            except ValueError:
                state.returns[sender, here] = None
        made = state.returns[sender, here]
        if made is None:
            notes.add("SRS not applied", str(sender), "" if snapshot.secrets else "there is no secret")
        else:
            notes.add("SRS", str(sender), str(made))
        return made


def concerns(case: Case, address: Address) -> bool:
    """Whether an alias may have a say about the address. Hot: for an account without aliases two look-ups."""
    directory = case.directory
    if directory.snapshot().plain(address):
        return False
    domain = directory.domain(address.domain)
    if domain is None:
        return False
    snapshot = directory.snapshot()
    if snapshot.alias(address)[0] is not None:
        return True
    if domain.kind != LOCAL or directory.account(address) is not None:
        return False
    snapshot = directory.snapshot()  # the look-up may have brought a newer one
    return snapshot.alias(address)[0] is not None or snapshot.rest(address.domain) is not None


def orcpt(address: Address) -> str:
    """The original recipient, where the sender did not name it. # RFC 3461 §4.2, RFC 6533 §3"""
    return f"{'rfc822' if address.ascii else 'utf-8'};{address}"


def _poster(case: Case, roll: Alias, sender: Address) -> bool:
    directory = case.directory
    account = case.source.account
    if account:
        try:
            return directory.posts(roll, Address.parse(account)) or directory.posts(roll, sender)
        except BadAddress:
            return directory.posts(roll, sender)
    domain = directory.domain(sender.domain)
    if domain is not None and not case.trusted:
        return False  # one of ours would have logged in
    return directory.posts(roll, sender)


def _nobody(found: Found, address: Address) -> Status:
    """Why there is nobody left to deliver to: the first thing that was said for good, else for now."""
    for status in sorted(found.said, key=lambda status: status.temporary):
        return status
    if found.circular:
        return Status("5.4.6", f"<{address}>: stands for itself in the end")
    return Status("5.2.1", f"<{address}>: nobody takes letters at this address now")


def _guard(case: Case, found: Found, address: Address, before: int) -> None:
    """What the aliases of one letter may come to, and routes in local parts that an alias domain would carry on."""
    most = case.directory.settings.alias_expansion
    if before + len(found.leaves) > most:
        if before:
            raise refusal("4.5.3", "Too many recipients, send the rest in another transaction")
        raise refusal("5.2.4", f"<{address}>: stands for too many recipients")
    if not case.trusted:
        for leaf in found.leaves:
            if leaf.kind == resolve.RELAYED and leaf.address.local == address.local and ROUTING & set(address.local):
                raise refusal("5.7.1", f"<{address}>: a route in a local part is not followed from here")
    if not case.mail.smtputf8 and any(not leaf.address.ascii for leaf in found.leaves):
        raise refusal("5.6.7", f"<{address}>: an address behind this one is beyond ASCII and needs SMTPUTF8")


ROUTING = frozenset("%!@")  # RFC 5321 appendix F.2


def _owner(roll: Alias | None) -> Address | None:
    if roll is None or roll.list is None:
        return None
    try:
        return Address.parse(roll.list.owner)
    except BadAddress:
        return None


def _passed(asked: Address, leaf: Leaf) -> tuple[str, ...]:
    """The addresses a copy leaves behind: what was asked for, and each alias on the way that has a name of its own."""
    names = [str(asked), *(name for name in leaf.through if name[0] != "@")]
    seen: dict[str, str] = {}
    for name in names:
        seen.setdefault(name.casefold(), name)
    return tuple(seen.values())


def _notices(recipient: Recipient, found: Found, case: Case) -> tuple[str, bool]:
    """(NOTIFY for the recipients behind the alias, whether the sender is told now that it was expanded).

    An alias for one passes the wish on. One for several answers SUCCESS itself, with "expanded", a list with
    "delivered"; failures go on being told (by a list: to its owner).  # RFC 3461 §5.2.7
    """
    notify = recipient.notify
    words = notify.split(",")
    several = found.several or bool(found.lists)
    if "SUCCESS" not in words or not several or case.mail.sender is None:
        return notify, False
    rest = ",".join(word for word in words if word != "SUCCESS")
    return rest or "NEVER", True


def _tell(notes: Notes, address: Address, found: Found) -> None:
    """The journal's line."""
    leaves: Sequence[Leaf] = found.leaves
    if found.lists:
        what = "list"
    elif all(leaf.kind == resolve.DISCARDED for leaf in leaves):
        what = "discarded"
    elif any(leaf.kind == resolve.OUTSIDE for leaf in leaves):
        what = "forward"
    else:
        what = "alias"
    through = dict.fromkeys(name for leaf in leaves for name in leaf.through if name != key(address))
    if through:
        what += f" (through {', '.join([*through][:_SHOWN])})"
    shown = [f"{leaf.address}" + ("" if leaf.kind != resolve.DISCARDED else " (nowhere)") for leaf in leaves[:_SHOWN]]
    for status in found.said[:_SHOWN]:
        notes.add("passed over", str(address), str(status))
    more = f" and {len(leaves) - _SHOWN} more" if len(leaves) > _SHOWN else ""
    notes.add(what, str(address), ", ".join(shown) + more)
