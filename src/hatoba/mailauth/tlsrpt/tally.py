"""What was seen of TLS towards a domain, one result at a time, and the policies of a report made of many of them.

Made by delivery for each session; the rows it makes of them are read back here by the room that reports. # RFC 8460
Never counts by itself and never decides who gets a report.
Fails never: data that is none of ours is left out.
"""

import hashlib
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from hatoba.mailauth.tlsrpt import report

Type: TypeAlias = Literal["sts", "tlsa", "no-policy-found"]

STRINGS = 100  # lines of a policy, or records of a host, that are kept
_LINE = 500  # characters of one
_HOSTS = 100


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """One result under one policy. `result` is "" for a session with TLS as the policy wants it.

    `policy`: the policy domain, for "tlsa" the base domain of the host's records (RFC 7672 §2.2.2). The rest is set
    for failures only, so that all successes under a policy are one row. # RFC 8460 §4.3, §4.4
    """

    type: Type
    policy: str
    strings: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    result: str = ""
    sending_ip: str = ""
    receiving_host: str = ""
    receiving_ip: str = ""
    receiving_helo: str = ""
    information: str = ""
    reason: str = ""


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Seen).decode


def lines(text: str) -> tuple[str, ...]:
    """A policy file as `strings` has it."""
    return tuple(line.strip()[:_LINE] for line in text.splitlines() if line.strip())[:STRINGS]


def hosts(patterns: Iterable[str]) -> tuple[str, ...]:
    """Its mx patterns as `hosts` has them."""
    return tuple(patterns)[:_HOSTS]


def data(seen: Seen) -> bytes:
    """The JSON of a row."""
    return _encode(seen)


def key(octets: bytes) -> str:
    """What tells rows with other data apart."""
    return hashlib.sha256(octets).hexdigest()[:16]


def policies(rows: Iterable[tuple[bytes, int]]) -> tuple[report.Policy, ...]:
    """(data, count) of one domain and one day as the policies of its report, the busiest first."""
    found: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[tuple[Seen, int]]] = {}
    for octets, count in rows:
        try:
            seen = _decode(octets)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        found.setdefault((seen.type, seen.policy, seen.strings, seen.hosts), []).append((seen, count))
    made = [_policy(each) for each in found.values()]
    made.sort(key=lambda policy: (-policy.successes - policy.failures, policy.type, policy.domain))
    return tuple(made[: report.POLICIES])


def _policy(counted: list[tuple[Seen, int]]) -> report.Policy:
    first = counted[0][0]
    failed = sorted((each for each in counted if each[0].result), key=lambda each: -each[1])
    details = tuple(
        report.Failure(
            seen.result, count, seen.sending_ip, seen.receiving_host, seen.receiving_helo, seen.receiving_ip,
            seen.information, seen.reason,
        )
        for seen, count in failed
    )  # fmt: skip
    successes = sum(count for seen, count in counted if not seen.result)
    failures = sum(count for _, count in failed)
    return report.Policy(first.type, first.policy, successes, failures, first.strings, first.hosts, details)
