"""Addresses in a header field changed where they stand; every other octet of the field stays. # RFC 5322 §3.4

Called by intake's rewriting for From, To and their kin.
Never touches a display name, a comment, an encoded word or a fold, and leaves alone what it cannot read for sure.
Fails never: a field it cannot read comes back as it was.
"""

from collections.abc import Callable

from hatoba.message import encode, mailbox
from hatoba.model.address import Address

_ESCAPE = b"\x1b"  # ISO-2022-JP unencoded: its octets look like quotes and brackets


def readdress(value: bytes, change: Callable[[Address], Address | None]) -> tuple[bytes, list[tuple[str, str]]]:
    """`value`, folded as it stands, with each address that `change` has another one for; and (before, after) of each.

    `change` gives None for an address that stays. A change that would make a line longer than 998 octets is not made.
    """
    if b"@" not in value or _ESCAPE in value:
        return value, []
    text = value.decode("utf-8", "surrogateescape")
    pieces: list[str] = []
    done: list[tuple[str, str]] = []
    at = 0
    for place in mailbox.located(text):
        before = place.mailbox.address
        after = None if before is None else change(before)
        if before is None or after is None or after == before:
            continue
        local, _, _ = str(after).rpartition("@")
        for (start, end), new, same in (
            (place.local, local, after.local == before.local),
            (place.domain, after.domain, after.domain == before.domain),
        ):
            if not same:
                pieces += (text[at:start], new)
                at = end
        done.append((str(before), str(after)))
    if not done:
        return value, []
    made = ("".join(pieces) + text[at:]).encode("utf-8", "surrogateescape")
    if _longest(made) > max(encode.LINE_MOST, _longest(value)):
        return value, []
    return made, done


def _longest(value: bytes) -> int:
    return max(len(line) for line in value.split(b"\r\n"))
