"""Verdict, Outcome and Attempt: what a check said, what became of a recipient, what happened on the way.

Verdicts are made by intake's checks, Outcomes and Attempts by delivery; queue settles them, journal keeps them.
Never decides: the queue's schedule and the notice room do.
"""

import msgspec

from hatoba.model.envelope import Letter
from hatoba.model.status import Status

DELIVERED, DEFERRED, FAILED = "delivered", "deferred", "failed"  # the verbs of the end, after Postfix
RELAYED, EXPANDED = "relayed", "expanded"  # finer words for `action` in a success DSN  # RFC 3464 §2.3.3


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """One check's opinion. `status` is set where `action` refuses or defers.

    `fields` are header fields (name, value) that the check wants on top of the letter, `remove` names of fields that
    are to leave it, in lower case.
    """

    check: str
    action: str  # "accept", "allow", "tag", "junk", "quarantine", "discard", "greylist", "defer", "reject"
    status: Status | None = None
    reason: str = ""
    score: float = 0.0
    fields: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


class Silence(msgspec.Struct, frozen=True, gc=False):
    """A check that came to no verdict. `error_id` names the bug that was logged; "": it was not done in time."""

    check: str
    error_id: str = ""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one recipient in one attempt.

    `status` is ours or, where the peer spoke, made of its reply; `reply` is the peer's reply as it stood (joined
    lines, bounded), "" where no peer spoke. `scope` says what the verdict is about: "recipient" (this address only),
    "letter" (the content), "site" (the whole destination: the lane backs off).
    """

    n: int  # index into envelope.recipients
    kind: str  # DELIVERED, DEFERRED or FAILED
    status: Status
    reply: str = ""
    scope: str = "recipient"
    dsn: bool = True  # False: the peer offered DSN and took the duty over, so no "relayed" DSN is ours to send


class Attempt(msgspec.Struct):
    """One attempt for some recipients of one letter: the route taken and the dialogue. Times are ms since 1970."""

    started: int
    ended: int
    site: str  # the lane's name
    outcomes: list[Outcome]
    host: str = ""  # the peer's host name, "" for none reached
    ip: str = ""
    tls: str = ""
    source_ip: str = ""
    session: str = ""  # id of the connection; its opening lines are kept with the first letter it carried
    opening: str = ""  # banner, EHLO, STARTTLS … as "C: "/"S: " lines; only in the connection's first attempt
    dialogue: str = ""  # this letter's "C: "/"S: " lines, bounded, without the content


class Job(msgspec.Struct):
    """Recipients of one letter that share a lane and go out together. `attempts` counts this one."""

    letter: Letter
    indexes: tuple[int, ...]
    attempts: int = 1
