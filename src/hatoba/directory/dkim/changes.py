"""Changes: keys added, taken into use, retired and removed, by a person or when their records are seen in the DNS.

Called by app (the command line, quickstart, the look for published records); slow like every change of the directory.
Never asks the DNS, draws nothing (`nonce` gives random octets) and never leaves a domain without a key unasked.
Fails with BadEntry when declined, StoreTrouble when the disk fails; then nothing has changed.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from hatoba.directory import dkim_key
from hatoba.directory.directory import Directory
from hatoba.directory.dkim import making
from hatoba.directory.dkim.making import Made
from hatoba.directory.dkim_key import Key
from hatoba.directory.entries import BadEntry
from hatoba.kit import sealing
from hatoba.mailauth.dkim import keys as dkim_keys
from hatoba.mailauth.dkim import sign
from hatoba.store import dkim_keys as rows
from hatoba.store.sql import Reader, Tx

Nonce = Callable[[int], bytes]
NOTHING: Mapping[str, tuple[str, ...]] = {}


def add(
    directory: Directory,
    master: sealing.Master,
    domain: str,
    made: Sequence[Made],
    now: int,
    nonce: Nonce,
    *,
    signs: int = 0,
    overlap: int = 0,
    replaces: Mapping[str, tuple[str, ...]] = NOTHING,
) -> list[Key]:
    """New keys of a domain (A-labels). `signs` (ms): from when on, 0: once their records are seen in the DNS.

    `replaces`: for a new selector those that stop when it begins; their records must stay for `overlap` ms.
    """
    for one in made:
        try:
            sign.Signer(domain, one.selector, one.key)
        except ValueError as error:
            raise BadEntry(f"{one.selector} for {domain}: {error}") from None
    fresh = [
        _sealed(
            master, one, nonce, domain=domain, created=now, retires=0, signs=signs, overlap=overlap,
            replaces=replaces.get(one.selector, ()),
        )
        for one in made
    ]  # fmt: skip

    def put(tx: Tx) -> None:
        _one_master(tx, master)
        standing = {key.selector for key in _of_domain(tx, domain)}
        for key in fresh:
            if key.selector in standing:
                raise BadEntry(f"{domain} has a key with the selector {key.selector} already; choose another one")
            rows.put(tx, dkim_key.row(key))
            if key.signs:
                _succeed(tx, key)

    directory.write(put)
    return fresh


def _sealed(master: sealing.Master, one: Made, nonce: Nonce, **known: object) -> Key:
    values = {
        "selector": one.selector, "kind": one.kind, "bits": one.bits, "record": dkim_keys.record(one.key),
        "sealed": b"", "mark": master.mark,
    }  # fmt: skip
    key = msgspec.convert(values | known, Key)
    octets = master.seal(making.der(one.key), key.owner, nonce(sealing.NONCE))
    return msgspec.structs.replace(key, sealed=octets)


def _one_master(reader: Reader, master: sealing.Master) -> None:
    """All keys are sealed under one master key, so that every node with it can use all of them. BadEntry."""
    marks = {key.mark for row in rows.keys(reader) if (key := dkim_key.of_row(row)) is not None} - {master.mark}
    if marks:
        raise BadEntry(
            f"the keys here are sealed under another master key ({', '.join(sorted(marks))}, this node's is "
            f"{master.mark}): bring that one here (master.key, HATOBA_MASTER_KEY) before you add keys"
        )


def _of_domain(reader: Reader, domain: str) -> list[Key]:
    return [key for row in rows.of_domain(reader, domain) if (key := dkim_key.of_row(row)) is not None]


def _succeed(tx: Tx, key: Key) -> None:
    """Those whose place `key` takes stop when it begins."""
    for old in _of_domain(tx, key.domain):
        if old.selector in key.replaces and not (old.stops and old.stops <= key.signs):
            rows.put(tx, dkim_key.row(_stopped(old, key.signs, key.overlap)))


def _stopped(key: Key, at: int, overlap: int) -> Key:
    return msgspec.structs.replace(key, stops=at, retires=at + overlap)


def successors(standing: Sequence[Key], now: int, kinds: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """For each kind the selectors of the keys in use (or still waiting for their first use) that a new one replaces."""
    live = [key for key in standing if key.state(now) in ("signing", "scheduled", "waiting")]
    return {kind: tuple(key.selector for key in live if key.kind == kind) for kind in kinds}


def under_way(standing: Sequence[Key], now: int) -> list[Key]:
    """New keys of a rotation that has not taken place yet."""
    return [key for key in standing if key.replaces and key.state(now) in ("waiting", "scheduled")]


def begin(directory: Directory, domain: str, selector: str, now: int) -> Key | None:
    """The key signs from now on, those it replaces stop. None when there is nothing to change (any more)."""

    def put(tx: Tx) -> Key | None:
        key = _find(tx, domain, selector)
        if key is None or key.state(now) not in ("waiting", "scheduled"):
            return None
        begun = msgspec.structs.replace(key, signs=now, seen=now)
        rows.put(tx, dkim_key.row(begun))
        _succeed(tx, begun)
        return begun

    return directory.write(put)


def _find(reader: Reader, domain: str, selector: str) -> Key | None:
    return next((key for key in _of_domain(reader, domain) if key.selector == selector), None)


def _known(reader: Reader, domain: str, selector: str) -> Key:
    found = _find(reader, domain, selector)
    if found is None:
        raise BadEntry(f"{domain} has no key with the selector {selector}; see: hatoba dkim list {domain}")
    return found


def _others_sign(reader: Reader, key: Key, now: int) -> bool:
    return any(other.due(now) for other in _of_domain(reader, key.domain) if other.selector != key.selector)


def retire(directory: Directory, domain: str, selector: str, now: int, overlap: int, *, force: bool = False) -> Key:
    """The key signs no more from now on; its record must stay for `overlap` ms. The last one only with `force`."""

    def put(tx: Tx) -> Key:
        key = _known(tx, domain, selector)
        if key.stops and key.stops <= now:
            raise BadEntry(f"{selector} of {domain} signs no more already")
        if key.due(now) and not force and not _others_sign(tx, key, now):
            raise BadEntry(
                f"{selector} is the only key that signs for {domain}; make others first: hatoba dkim rotate {domain} "
                "(or say --force, and letters go out unsigned)"
            )
        stopped = _stopped(key, now, overlap)
        rows.put(tx, dkim_key.row(stopped))
        return stopped

    return directory.write(put)


def remove(directory: Directory, domain: str, selector: str, now: int, *, force: bool = False) -> None:
    """The key is gone for good. One that signs, whose record must still stand, or that is damaged: with `force`."""

    def put(tx: Tx) -> None:
        key = _find(tx, domain, selector)
        if key is None and force and rows.remove(tx, domain, selector):
            return  # it could not be read
        key = _known(tx, domain, selector)
        state = key.state(now)
        if state in ("signing", "retiring") and not force:
            what = "signs" if state == "signing" else "was used until a short time ago"
            raise BadEntry(
                f"{selector} of {domain} {what}; retire it and wait for its date (hatoba dkim list {domain}), "
                "or say --force"
            )
        rows.remove(tx, domain, selector)
        if state == "scheduled":  # the change it announced does not take place
            for old in _of_domain(tx, domain):
                if old.selector in key.replaces and old.stops == key.signs:
                    rows.put(tx, dkim_key.row(_stopped(old, 0, 0)))

    directory.write(put)


def opened(master: sealing.Master, key: Key) -> dkim_keys.PrivateKey:
    """The private key. BadEntry when this master key does not open it."""
    try:
        return making.loaded(master.open(key.sealed, key.owner))
    except (sealing.BadSeal, ValueError) as error:
        raise BadEntry(f"{key.selector} of {key.domain} cannot be opened: {error}") from None


def reseal(directory: Directory, old: sealing.Master, new: sealing.Master, nonce: Nonce) -> int:
    """All keys under a new master key, in one transaction; how many. BadEntry when one of them cannot be opened."""

    def put(tx: Tx) -> int:
        found = [(row, dkim_key.of_row(row)) for row in rows.keys(tx)]
        count = 0
        for row, key in found:
            if key is None:
                raise BadEntry(f"the key {row.selector} of {row.domain} cannot be read: nothing was changed")
            if key.mark == new.mark:
                continue
            try:
                octets = old.open(key.sealed, key.owner)
            except sealing.BadSeal as error:
                raise BadEntry(f"{key.selector} of {key.domain}: {error}; nothing was changed") from None
            sealed = new.seal(octets, key.owner, nonce(sealing.NONCE))
            rows.put(tx, dkim_key.row(msgspec.structs.replace(key, sealed=sealed, mark=new.mark)))
            count += 1
        return count

    return directory.write(put)
