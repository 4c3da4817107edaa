"""Settings of the queue: the schedule of retries, what a lane may hold in memory, how often the loop looks.

Made by app from the configuration file; read by every module of this room.
Never read from a file here. A value out of its range is refused when the settings are decoded.
"""

from typing import Annotated

import msgspec

from hatoba.kit.units import Bytes, Seconds

Meta = msgspec.Meta


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All durations are seconds."""

    first: Annotated[
        Seconds, Meta(gt=0, description="Wait before the second attempt of a letter that was deferred.")
    ] = 300.0
    factor: Annotated[
        float, Meta(ge=1, le=10, description="Each further wait is this many times the one before it.")
    ] = 1.7
    most: Annotated[Seconds, Meta(gt=0, description="No wait between two attempts is longer than this.")] = 4 * 3600.0
    jitter: Annotated[
        float,
        Meta(ge=0, le=0.9, description="Each wait is drawn from this share below to this share above its length."),
    ] = 0.15
    expire: Annotated[
        Seconds,
        Meta(gt=0, description="A letter not delivered after this long is returned to its sender with status 5.4.7."),
    ] = 5 * 86400.0
    delay_notice: Annotated[
        Seconds,
        Meta(ge=0, description="After this long the sender is told once that a recipient waits; 0 tells nobody."),
    ] = 4 * 3600.0
    lane_depth: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Jobs of one site held in memory; more wait in the store and cost none."),
    ] = 1000
    memory_jobs: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Jobs of all sites of a worker held in memory; above it each site keeps one.",
        ),
    ] = 10_000
    content_memory: Annotated[
        Bytes,
        Meta(ge=0, description="Content of letters kept in memory until the first attempt; above it it is read again."),
    ] = 64 << 20
    site_first: Annotated[
        Seconds,
        Meta(gt=0, description="First suspension of a site that does not answer; one attempt in it tests the site."),
    ] = 60.0
    site_most: Annotated[
        Seconds, Meta(gt=0, description="No suspension of a site is longer than this; each doubles the one before.")
    ] = 3600.0
    lane_idle: Annotated[
        Seconds, Meta(gt=0, description="A lane without work is forgotten after this long; its connections close.")
    ] = 600.0
    poll: Annotated[
        Seconds, Meta(gt=0, description="How often the store is asked for due letters beyond those in memory.")
    ] = 1.0
    lease: Annotated[
        int, Meta(ge=1, le=10_000, description="Recipients of one site leased from the store in one commit.")
    ] = 256
    unrouted: Annotated[
        int,
        Meta(ge=1, le=10_000, description="Recipients without a known route that are looked up at the same time."),
    ] = 1000
    unsettled: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Outcomes not yet on disk; above it no new attempt starts (bounds duplicates).",
        ),
    ] = 2000
    crashes: Annotated[
        int,
        Meta(ge=2, le=100, description="A recipient under way in this many crashes of a worker is quarantined."),
    ] = 4
    drain: Annotated[
        Seconds,
        Meta(ge=0, description="At shutdown, attempts under way may end for this long; the rest go again later."),
    ] = 20.0
