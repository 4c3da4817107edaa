"""Feed, Channel and ChannelStatus: the seam between a lane of the queue and the connections that empty it.

A lane (queue) implements Feed and wakes a Channel; the channels of this room take jobs from it and tell what came of
them. Never touches a row, a commit or the schedule: what an Outcome means for the next try is the queue's to say.
Fails in nothing: every job taken ends in exactly one `done` or one `give_back`, whatever happens to the connection.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec

from hatoba.model.outcome import Attempt, Job


class Feed(Protocol):
    """What a channel asks of its lane. Called on the event loop's thread only; none of the three may block or await."""

    def take(self) -> Job | None:
        """The next job, now owned by the channel; None when nothing is due (the lane calls `wake` when that changes).

        Its letter holds `content`, or `blob` names the file that does. The attempt was written before (house law 7).
        """

    def done(self, job: Job, attempt: Attempt) -> None:
        """The job ended. `attempt.outcomes` holds exactly one Outcome for each of `job.indexes`, in their order."""

    def split(self, job: Job, parts: Sequence[Sequence[int]]) -> list[Job]:
        """The job becomes several, all the channel's: one for each of `parts`, which share out its indexes."""

    def give_back(self, job: Job) -> None:
        """The job was taken but no byte of it can have been accepted by anybody: it counts as not attempted.

        The lane may hand it out again at once; its letter is unchanged.
        """


class ChannelStatus(msgspec.Struct, frozen=True):
    """How a channel stands: what `hatoba trace` and the console show as "what binds now". Times in ms since 1970."""

    site: str
    kind: str  # "mx", "smarthost", "lmtp", "local", "error"
    connections: int  # open or being opened
    busy: int  # of these, speaking about a letter
    limit: int  # connections the settings allow (all workers together)
    window: float  # connections the feedback allows now
    rate: float  # letters per second allowed, 0: no limit
    dead: bool  # a cohort of connections failed; `retry_at` says when the next is tried
    retry_at: int
    binds: str  # "", "connections", "window", "rate", "dead", "shared limit", "closing": what keeps a waiting job
    last_replies: tuple[str, ...]  # the last refusals and faults, newest last, bounded
    delivered: int  # recipients, since the channel was made
    deferred: int
    failed: int


class Channel(Protocol):
    """The connections to one site. Made by `Courier.channel`; one per lane."""

    @property
    def closed(self) -> bool:
        """`close` was called."""

    def wake(self) -> None:
        """The feed has something due. Cheap and idempotent; takes jobs at once (inside this call) when it can."""

    def status(self) -> ChannelStatus:
        """How it stands now."""

    def close(self, grace: float = 20.0) -> "asyncio.Future[None]":
        """Take no more; end idle connections with QUIT, busy ones after their letter, all after `grace` seconds.

        The Future resolves when no connection is left; by then each job taken was told of or given back.
        """
