"""Contents as they are kept: packed, and encrypted where the settings say so; and back to octets.

Called by queue (what to keep of a letter) and by `hatoba audit content`.
Never stores anything, and never draws a nonce: what draws is given.
Fails with BadContent when what was kept cannot be read.
"""

import zlib
from collections.abc import Callable

from hatoba.journal import settings as settings_
from hatoba.kit import ids, sealing
from hatoba.store import contents
from hatoba.store.contents import Keep

_PLAIN, _PACKED, _SEALED = b"p", b"z", b"s"  # the first octet: as it is, deflated, encrypted (around one of the others)
_LEVEL = 1  # mail packs well at once
_MOST = 64 * 1024 * 1024  # octets that content_most may be


class BadContent(Exception):
    """What was kept cannot be read; the message says why, and what to do."""


def keeping(audit: settings_.Audit, master: sealing.Master | None, draw: Callable[[int], bytes]) -> Keep | None:
    """What is to be kept of every letter; None for nothing. BadContent where the settings want a key that is not there.

    `draw` gives so many random octets; it is called on the writer's thread.
    """
    if audit.content == contents.NONE:
        return None
    if not audit.encrypt:
        return Keep(audit.content, audit.content_most, lambda letter, octets: _pack(octets))
    if master is None:
        raise BadContent("audit.encrypt needs the master key: `hatoba dkim new DOMAIN` makes one, or name it")

    def seal(letter: int, octets: bytes) -> bytes:
        return _SEALED + master.seal(_pack(octets), _owner(letter), draw(sealing.NONCE))

    return Keep(audit.content, audit.content_most, seal)


def _pack(octets: bytes) -> bytes:
    packed = zlib.compress(octets, _LEVEL)
    return _PACKED + packed if len(packed) < len(octets) else _PLAIN + octets


def _owner(letter: int) -> str:
    """What binds an encrypted content to its letter: it opens nowhere else."""
    return f"content {ids.text(letter)}"


def sealed(data: bytes) -> bool:
    """It takes the master key to read it."""
    return data.startswith(_SEALED)


def opened(letter: int, data: bytes, master: sealing.Master | None) -> bytes:
    """The octets that were kept. BadContent."""
    if sealed(data):
        if master is None:
            raise BadContent("it is encrypted, and the master key is not here")
        try:
            data = master.open(data[1:], _owner(letter))
        except sealing.BadSeal as error:
            raise BadContent(str(error)) from None
    if data.startswith(_PLAIN):
        return data[1:]
    if not data.startswith(_PACKED):
        raise BadContent("it is of a form that this program does not know")
    try:
        unpack = zlib.decompressobj()
        return unpack.decompress(data[1:], _MOST)
    except zlib.error as error:
        raise BadContent(f"it is damaged: {error}") from None
