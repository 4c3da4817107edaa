"""The keyring of a node as the command line works on it: the master key, new DKIM keys by the settings, their records.

Called by the verbs, `domain add`, quickstart, and wiring (`ring`). Running workers see what changed by themselves.
Never prints and never asks the DNS.
Fails with BadEntry when declined, StoreTrouble when the disk or the master key fails.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path

import structlog

from hatoba.app import offline
from hatoba.app.settings import Settings
from hatoba.directory import changes as domains
from hatoba.directory.directory import Directory
from hatoba.directory.dkim import changes, making
from hatoba.directory.dkim.making import Made
from hatoba.directory.dkim.ring import Ring
from hatoba.directory.dkim_key import Key
from hatoba.directory.entries import BadEntry
from hatoba.kit import sealing
from hatoba.mailauth.publish import zone
from hatoba.store import master_key
from hatoba.store.trouble import StoreTrouble


def master(settings: Settings) -> sealing.Master | None:
    """The master key that the settings or the data directory have, None while there is none."""
    data = offline.places(settings).data
    return master_key.read(data, given=settings.master_key, named=settings.master_key_file)


def ring(settings: Settings, directory: Directory) -> Ring:
    """Who signs, for a worker. Without a master key that can be read nobody does, and the mail goes on."""
    log = structlog.get_logger("signing")

    def complain(key: Key, why: str) -> None:
        log.error("DKIM key not usable", domain=key.domain, selector=key.selector, why=why)

    def read() -> sealing.Master | None:
        try:
            return master(settings)
        except StoreTrouble as error:
            log.error("the master key cannot be read: nothing is signed", why=str(error))
            return None

    return Ring(directory, settings.dkim, read, complain)


def keep(settings: Settings, directory: Directory, domain: str, made: Sequence[Made], *, signs: int = 0) -> list[Key]:
    """Keys of a domain (A-labels), sealed and kept; the master key is made at first use."""
    data = offline.places(settings).data
    key = master_key.make(data, given=settings.master_key, named=settings.master_key_file)
    overlap = round(settings.dkim.overlap * 1000)
    return changes.add(directory, key, domain, made, offline.now(), secrets.token_bytes, signs=signs, overlap=overlap)


def _fresh(directory: Directory, domain: str, algorithms: tuple[str, ...], selector: str) -> list[Made]:
    taken = {key.selector for key in directory.snapshot().dkim.get(domain, ())}
    names = making.names(algorithms, selector, offline.now(), taken)
    return [Made(name, making.make(algorithm)) for name, algorithm in zip(names, algorithms, strict=True)]


def new(
    settings: Settings, directory: Directory, written: str, *, selector: str = "", algorithm: str = "", signs: int = 0
) -> list[Key]:
    """New keys of a domain, by default those of dkim.algorithms. `signs`: ms, 0: once published."""
    domain = domains.domain_name(written)
    algorithms = making.listed(algorithm or settings.dkim.algorithms)
    return keep(settings, directory, domain, _fresh(directory, domain, algorithms, selector), signs=signs)


def rotate(
    settings: Settings,
    directory: Directory,
    written: str,
    *,
    selector: str = "",
    algorithm: str = "",
    signs: int = 0,
    overlap: float | None = None,
) -> list[Key]:
    """New keys that take the place of those in use, of the same kinds unless `algorithm` names others."""
    domain, now = domains.domain_name(written), offline.now()
    standing = directory.snapshot().dkim.get(domain, ())
    waiting = changes.under_way(standing, now)
    if waiting:
        raise BadEntry(
            f"{domain} is being rotated already: {waiting[0].selector} {waiting[0].state(now)}. Publish it "
            f"(hatoba dns {domain}), start it (hatoba dkim start), or remove it (hatoba dkim remove)"
        )
    live = [key for key in standing if key.state(now) in ("signing", "scheduled", "waiting")]
    if not live:
        raise BadEntry(f"{domain} has no key to take the place of; make one: hatoba dkim new {domain}")
    if algorithm:
        algorithms = making.listed(algorithm)
    else:
        algorithms = tuple(
            dict.fromkeys(key.algorithm if key.algorithm in making.ALGORITHMS else "rsa2048" for key in live)
        )
    made = _fresh(directory, domain, algorithms, selector)
    old = changes.successors(standing, now, [one.kind for one in made])
    data = offline.places(settings).data
    key = master_key.make(data, given=settings.master_key, named=settings.master_key_file)
    left = round((settings.dkim.overlap if overlap is None else overlap) * 1000)
    return changes.add(
        directory, key, domain, made, now, secrets.token_bytes,
        signs=signs, overlap=left, replaces={one.selector: old[one.kind] for one in made},
    )  # fmt: skip


def reseal(settings: Settings, directory: Directory, file: Path) -> int:
    """Every key under the master key in `file`, drawn if it is not there; how many.

    Where the old one is the file of the data directory, the new one takes its place at once, and the old one stays
    beside it under the name master.key.MARK.
    """
    old = master(settings)
    if old is None:
        raise BadEntry("this node has no master key: there is nothing to seal anew")
    fresh = master_key.make_at(file)
    count = changes.reseal(directory, old, fresh, secrets.token_bytes)
    if not settings.master_key and not settings.master_key_file:
        place = master_key.path(offline.places(settings).data)
        master_key.exchange(place, file, place.with_name(f"{place.name}.{old.mark}"))
    return count


def zone_line(key: Key) -> str:
    """The key's record as it stands in a zone file."""
    return zone.txt(key.name, key.record)
