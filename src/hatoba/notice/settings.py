"""Settings of notice: the language of a DSN, and how much of the letter it brings back.

Read by app from the `[notice]` table; handed to dsn.compose by the queue.
Never read from a file here.
Fails where msgspec says so, when the settings are decoded.
"""

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Bytes, Seconds

Meta = msgspec.Meta


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[notice]` table."""

    language: Annotated[
        Literal["en", "ja"],
        Meta(description="Language that stands first in a DSN and in its Subject; the other one follows in the text."),
    ] = "en"
    zone: Annotated[
        int,
        Meta(ge=-720, le=840, description="Minutes east of Greenwich of the times in the text; 540 is Japan."),
    ] = 0
    returned: Annotated[
        Literal["full", "headers"],
        Meta(description="What a failure DSN brings back of the letter when its sender gave no RET parameter."),
    ] = "full"
    returned_limit: Annotated[
        Bytes, Meta(ge=0, description="A letter larger than this comes back as its header alone, even with RET=FULL.")
    ] = 100_000
    header_limit: Annotated[
        Bytes, Meta(ge=1000, description="A returned header is cut at the end of a line below this many octets.")
    ] = 64 << 10
    expire: Annotated[
        Seconds, Meta(gt=0, description="A DSN that cannot be delivered for this long is given up; nobody is told.")
    ] = 5 * 86400.0
