"""Ring: who signs for an author's domain now: the keys in use of that domain or of one above it, opened and ready.

Made by app, one for each worker; asked for every letter of ours, so what it found is kept until the keys change.
Never waits, never asks the DNS; a key it cannot open is left out and said once (`complain`).
Fails never: no key is an answer, with the reason in words.
"""

from collections.abc import Callable

import msgspec

from hatoba.directory.directory import Directory
from hatoba.directory.dkim import making
from hatoba.directory.dkim.settings import Settings
from hatoba.directory.dkim_key import RSA, Key
from hatoba.kit import sealing
from hatoba.mailauth.dkim import canonical, keys, sign
from hatoba.mailauth.dmarc import suffix

_MOST = 10_000  # authors' domains remembered
_NEVER = 1 << 62  # ms
_AGAIN = 10_000  # ms until a key that could not be opened is tried again: the master key may have come

Complain = Callable[[Key, str], object]


class Hand(msgspec.Struct, frozen=True, gc=False):
    """The answer for one author's domain: `domain` (d=) and its signers, or `why` there is none.

    `ours`: the domain lives here or has keys here, so that a letter without a signature is worth a warning.
    `names`: "example.org 20261124-rsa" of each signer, RSA first: some verifiers know nothing else and look no further.
    `slow`: an RSA key is among them.
    """

    domain: str
    signers: tuple[sign.Signer, ...] = ()
    names: tuple[str, ...] = ()
    why: str = ""
    ours: bool = False
    slow: bool = False


class Ring:
    """`master` reads the master key, None while there is none; asked again when a key is not opened by it."""

    def __init__(
        self, directory: Directory, settings: Settings, master: Callable[[], sealing.Master | None], complain: Complain
    ) -> None:
        self.settings = settings
        self._directory = directory
        self._read = master
        self._master: sealing.Master | None = None
        self._complain = complain
        self._said: set[tuple[str, str, str]] = set()
        self._opened: dict[tuple[str, str, bytes], sign.Signer | None] = {}
        self._hands: dict[str, Hand] = {}
        self._keys: object = None  # the snapshot's keys that `_hands` was made of
        self._until = 0  # ms; then a key begins or stops

    def hand(self, author: str, now: int) -> Hand:
        """Who signs for a From of this domain (A-labels, lower case). `now`: ms. Hot."""
        standing = self._directory.snapshot().dkim
        if standing is not self._keys or now >= self._until:
            self._turn(standing, now)
        found = self._hands.get(author)
        if found is None:
            if len(self._hands) >= _MOST:
                self._hands.clear()
            found = self._hands[author] = self._look(author, now)
        return found

    def _turn(self, standing: dict[str, tuple[Key, ...]], now: int) -> None:
        """What was found holds no more: the keys changed, or one of them begins or stops now."""
        self._keys = standing
        self._hands.clear()
        every = [key for group in standing.values() for key in group]
        self._until = min((at for key in every for at in (key.signs, key.stops) if at > now), default=_NEVER)
        there = {(key.domain, key.selector, key.sealed) for key in every}
        opened = self._opened.items()
        self._opened = {known: signer for known, signer in opened if known in there and signer is not None}

    def _look(self, author: str, now: int) -> Hand:
        snapshot = self._directory.snapshot()
        ours = author in snapshot.domains or author in snapshot.dkim
        name, why = author, ""
        while name:
            group = snapshot.dkim.get(name)
            if group and (name == author or self._aligned(author, name)):
                due = sorted((key for key in group if key.due(now)), key=lambda key: key.kind != RSA)
                found = [(key, signer) for key in due if (signer := self._signer(key, now)) is not None]
                if found:
                    return Hand(
                        name,
                        tuple(signer for _, signer in found),
                        tuple(f"{name} {key.selector}" for key, _ in found),
                        ours=True,
                        slow=any(key.kind == RSA for key, _ in found),
                    )
                ours, why = True, why or self._why(name, group, due, now)
            name = name.partition(".")[2] if self.settings.parents else ""
        return Hand(author, why=why or f"{author} has no DKIM key: hatoba dkim new {author}", ours=ours)

    def _aligned(self, author: str, above: str) -> bool:
        """Whether d= of the domain above is in the author's organization. # RFC 7489 §3.1.1"""
        organization = suffix.packaged().organizational(author)
        return organization is not None and (above == organization or above.endswith(f".{organization}"))

    def _why(self, name: str, group: tuple[Key, ...], due: list[Key], now: int) -> str:
        if due:
            return f"the DKIM keys of {name} cannot be opened with this node's master key"
        if any(key.state(now) == "waiting" for key in group):
            return f"the DKIM keys of {name} wait to be published: hatoba dns {name}"
        return f"no DKIM key of {name} is in use: hatoba dkim list {name}"

    def _signer(self, key: Key, now: int) -> sign.Signer | None:
        known = (key.domain, key.selector, key.sealed)
        if known not in self._opened:
            self._opened[known] = made = self._open(key)
            if made is None:
                self._until = min(self._until, now + _AGAIN)
        return self._opened[known]

    def _open(self, key: Key) -> sign.Signer | None:
        if self._master is None or self._master.mark != key.mark:
            self._master = self._read()
        try:
            if self._master is None:
                raise sealing.BadSeal("this node has no master key")
            if key.mark != self._master.mark:
                raise sealing.BadSeal(
                    f"it is sealed under the master key {key.mark}, this node has {self._master.mark}"
                )
            return signer(key, making.loaded(self._master.open(key.sealed, key.owner)), self.settings)
        except ValueError as error:
            said = (key.domain, key.selector, str(error))
            if said not in self._said:
                self._said.add(said)
                self._complain(key, str(error))
            return None


def signer(key: Key, private: keys.PrivateKey, settings: Settings) -> sign.Signer:
    """A key with the settings' way to sign. ValueError for settings that make no sense."""
    header_form, _, body_form = settings.canonicalization.partition("/")
    forms: dict[str, canonical.Form] = {"relaxed": "relaxed", "simple": "simple"}
    return sign.Signer(
        key.domain,
        key.selector,
        private,
        header_form=forms[header_form],
        body_form=forms[body_form],
        lifetime=int(settings.lifetime),
        stamped=settings.timestamp,
        sealed=_names(settings.oversigned),
        guarded=_names(settings.guarded),
        taken=_names(settings.signed),
    )


def _names(names: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(name.strip().lower().encode() for name in names)
