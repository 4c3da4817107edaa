"""Settings of net: how DNS is asked and how much disk and memory must stay free.

Read from the configuration file by app and handed to Resolver and Headroom.
Never read by a room above; no value is changed once made.
A value out of its bounds fails where the file is read.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hatoba.kit.units import Bytes, Seconds

Meta = msgspec.Meta


class Dns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    servers: Annotated[
        tuple[str, ...],
        Meta(
            description='Resolvers asked, in order: "127.0.0.1", "127.0.0.1:5353", "[::1]:53". '
            "Empty: those of /etc/resolv.conf. They must recurse; AD bits are believed from loopback only."
        ),
    ] = ()
    timeout: Annotated[
        Seconds, Meta(gt=0, description="Time one server has for one answer; then the next one is asked.")
    ] = 3.0
    attempts: Annotated[
        int, Meta(ge=1, le=10, description="Rounds over all servers; after the last the letter is deferred (4.4.3).")
    ] = 2
    cache: Annotated[
        int, Meta(ge=0, description="Answers kept in memory by each worker; above it the oldest are forgotten.")
    ] = 20_000
    least_ttl: Annotated[Seconds, Meta(ge=0, description="An answer is kept at least this long.")] = 5.0
    most_ttl: Annotated[
        Seconds, Meta(ge=1, description="An answer is kept at most this long, whatever its TTL says.")
    ] = 86400.0
    negative_ttl: Annotated[
        Seconds, Meta(ge=0, description="That a name or a type does not exist is kept at most this long.")
    ] = 900.0
    trouble_ttl: Annotated[
        Seconds,
        Meta(ge=0, description="After a failure (SERVFAIL, no answer) the question is not repeated for this long."),
    ] = 10.0
    parallel: Annotated[int, Meta(ge=1, description="Questions under way at the same time; more wait their turn.")] = (
        256
    )


class Headroom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    min_disk: Annotated[
        Bytes,
        Meta(
            ge=0,
            description="With less disk free under the data folder new mail is refused: 452 4.3.1 at MAIL, "
            "421 4.3.2 at connect.",
        ),
    ] = 256 << 20
    min_memory: Annotated[
        Bytes, Meta(ge=0, description="With less memory available new mail is refused, as with min_disk.")
    ] = 64 << 20


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dns: Annotated[Dns, Meta(description="How names are looked up.")] = Dns()
    headroom: Annotated[Headroom, Meta(description="Disk and memory that must stay free.")] = Headroom()
