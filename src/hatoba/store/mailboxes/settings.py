"""The settings of the mailboxes' store: how many shards, how long what was expunged can be had back.

Read by shards and upkeep; filled by app from the settings file.
Never reads a file itself.
Fails with msgspec.ValidationError on values out of range.
"""

from typing import Annotated

import msgspec

from hatoba.kit.units import Bytes, Seconds


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[mailboxes] in hatoba.toml."""

    shards: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=256,
            description="How many databases the accounts' mailboxes are spread over. Fixed at the first start: an "
            "account is found by it.",
        ),
    ] = 4
    recover: Annotated[
        Seconds,
        msgspec.Meta(
            ge=0,
            le=366 * 86400,
            description="How long letters that were expunged, or whose mailbox was deleted, can be had back; 0: they "
            "go at once.",
        ),
    ] = 7 * 86400.0
    readers: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=64,
            description="How many threads of a worker read mailboxes at the same time, each with connections of its "
            "own.",
        ),
    ] = 4
    cache: Annotated[
        Bytes,
        msgspec.Meta(
            ge=1024 * 1024,
            description="Page cache of each of those connections.",
        ),
    ] = 8 * 1024 * 1024
