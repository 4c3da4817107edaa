"""Settings of the directory: passwords, how long a proven one is remembered, and how far aliases may reach.

Read by app from the `[directory]` table.
Never read from a file here.
Fails where msgspec says so.
"""

from typing import Annotated

import msgspec

from hatoba.kit.units import Bytes, Seconds


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[directory]` table."""

    password_length: Annotated[
        int, msgspec.Meta(ge=1, le=128, description="Fewest characters of a password; a shorter one is not set.")
    ] = 8
    remember: Annotated[
        Seconds,
        msgspec.Meta(description="Time a verified password is recognised without the slow hash; 0 never remembers."),
    ] = 300.0
    remembered: Annotated[
        int, msgspec.Meta(ge=1, description="Most passwords remembered; above it the oldest is forgotten.")
    ] = 10_000
    quota: Annotated[
        Bytes,
        msgspec.Meta(ge=0, description="What a mailbox may hold whose account has no limit of its own; 0: all."),
    ] = 0
    quota_letters: Annotated[
        int,
        msgspec.Meta(ge=0, description="Letters it may hold; 0: any number."),
    ] = 0
    app_passwords: Annotated[int, msgspec.Meta(ge=0, le=1000, description="Most app passwords of one account.")] = 50
    separator: Annotated[
        str,
        msgspec.Meta(
            max_length=1,
            description="Character between user and tag in user+tag@domain; empty switches subaddresses off.",
        ),
    ] = "+"  # RFC 5233
    alias_targets: Annotated[
        int,
        msgspec.Meta(ge=1, le=100_000, description="Most targets of one alias or list; one with more is not added."),
    ] = 10_000
    alias_depth: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=100,
            description="Most aliases behind one another; deeper is not added, and met all the same gets 550 5.2.4.",
        ),
    ] = 10
    alias_expansion: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=1_000_000,
            description="Most recipients that the aliases of one letter may come to; more gets 550 5.2.4, or 452 4.5.3"
            " where another transaction would have room.",
        ),
    ] = 20_000
    alias_senders: Annotated[
        bool,
        msgspec.Meta(description="Whether an account may send as an alias (no list) that it is a target of."),
    ] = True
