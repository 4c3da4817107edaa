"""Settings of the IMAP doors: the listeners, and the limits they all share.

Read by app from the [[listener]] tables and from [imap].
Never read from a file here; how mailboxes are kept stands in [mailboxes].
A value out of its bounds fails where the file is read.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Bytes, Seconds

Meta = msgspec.Meta


class Listener(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[listener]]."""

    kind: Annotated[
        Literal["imap", "imaps"],
        Meta(description="imap: STARTTLS offered, logins only behind it. imaps: implicit TLS."),
    ]
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 takes any free one.")]
    address: Annotated[
        tuple[str, ...], Meta(description="Addresses listened on, IPv4 or IPv6. Empty: all of both versions.")
    ] = ()
    proxy_networks: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) of proxies that begin each connection with a PROXY header, version 1 or 2."),
    ] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [imap] table."""

    connections: Annotated[
        int, Meta(ge=1, description="Connections of all listeners and workers together; one more gets BYE.")
    ] = 10_000
    connections_per_ip: Annotated[
        int, Meta(ge=1, description="Connections from one IPv4 address or IPv6 /64 network; one more gets BYE.")
    ] = 200
    connections_per_account: Annotated[
        int, Meta(ge=1, description="Connections logged in as one account; one more gets NO [LIMIT].")
    ] = 50
    unlimited: Annotated[
        tuple[str, ...], Meta(description="Networks (CIDR) to which connections_per_ip does not apply.")
    ] = ("127.0.0.0/8", "::1/128")
    cleartext: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) whose clients may log in without TLS: a webmail on this machine, say."),
    ] = ()
    idle: Annotated[Seconds, Meta(ge=1800, description="Time a client that is logged in may be silent; then BYE.")] = (
        1800.0  # RFC 9051 §5.4
    )
    login: Annotated[Seconds, Meta(gt=0, description="Time a client may take to log in; then BYE.")] = 180.0
    handshake: Annotated[
        Seconds, Meta(gt=0, description="Time for a TLS handshake or a PROXY header; then the connection is closed.")
    ] = 30.0
    still: Annotated[
        Seconds, Meta(gt=0, description="How often a client in IDLE hears that we are still there, for NAT's sake.")
    ] = 270.0
    errors: Annotated[int, Meta(ge=1, description="Malformed or misplaced commands in a row; then BYE.")] = 50
    line: Annotated[
        Bytes, Meta(ge=8192, description="Octets of a command without its literals; a longer one gets BAD.")
    ] = 64 * 1024
    letter: Annotated[
        Bytes, Meta(ge=1, description="Octets of a letter that APPEND takes; a larger one gets NO [TOOBIG].")
    ] = 64 * 1024 * 1024
    appended: Annotated[int, Meta(ge=1, description="Letters of one APPEND command; more get NO [LIMIT].")] = 1000
    spill: Annotated[
        Bytes, Meta(ge=4096, description="Octets of an appended letter kept in memory; the rest goes to a file.")
    ] = 256 * 1024
    compress: Annotated[bool, Meta(description="Whether COMPRESS=DEFLATE is offered.")] = True
