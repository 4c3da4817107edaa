"""The answers of this door that are the same every time, and the short ways to end a command.

Said by its verbs.
Never made of anything a client said but its tag.
Nothing here fails.
"""

from __future__ import annotations

from typing import Final

from hatoba.wire.imap.events import Command
from hatoba.wire.imap.responses import Closing, Tagged, Untagged

IDLE_TOO_LONG: Final = Closing(Untagged("OK", "Still here, but not for longer"), "Idle for too long")
TOO_SLOW_TO_LOG_IN: Final = Closing(Untagged("OK", "Not logged in yet"), "Too slow to log in")
SHUTDOWN: Final = Closing(Untagged("OK", "The service is shutting down"), "The service is shutting down")
TOO_MANY: Final = Closing(Untagged("NO", "Too many connections", "UNAVAILABLE"), "Too many connections")
SHORT: Final = Closing(Untagged("NO", "Short of resources", "UNAVAILABLE"), "Short of resources, try again later")
GONE: Final = "The mailbox is gone"
STILL: Final = Untagged("OK", "Still here")


def ok(command: Command, text: str = "Done", code: str = "") -> Tagged:
    return Tagged(command.tag, "OK", text, code)


def no(command: Command, text: str, code: str = "") -> Tagged:
    return Tagged(command.tag, "NO", text, code)


def bad(command: Command, text: str, code: str = "") -> Tagged:
    return Tagged(command.tag, "BAD", text, code)
