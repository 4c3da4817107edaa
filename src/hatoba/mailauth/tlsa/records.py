"""TLSA records: which of them SMTP can use, and what each says a certificate must be. # RFC 7671 §4, RFC 7672 §3.1

Called by lookup and chain.
Never asks DNS and never parses a certificate but for its public key.
Fails never: what cannot be used is left out.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

TA, EE = 2, 3  # certificate usages; 0 and 1 rest on public CAs and are unusable for SMTP  # RFC 7672 §3.1.3
CERT, SPKI = 0, 1  # selectors
FULL, SHA256, SHA512 = 0, 1, 2  # matching types

MOST = 100  # records of one name
_DIGESTS = {SHA256: hashlib.sha256, SHA512: hashlib.sha512}
_SIZES = {SHA256: 32, SHA512: 64}


class Tlsa(NamedTuple):
    """The fields as they stand; a record of hatoba.net.dns is one."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def matches(self, certificate: bytes) -> bool:
        """Whether a certificate (DER), or its key, is the one the record speaks of. # RFC 6698 §2.1"""
        chosen = certificate if self.selector == CERT else spki(certificate)
        if not chosen:
            return False
        return (_DIGESTS[self.matching](chosen).digest() if self.matching else chosen) == self.data


def usable(records: Iterable[Any]) -> tuple[Tlsa, ...]:
    """Those that a client can act on, of each usage and selector only the strongest digest. # RFC 7671 §4, §9

    `records`: (usage, selector, matching type, octets).
    """
    sound = [each for each in (Tlsa(*record) for record in list(records)[:MOST]) if _is_usable(each)]
    strongest: dict[tuple[int, int], int] = {}
    for each in sound:
        key = each.usage, each.selector
        strongest[key] = max(strongest.get(key, FULL), each.matching)
    chosen = [each for each in sound if each.matching in (FULL, strongest[each.usage, each.selector])]
    return tuple(dict.fromkeys(chosen))


def _is_usable(record: Tlsa) -> bool:
    if record.usage not in (TA, EE) or record.selector not in (CERT, SPKI):
        return False
    if record.matching == FULL:
        return _is_sequence(record.data)
    return _SIZES.get(record.matching) == len(record.data)


def spki(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate, as it stands in its DER; b"" when there is none. # RFC 5280 §4.1"""
    outer = _element(certificate, 0)
    inner = _element(certificate, outer[1]) if outer else None
    if not outer or not inner or certificate[0] != 0x30 or certificate[outer[1]] != 0x30:
        return b""
    at, end = inner[1], inner[2]
    if certificate[at : at + 1] == b"\xa0":  # version
        version = _element(certificate, at)
        at = version[2] if version else end
    for _ in range(5):  # serialNumber, signature, issuer, validity, subject
        passed = _element(certificate, at) if at < end else None
        if not passed:
            return b""
        at = passed[2]
    found = _element(certificate, at) if at < end else None
    return certificate[at : found[2]] if found and found[2] <= end and certificate[at] == 0x30 else b""


def _is_sequence(octets: bytes) -> bool:
    found = _element(octets, 0)
    return bool(found and octets[0] == 0x30 and found[2] == len(octets))


def _element(octets: bytes, at: int) -> tuple[int, int, int] | None:
    """(start, start of its content, end) of the DER element at `at`; None where there is none."""
    if at + 2 > len(octets):
        return None
    length, begin = octets[at + 1], at + 2
    if length >= 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or begin + size > len(octets):
            return None
        length, begin = int.from_bytes(octets[begin : begin + size], "big"), begin + size
    return (at, begin, begin + length) if begin + length <= len(octets) else None
