"""The answers of this door that are the same every time, and the short ways to end a command.

Said by its verbs.
Never made of anything a client said but its tag.
Nothing here fails.
"""

from __future__ import annotations

from typing import Final

from hatoba.wire.imap.events import Command
from hatoba.wire.imap.responses import Tagged, Untagged

IDLE_TOO_LONG: Final = Untagged("BYE", "Idle for too long")
TOO_SLOW_TO_LOG_IN: Final = Untagged("BYE", "Too slow to log in")
SHUTDOWN: Final = Untagged("BYE", "The service is shutting down", "UNAVAILABLE")
TOO_MANY: Final = Untagged("BYE", "Too many connections", "LIMIT")
SHORT: Final = Untagged("BYE", "Short of resources, try again later", "UNAVAILABLE")
STILL: Final = Untagged("OK", "Still here")


def ok(command: Command, text: str = "Done", code: str = "") -> Tagged:
    return Tagged(command.tag, "OK", text, code)


def no(command: Command, text: str, code: str = "") -> Tagged:
    return Tagged(command.tag, "NO", text, code)


def bad(command: Command, text: str, code: str = "") -> Tagged:
    return Tagged(command.tag, "BAD", text, code)
