"""Event: one thing that happened to a letter, written once, in the transaction that caused it.

Made by queue (accepted, attempted, deferred, delivered, failed, expired, bounced, held, released, dropped) and by
intake (refused: the id is that of a letter that never was); kept by store; read by journal. Never changed after it was
written.
"""

import msgspec

ACCEPTED = "accepted"
ATTEMPTED = "attempted"
DEFERRED = "deferred"
DELIVERED = "delivered"
FAILED = "failed"
EXPIRED = "expired"
BOUNCED = "bounced"
HELD = "held"
RELEASED = "released"
RETRIED = "retried"
DROPPED = "dropped"
DELAYED = "delayed"
QUARANTINED = "quarantined"
REFUSED = "refused"

KINDS = (
    ACCEPTED, ATTEMPTED, DEFERRED, DELIVERED, FAILED, EXPIRED, BOUNCED,
    HELD, RELEASED, RETRIED, DROPPED, DELAYED, QUARANTINED, REFUSED,
)  # fmt: skip


class Event(msgspec.Struct, frozen=True, gc=False):
    """`letter` is the letter's id, `at` ms since 1970, `data` a JSON object as bytes (keys by kind: journal.forms)."""

    letter: int
    at: int
    kind: str
    data: bytes = b"{}"
