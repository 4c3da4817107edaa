"""Heads: where the hash chains of the shards and of the admin log stand, as a text to be kept elsewhere, and compared.

Called by `hatoba audit head` and `hatoba verify --head`. Whoever can write the databases can make a chain anew, but not
one that ends in a head that somebody else has kept.
Never writes a database.
Fails with BadHeads for a text that is none of ours or whose signature does not fit; StoreTrouble.
"""

import base64
import binascii
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from hatoba.app import offline
from hatoba.app.settings import Settings
from hatoba.store import admin, chain, chain_check
from hatoba.store.findings import Report

_FIRST = "hatoba heads 1"
_SIGNED = "signature ed25519 "
ADMIN = "admin"


class BadHeads(ValueError):
    """The text or the key cannot be used; the message says why."""


class Head(msgspec.Struct, frozen=True):
    """One chain: `name` is "shard 0003" or "admin"; `hash` hexadecimal, of everything up to `seq`."""

    name: str
    seq: int
    hash: str


def gather(settings: Settings) -> list[Head]:
    """The heads of all shards that have a chain, and of the admin log. StoreTrouble."""
    home = offline.home(settings)
    found = []
    for number in home.numbers():
        with home.reader(number) as reader:
            newest = chain.last(reader)
        if newest is not None:
            found.append(Head(f"shard {number:04d}", newest.seq, newest.hash.hex()))
    register = home.register()
    try:
        entry = admin.last(register.reader)
    finally:
        register.close()
    if entry is not None:
        found.append(Head(ADMIN, entry.seq, entry.hash.hex()))
    return found


def write(heads: list[Head], when: str, key: Path | None = None) -> str:
    """The text; signed when `key` names a file with an Ed25519 private key (PEM). BadHeads."""
    lines = [f"{_FIRST} {when}", *(f"{head.name} {head.seq} {head.hash}" for head in heads)]
    text = "".join(f"{line}\n" for line in lines)
    if key is None:
        return text
    try:
        private = load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError, OSError, UnsupportedAlgorithm) as error:
        raise BadHeads(f"{key} cannot be read as a private key: {error}") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise BadHeads(f"{key} is no Ed25519 key; one is made by: openssl genpkey -algorithm ed25519 -out {key}")
    return text + _SIGNED + base64.b64encode(private.sign(text.encode())).decode() + "\n"


def read(text: str, key: Path | None = None) -> list[Head]:
    """The heads of a text; with `key` (Ed25519 public key, PEM) only if it was signed by its owner. BadHeads."""
    body, mark, signature = text.partition(_SIGNED)
    if key is not None:
        _prove(body, signature if mark else "", key)
    lines = body.splitlines()
    if not lines or not lines[0].startswith(_FIRST + " "):
        raise BadHeads("these are no heads of hatoba: `hatoba audit head` writes them")
    try:
        return [_head(line) for line in lines[1:]]
    except ValueError:
        raise BadHeads("a line of the heads cannot be read") from None


def _head(line: str) -> Head:
    name, seq, hashed = line.rsplit(" ", 2)
    if len(bytes.fromhex(hashed)) != 32 or not (name == ADMIN or name.startswith("shard ")):
        raise ValueError(line)
    return Head(name, int(seq), hashed)


def _prove(body: str, signature: str, key: Path) -> None:
    try:
        public = load_pem_public_key(key.read_bytes())
        if not isinstance(public, Ed25519PublicKey):
            raise BadHeads(f"{key} is no Ed25519 key")
        public.verify(base64.b64decode(signature.strip(), validate=True), body.encode())
    except (InvalidSignature, binascii.Error):
        raise BadHeads("the heads are not signed by the owner of this key, or were changed since") from None
    except (ValueError, TypeError, OSError, UnsupportedAlgorithm) as error:
        raise error if isinstance(error, BadHeads) else BadHeads(f"{key} cannot be read: {error}") from None


def compare(settings: Settings, heads: list[Head]) -> Report:
    """Whether every chain still goes through the heads that were kept. StoreTrouble."""
    report = Report("heads", {}, [])
    home = offline.home(settings)
    register = home.register()
    try:
        for head in heads:
            wanted = bytes.fromhex(head.hash)
            if head.name == ADMIN:
                said = admin.compare(register.reader, head.seq, wanted)
            else:
                said = _shard(settings, int(head.name.split()[1]), head.seq, wanted)
            report.look("heads" if said != "purged" else "heads of what was purged since")
            if said == "differs":
                report.add("head-differs", f"{head.name} at {head.seq}")
    finally:
        register.close()
    return report


def _shard(settings: Settings, number: int, seq: int, wanted: bytes) -> str:
    home = offline.home(settings)
    if number not in home.numbers():
        return "differs"
    with home.reader(number) as reader:
        return chain_check.compare(reader, seq, wanted)
