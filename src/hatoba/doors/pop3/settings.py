"""Settings of the POP3 doors: the listeners, and the limits they all share.

Read by app from the [[listener]] tables and from [pop3].
Never read from a file here; how mailboxes are kept stands in [mailboxes].
A value out of its bounds fails where the file is read.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Seconds

Meta = msgspec.Meta


class Listener(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[listener]]."""

    kind: Annotated[
        Literal["pop3", "pop3s"],
        Meta(description="pop3: STLS offered, logins only behind it. pop3s: implicit TLS."),
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
    """The [pop3] table."""

    connections: Annotated[
        int, Meta(ge=1, description="Connections of all listeners and workers together; one more gets -ERR.")
    ] = 5000
    connections_per_ip: Annotated[
        int, Meta(ge=1, description="Connections from one IPv4 address or IPv6 /64 network; one more gets -ERR.")
    ] = 100
    connections_per_account: Annotated[
        int, Meta(ge=1, description="Connections logged in as one account; one more gets -ERR [IN-USE].")
    ] = 20
    unlimited: Annotated[
        tuple[str, ...], Meta(description="Networks (CIDR) to which connections_per_ip does not apply.")
    ] = ("127.0.0.0/8", "::1/128")
    cleartext: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) whose clients may log in without TLS: a program on this machine, say."),
    ] = ()
    seen: Annotated[
        bool, Meta(description="Whether QUIT marks letters that were read (RETR) as seen for IMAP clients.")
    ] = True
    idle: Annotated[
        Seconds,
        Meta(ge=600, description="Time a client that is logged in may be silent; then it is cut, nothing is deleted."),
    ] = 600.0  # RFC 1939 §3
    login: Annotated[Seconds, Meta(gt=0, description="Time a client may take to log in; then it is cut.")] = 180.0
    handshake: Annotated[
        Seconds, Meta(gt=0, description="Time for a TLS handshake or a PROXY header; then the connection is closed.")
    ] = 30.0
    errors: Annotated[int, Meta(ge=1, description="Commands answered with -ERR; after one more it is closed.")] = 100
