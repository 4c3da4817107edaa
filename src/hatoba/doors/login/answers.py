"""What a step of a login comes to, by value; each door says it in its protocol's words.

Made by exchange; read by the doors' verbs for AUTH, LOGIN and PASS.
Never holds a secret, nor anything a client may be told of why it failed.
Nothing here fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from hatoba.net.session import Later


class Challenge(msgspec.Struct, frozen=True, gc=False):
    """Send this (not base64 yet) and hand the client's response to `Exchange.respond`."""

    data: bytes


class In(msgspec.Struct, frozen=True, gc=False):
    """The client is the account (its key); `name` as it was said, `mechanism` as it was offered.

    `password`: the id of the app password it came in with, "" for the account's own or none.
    """

    account: str
    name: str
    mechanism: str
    password: str = ""


class Wrong(msgspec.Struct, frozen=True, gc=False):
    """Not let in, whatever the cause: SMTP 535 5.7.8, IMAP NO [AUTHENTICATIONFAILED], POP3 -ERR [AUTH]."""


class Locked(msgspec.Struct, frozen=True, gc=False):
    """Too many failures as this name from this network; a later try may succeed: 454, [UNAVAILABLE], [SYS/TEMP]."""


class Shut(msgspec.Struct, frozen=True, gc=False):
    """Too many failures from this network as anybody: say so and close."""


class Busy(msgspec.Struct, frozen=True, gc=False):
    """Too many passwords are waiting to be checked: try again later."""


class Malformed(msgspec.Struct, frozen=True, gc=False):
    """The response breaks the mechanism's grammar."""


class Cancelled(msgspec.Struct, frozen=True, gc=False):
    """The client gave the exchange up with "*"."""


class Unoffered(msgspec.Struct, frozen=True, gc=False):
    """The mechanism is not offered on this connection."""


Answer: TypeAlias = Challenge | In | Wrong | Locked | Shut | Busy | Malformed | Cancelled | Unoffered
Said: TypeAlias = Answer | Later  # Later ends in an Answer or another Later

IN_EXCHANGE = (Challenge, Later)  # after any other the exchange is over


def told(said: Said, translate: Callable[[Answer], Any]) -> Any:
    """`translate` of the answer, now or, behind a Later, when it comes: what a verb of a session returns."""
    if isinstance(said, Later):
        finish = said.finish
        return Later(said.future, lambda future: told(finish(future), translate))
    return translate(said)
