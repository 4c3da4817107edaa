"""Settings of DKIM: whether and what we sign, how signatures look, how keys change.

Read by app from the `[dkim]` table; used by ring and by intake's signature.
Never read from a file here.
Fails where msgspec says so.
"""

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Seconds
from hatoba.mailauth.dkim import sign as sign_

Canonical = Literal["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"]
Algorithms = Literal["both", "rsa2048", "rsa3072", "ed25519"]


def _says(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


def _names(names: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(name.decode() for name in names)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[dkim]` table."""

    sign: Annotated[bool, _says("Whether letters of our own domains are signed on their way out.")] = True
    new_domains: Annotated[
        bool, _says("Whether `hatoba domain add` makes keys for a new local domain; they sign once published.")
    ] = True
    algorithms: Annotated[
        Algorithms, _says("Keys that a domain gets by default: both is one RSA-2048 key and one Ed25519 key.")
    ] = "both"
    parents: Annotated[
        bool,
        _says("Whether a subdomain without keys of its own is signed for by the domain above it (relaxed alignment)."),
    ] = True
    any_author: Annotated[
        bool,
        _says("Whether an account gets the signature of any domain here that its From names, not only of its own."),
    ] = False
    canonicalization: Annotated[
        Canonical, _says("Form of header and body that is signed; relaxed survives what relays do to white space.")
    ] = "relaxed/relaxed"
    timestamp: Annotated[bool, _says("Whether signatures tell when they were made (t=).")] = True
    lifetime: Annotated[
        Seconds, msgspec.Meta(ge=0, description="Time after which a signature is void (x=); 0: never.")
    ] = 0.0
    oversigned: Annotated[
        tuple[str, ...],
        _says("Header fields signed also where they are missing, so that nobody can add one. From must be among them."),
    ] = _names(sign_.SEALED)
    guarded: Annotated[
        tuple[str, ...], _says("Header fields that, where they are there, are signed and cannot be added again.")
    ] = _names(sign_.GUARDED)
    signed: Annotated[
        tuple[str, ...], _says("Header fields signed where they are there; others of the name may be added later.")
    ] = _names(sign_.TAKEN)
    overlap: Annotated[
        Seconds, msgspec.Meta(ge=0, description="Time a key's record must stay published after it signed last.")
    ] = 7 * 86400.0
    look: Annotated[
        Seconds, msgspec.Meta(ge=1, description="Time between two looks in the DNS for keys that wait to be published.")
    ] = 300.0
    threads: Annotated[
        int,
        msgspec.Meta(
            ge=-1,
            le=64,
            description="Threads of a worker that sign with RSA; 0: its share of processors; -1: on the spot.",
        ),
    ] = 0
