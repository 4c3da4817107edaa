"""Resolve: an address to those it stands for, through aliases, lists, alias domains, subaddresses and catch-alls.

Called by directory for each RCPT that an alias concerns, by roster before a change, by the command line's test.
Never asks the store, and never visits an alias twice: what is circular ends, what is a bomb is cut at `most`.
Fails with TooDeep and TooMany; an address nobody stands behind gives an empty Found.
"""

from collections.abc import Iterator

import msgspec

from hatoba.directory import aliases
from hatoba.directory.aliases import Alias, Ends, Target, Whole
from hatoba.directory.entries import LOCAL, Account, BadEntry, key
from hatoba.directory.snapshot import Snapshot
from hatoba.model.address import Address
from hatoba.model.status import Status

MAILBOX, RELAYED, OUTSIDE, DISCARDED = "mailbox", "relayed", "outside", "discarded"


class TooMany(Exception):
    """The expansion goes beyond its bound."""


class TooDeep(Exception):
    """Aliases stand for aliases stand for aliases."""


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """Where one copy goes. `kind`: a mailbox here, a host behind us (relay domain), the outside, or nowhere.

    `through` are the keys of the aliases on the way, the one that was asked first; `list` the innermost list of them.
    """

    address: Address
    kind: str
    through: tuple[str, ...] = ()
    list: Alias | None = None


class Found(msgspec.Struct):
    """`said` is what refuses (error targets, mailboxes switched off); it matters where no leaf is left.

    `lists` are all lists on the way, `circular` the keys that came round again by way of others. `several`: some
    alias on the way stands for more than one.
    """

    leaves: list[Leaf] = []
    said: list[Status] = []
    lists: list[Alias] = []
    circular: list[str] = []
    aliased: bool = False
    several: bool = False


class _Walk:
    """One expansion under way."""

    __slots__ = ("bounce", "deep", "found", "keys", "most", "seen", "snapshot", "steps")

    def __init__(self, snapshot: Snapshot, most: int, deep: int, bounce: bool) -> None:
        self.snapshot = snapshot
        self.most = most
        self.deep = deep
        self.bounce = bounce
        self.found = Found()
        self.seen: set[tuple[str, str]] = set()  # (alias, tag)
        self.keys: set[str] = set()  # of the leaves
        self.steps = 0

    def leaf(self, address: Address, kind: str, through: tuple[str, ...], roll: Alias | None) -> None:
        name = key(address) if kind != DISCARDED else f"{DISCARDED} {through[0]}"
        if name not in self.keys:
            if len(self.found.leaves) >= self.most:
                raise TooMany
            self.keys.add(name)
            self.found.leaves.append(Leaf(address, kind, through, roll))

    def visit(self, address: Address, through: tuple[str, ...], roll: Alias | None) -> Iterator["_Step"]:
        """Leaves of `address`, or the steps that lead on."""
        self.steps += 1
        if self.steps > 2 * self.most + 16:
            raise TooMany
        snapshot = self.snapshot
        domain = snapshot.domains.get(address.domain)
        if domain is None:
            self.leaf(address, OUTSIDE, through, roll)
            return
        alias, tag = snapshot.alias(address)
        if alias is not None:
            if alias.key not in through:
                yield from self.open(alias, address, tag, through, roll)
                return
            account = snapshot.accounts.get(key(address)) or snapshot.accounts.get(alias.key)
            if account is None or alias.key != through[-1]:
                self.found.circular.append(alias.key)
            if account is None:
                return
        elif domain.kind != LOCAL:
            self.leaf(address, RELAYED, through, roll)
            return
        else:
            account = snapshot.account(address)
        if account is not None:
            self._mailbox(address, account, through, roll)
            return
        rest = snapshot.rest(address.domain)
        if rest is None:
            self._nobody(address, through)
        elif rest.key in through:
            self.found.circular.append(rest.key)
        else:
            yield from self.open(rest, address, "", through, roll)

    def _mailbox(self, address: Address, account: Account, through: tuple[str, ...], roll: Alias | None) -> None:
        if account.enabled:
            self.leaf(address, MAILBOX, through, roll)
        else:
            self.found.said.append(Status("5.2.1", f"<{through[0] if through else address}>: mailbox switched off"))

    def _nobody(self, address: Address, through: tuple[str, ...]) -> None:
        """A target that does not exist (any more); for an address that is none of ours nothing is said here."""
        if through:
            self.found.said.append(Status("5.1.1", f"<{through[0]}>: nobody stands behind this address"))

    def open(
        self,
        alias: Alias,
        address: Address,
        tag: str = "",
        through: tuple[str, ...] = (),
        roll: Alias | None = None,
    ) -> Iterator["_Step"]:
        """The targets of an alias."""
        self.found.aliased = True
        if (alias.key, tag) in self.seen:
            return
        if not alias.moves:  # an alias domain has as many addresses as there are
            self.seen.add((alias.key, tag))
        if len(through) >= self.deep:
            raise TooDeep
        through = (*through, alias.key)
        to, paused = alias.to, alias.paused
        if alias.list is not None:
            roll, tag = alias, ""
            self.found.lists.append(alias)
            if self.bounce:  # what comes back is the owner's: members never see it
                to, paused = (alias.list.owner,), ()
        if len(to) > 1:
            self.found.several = True
        domains = self.snapshot.domains
        for written in to:
            if written in paused:
                continue
            try:
                meant = aliases.target(written)
            except BadEntry:
                self.found.said.append(Status("5.3.5", f"<{through[0]}>: its alias cannot be read"))
                continue
            if type(meant) is Address and meant.domain not in domains:  # most members of large lists
                self.leaf(meant, OUTSIDE, through, roll)
            else:
                yield _Step(meant, tag, address, through, roll)

    def take(self, step: "_Step") -> Iterator["_Step"]:
        """One target: an end, or the address it means."""
        meant = step.target
        if isinstance(meant, Ends):
            if meant.status is None:
                self.leaf(step.address, DISCARDED, step.through, step.roll)
            else:
                self.found.said.append(meant.status)
            return
        if isinstance(meant, Whole):
            meant = Address(step.address.local, meant.domain)
        elif step.tag:
            meant = self._tagged(meant, step.tag)
        yield from self.visit(meant, step.through, step.roll)

    def _tagged(self, address: Address, tag: str) -> Address:
        """info+tag@ goes on as user+tag@, to mailboxes here only: elsewhere nobody knows what + means."""
        separator = self.snapshot.separator
        domain = self.snapshot.domains.get(address.domain)
        if domain is None or domain.kind != LOCAL or separator in address.local:
            return address
        return Address(f"{address.local}{separator}{tag}", address.domain)


class _Step(msgspec.Struct, frozen=True, gc=False):
    """A target, and how it was come to."""

    target: Target
    tag: str
    address: Address
    through: tuple[str, ...]
    roll: Alias | None


def expand(snapshot: Snapshot, address: Address, *, most: int, deep: int, bounce: bool = False) -> Found:
    """Everybody that `address` stands for, each once, in the order of the targets. TooMany, TooDeep.

    `most` leaves, `deep` aliases behind one another. `bounce`: the letter comes from nobody, so lists answer with their
    owner. An account whose alias names it too is among the leaves: that keeps a copy.
    """
    walk = _Walk(snapshot, most, deep, bounce)
    _walk(walk, walk.visit(address, (), None))
    return walk.found


def _walk(walk: _Walk, first: Iterator["_Step"]) -> None:
    """Depth first, in the order of the targets; no deeper in Python's stack than one call."""
    open_ = [first]
    while open_:
        step = next(open_[-1], None)
        if step is None:
            open_.pop()
        else:
            open_.append(walk.take(step))


def belongs(snapshot: Snapshot, roll: Alias, address: Address, *, most: int, deep: int) -> bool:
    """Whether `address` is a member of the list or its owner: itself, or the mailbox it is an address of."""
    names = {key(address)}
    owner = snapshot.owner(address)
    if owner is not None:
        names.add(owner.key)
    if roll.list is not None and _named(roll.list.owner, names):
        return True
    if any(_named(written, names) for written in roll.to):
        return True
    members = _Walk(snapshot, most, deep, False)
    _walk(members, members.open(roll, address))
    return not names.isdisjoint(members.keys) or any(alias in names for alias, _ in members.seen - {(roll.key, "")})


def _named(written: str, names: set[str]) -> bool:
    try:
        meant = aliases.target(written)
    except BadEntry:
        return False
    return isinstance(meant, Address) and key(meant) in names
