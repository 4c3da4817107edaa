"""Roster: aliases and lists added, altered, removed, looked through, by a person at the command line or a door.

Called by app and the HTTP doors.
Never asks back and never prints: what is declined says what to run instead.
Fails with BadEntry when declined, StoreTrouble when the disk fails; then nothing has changed.
"""

import re
from collections.abc import Sequence

import msgspec

from hatoba.directory import aliases, resolve
from hatoba.directory.aliases import Alias, Ends, Roll, Whole
from hatoba.directory.directory import Directory
from hatoba.directory.entries import LOCAL, BadEntry, key
from hatoba.directory.snapshot import Snapshot
from hatoba.model.address import Address, BadAddress
from hatoba.store import aliases as rows
from hatoba.store.sql import Reader, Tx

_NAME_MOST = 100  # characters of a list's name
_NAME = re.compile(rf'(?:(?![<>"\\])[ -~]){{0,{_NAME_MOST}}}')


def shaped(
    directory: Directory,
    written: str,
    targets: Sequence[str],
    now: int,
    *,
    roll: Roll | None = None,
    keep: bool = False,
) -> Alias:
    """The alias that a person asks for, every rule but those about its neighbours checked. BadEntry.

    `keep`: the account of this name gets its copy too, as if it stood among the targets.
    """
    name, address = aliases.source(written)
    _in_a_domain(directory.snapshot(), name, address)
    to = list(dict.fromkeys(aliases.canonical(one) for one in targets))
    if keep:
        if address is None or name not in directory.snapshot().accounts:
            raise BadEntry(f"{written} is no account, so there is no mailbox that could keep a copy")
        to.insert(0, str(address))
        to = list(dict.fromkeys(to))
    if not to:
        raise BadEntry(f"{written} needs a target: an address, discard, or reject TEXT")
    if len(to) > directory.settings.alias_targets:
        most = directory.settings.alias_targets
        raise BadEntry(f"{len(to)} targets are too many, directory.alias_targets allows {most}")
    if roll is not None:
        roll = _roll(roll, name, address)
    alias = Alias(name, tuple(to), (), roll, now)
    _alone(directory.snapshot(), alias, address)
    return alias


def add(directory: Directory, alias: Alias, *, replace: bool = False) -> Alias:
    """Adds the alias (see shaped). BadEntry when it is there already, or would lead round in a circle."""
    return add_all(directory, [alias], replace=replace)[0]


def add_all(directory: Directory, those: Sequence[Alias], *, replace: bool = False) -> list[Alias]:
    """All of them (each key once) in one change, or none. BadEntry names the first that cannot be."""

    def put(tx: Tx) -> None:
        made = []
        for alias in those:
            stands = rows.row(tx, alias.key)
            if stands is not None and not replace:
                raise BadEntry(f"{alias.key} is an alias already; to change its targets: hatoba alias add --replace")
            made.append(aliases.row(alias))
        rows.put(tx, made)

    unsound = faults(directory, those)
    if unsound:
        raise unsound[0][1]
    directory.write(put)
    return list(those)


def faults(directory: Directory, those: Sequence[Alias]) -> list[tuple[Alias, BadEntry]]:
    """Those of them that would lead in a circle, too far or to too many, were they all there."""
    trial = directory.snapshot().trial(those)
    found = []
    for alias in those:
        try:
            _sound(directory, trial, alias)
        except BadEntry as error:
            found.append((alias, error))
    return found


def remove(directory: Directory, written: str, targets: Sequence[str] = ()) -> Alias | None:
    """Takes the alias away, or only these targets of it; what is left of it, None for nothing. BadEntry."""
    name, _ = aliases.source(written)
    away = {aliases.canonical(one) for one in targets}

    def take(tx: Tx) -> Alias | None:
        alias = _stands(tx, name)
        missing = sorted(away.difference(alias.to))
        if missing:
            raise BadEntry(f"{missing[0]} is no target of {name}; see: hatoba alias show {name}")
        left = tuple(one for one in alias.to if one not in away)
        if not away or not left:
            rows.remove(tx, name)
            return None
        paused = tuple(one for one in alias.paused if one not in away)
        alias = msgspec.structs.replace(alias, to=left, paused=paused)
        rows.put(tx, [aliases.row(alias)])
        return alias

    return directory.write(take)


def join(directory: Directory, written: str, targets: Sequence[str]) -> Alias:
    """More targets for an alias that is there. BadEntry."""
    name, address = aliases.source(written)
    more = [aliases.canonical(one) for one in targets]
    stands = _stands(directory.reader(), name)
    alias = msgspec.structs.replace(stands, to=tuple(dict.fromkeys((*stands.to, *more))))
    if len(alias.to) > directory.settings.alias_targets:
        raise BadEntry(f"{name} would have {len(alias.to)} targets, directory.alias_targets allows fewer")
    _alone(directory.snapshot(), alias, address)
    return add(directory, alias, replace=True)


def pause(directory: Directory, written: str, members: Sequence[str], paused: bool) -> Alias:
    """Passes targets over from now on, or takes them in again; who is paused stays a member. BadEntry."""
    name, _ = aliases.source(written)
    those = [aliases.canonical(one) for one in members]

    def put(tx: Tx) -> Alias:
        alias = _stands(tx, name)
        missing = next((one for one in those if one not in alias.to), "")
        if missing:
            raise BadEntry(f"{missing} is no target of {name}; see: hatoba alias show {name}")
        left = [one for one in alias.paused if one not in those]
        alias = msgspec.structs.replace(alias, paused=tuple([*left, *those] if paused else left))
        rows.put(tx, [aliases.row(alias)])
        return alias

    return directory.write(put)


def listed(directory: Directory, domain: str = "") -> list[Alias]:
    """All aliases (of one domain), by domain and key; those whose rows cannot be read have no targets."""
    wanted = aliases.domain_name(domain) if domain else ""
    return [
        aliases.made(row.key, row.data, row.created) or Alias(row.key, (), (), None, row.created)
        for row in rows.rows(directory.reader())
        if wanted in ("", row.domain)
    ]


def show(directory: Directory, written: str) -> Alias:
    """One alias. BadEntry when there is none."""
    return _stands(directory.reader(), aliases.source(written)[0])


def trial(directory: Directory, written: str, *, bounce: bool = False) -> resolve.Found:
    """What becomes of a letter to this address; see resolve.expand. BadEntry for no address, or beyond the limits."""
    try:
        address = Address.parse(written.strip())
    except BadAddress as error:
        raise BadEntry(f"{written!r} is no mail address: {error}") from None
    try:
        return directory.expand(address, bounce=bounce)
    except resolve.TooDeep:
        raise BadEntry(f"{written} leads through more than {directory.settings.alias_depth} aliases") from None
    except resolve.TooMany:
        raise BadEntry(f"{written} comes to more than {directory.settings.alias_expansion} recipients") from None


def _known(snapshot: Snapshot, address: Address) -> bool:
    """Somebody stands behind the address, or only others can tell."""
    domain = snapshot.domains.get(address.domain)
    if domain is None or domain.kind != LOCAL or snapshot.account(address) is not None:
        return True
    return snapshot.alias(address)[0] is not None or snapshot.rest(address.domain) is not None


def _stands(reader: Reader, name: str) -> Alias:
    row = rows.row(reader, name)
    alias = None if row is None else aliases.made(row.key, row.data, row.created)
    if alias is None:
        raise BadEntry(f"{name} is no alias here; see: hatoba alias list")
    return alias


def _in_a_domain(snapshot: Snapshot, name: str, address: Address | None) -> None:
    domain = name.rpartition("@")[2]
    found = snapshot.domains.get(domain)
    if found is None:
        raise BadEntry(f"{domain} is no domain of this node; run: hatoba domain add {domain}")
    if address is None and found.kind != LOCAL:
        raise BadEntry(f"{domain} is a relay domain: who lives there is not known here, so there is no rest to catch")


def _roll(roll: Roll, name: str, address: Address | None) -> Roll:
    if address is None:
        raise BadEntry(f"{name}: all the rest of a domain cannot be a list")
    try:
        owner = Address.parse(roll.owner) if roll.owner else Address("postmaster", address.domain)
    except BadAddress as error:
        raise BadEntry(f"the owner {roll.owner!r} is no mail address: {error}") from None
    if key(owner) == name:
        raise BadEntry(f"{name} cannot own itself: its bounces would go to everybody")
    if not owner.ascii:
        raise BadEntry(f"the owner {owner} is beyond ASCII: not every member's host could send bounces there")
    if not _NAME.fullmatch(roll.name):
        raise BadEntry(f'the name of a list is at most {_NAME_MOST} printable ASCII characters without <, >, " and \\')
    return Roll(str(owner), roll.members, roll.name.strip())


def _alone(snapshot: Snapshot, alias: Alias, address: Address | None) -> None:
    """Targets that stand alone: another domain, an end, and an account that is not there."""
    for written in alias.to:
        meant = aliases.target(written)
        if isinstance(meant, Ends) and len(alias.to) > 1:
            raise BadEntry(f"{written!r} is a target of its own: nothing can stand beside it")
        if isinstance(meant, Whole):
            if address is not None:
                raise BadEntry(f"{written} is a whole domain: only another one (@{alias.domain}) can stand for it")
            if len(alias.to) > 1:
                raise BadEntry(f"{written} is a whole domain: nothing can stand beside it")
            if meant.domain not in snapshot.domains:
                raise BadEntry(f"{meant.domain} is no domain of this node: nobody here knows who lives there")
        if isinstance(meant, Address) and key(meant) == alias.key and alias.key not in snapshot.accounts:
            raise BadEntry(f"{alias.key} stands for itself, but there is no account of that name")
        if alias.list is not None and isinstance(meant, Ends):
            raise BadEntry("a list needs members that are addresses")


def _sound(directory: Directory, trial: Snapshot, alias: Alias) -> None:
    """Its targets are there, and nothing that can be reached from the alias leads back to it, nor too far."""
    for written in alias.to:
        meant = aliases.target(written)
        if isinstance(meant, Address) and not _known(trial, meant):
            raise BadEntry(f"{meant}: nobody here has this address; add the account or alias first")
    settings = directory.settings
    local = alias.key.rpartition("@")[0] or "any-name"
    try:
        found = resolve.expand(
            trial, Address(local, alias.domain), most=settings.alias_expansion, deep=settings.alias_depth
        )
    except resolve.TooDeep:
        raise BadEntry(
            f"{alias.key} would lead through more than {settings.alias_depth} aliases (alias_depth)"
        ) from None
    except resolve.TooMany:
        raise BadEntry(
            f"{alias.key} would come to more than {settings.alias_expansion} recipients (alias_expansion)"
        ) from None
    if found.circular:
        raise BadEntry(f"{alias.key} would lead in a circle: {found.circular[0]} comes round again")
