"""Situation: what the caller knows about a letter and its recipient before a script runs over it.

Made by delivery (and by the command line, to explain).
Never changes while a script runs.
Fails never: values only.
"""

from collections.abc import Mapping

import msgspec

from hatoba.sieve.limits import USUAL, Limits


class Situation(msgspec.Struct, frozen=True):
    """Addresses are in their wire form, without brackets."""

    now: int  # ms since 1970
    sender: str = ""  # of the envelope; "" is the null sender
    recipient: str = ""  # of the envelope, as it is delivered to
    original: str = ""  # as the client gave it, before aliases; "": the same
    addresses: tuple[str, ...] = ()  # all that belong to the person
    zone: int = 0  # minutes east of Greenwich
    separator: str = "+"  # between user and detail  # RFC 5233 §1
    environment: Mapping[str, str] = {}  # items by name in lower case: "domain", "host", "remote-ip"  # RFC 5183 §4.1
    spam: float | None = None  # 0 (surely none) to 100 (surely spam); None: not tested  # RFC 5235 §2
    virus: int = 0  # 0: not tested, 1: none found ... 5: surely one  # RFC 5235 §3.2
    specials: frozenset[str] = frozenset()  # further sender addresses, in lower case, that get no vacation reply
    vacation_least: int = 1800  # seconds between two replies to one sender  # RFC 6131 §2
    limits: Limits = USUAL
    trace: bool = False  # keep what each command and test did
