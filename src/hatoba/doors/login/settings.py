"""Settings of logging in: how failures are slowed and locked out, and how many passwords may wait.

Read by app from the [login] table.
Never read from a file here; what an account may do stands in the directory.
A value out of its bounds fails where the file is read.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hatoba.kit.units import Seconds

Meta = msgspec.Meta


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [login] table: SMTP, IMAP, POP3 and ManageSieve together."""

    failures: Annotated[
        int,
        Meta(
            ge=1,
            description="Failed logins as one account from one address within `window`, whatever the protocol; "
            "further ones are not looked at and told to come back later until the window ends.",
        ),
    ] = 5
    failures_per_ip: Annotated[
        int,
        Meta(
            ge=1,
            description="Failed logins from one address (or IPv6 /64) as anybody within `window`; "
            "further ones are told so, and the connection is closed, until the window ends.",
        ),
    ] = 20
    window: Annotated[Seconds, Meta(gt=0, description="Time over which failed logins are counted.")] = 900.0
    delay: Annotated[
        Seconds, Meta(ge=0, description="Wait before a first failed login is answered; doubled each time.")
    ] = 0.5
    delay_most: Annotated[Seconds, Meta(ge=0, description="No failed login waits longer for its answer than this.")] = (
        8.0
    )
    channel_binding: Annotated[
        bool,
        Meta(
            description="Whether SCRAM-SHA-256-PLUS is offered, which fails where somebody sits inside the TLS "
            "connection. Switch it off behind a proxy that opens TLS and makes it anew."
        ),
    ] = True
    waiting: Annotated[
        int,
        Meta(ge=1, description="Passwords waiting to be checked (16 ms each, two at a time); one more: come later."),
    ] = 100
