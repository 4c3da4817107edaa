"""Settings of the ManageSieve door: the listener, its limits, and how many scripts an account may keep.

Read by app from the [[listener]] tables and from [sieve].
Never read from a file here; what a script may do to a letter stands where letters are delivered.
A value out of its bounds fails where the file is read.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Bytes, Seconds

Meta = msgspec.Meta


class Listener(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[listener]]."""

    kind: Annotated[Literal["sieve"], Meta(description="sieve: ManageSieve, STARTTLS offered, logins only behind it.")]
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 takes any free one.")]
    address: Annotated[
        tuple[str, ...], Meta(description="Addresses listened on, IPv4 or IPv6. Empty: all of both versions.")
    ] = ()
    proxy_networks: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) of proxies that begin each connection with a PROXY header, version 1 or 2."),
    ] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [sieve] table."""

    connections: Annotated[
        int, Meta(ge=1, description="Connections of all listeners and workers together; one more gets BYE.")
    ] = 1000
    connections_per_ip: Annotated[
        int, Meta(ge=1, description="Connections from one IPv4 address or IPv6 /64 network; one more gets BYE.")
    ] = 50
    unlimited: Annotated[
        tuple[str, ...], Meta(description="Networks (CIDR) to which connections_per_ip does not apply.")
    ] = ("127.0.0.0/8", "::1/128")
    cleartext: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) whose clients may log in without TLS: a webmail on this machine, say."),
    ] = ()
    scripts: Annotated[int, Meta(ge=1, description="Scripts of one account; one more gets NO (QUOTA/MAXSCRIPTS).")] = 50
    script: Annotated[
        Bytes, Meta(ge=1024, le=1 << 20, description="Octets of one script; more get NO (QUOTA/MAXSIZE).")
    ] = 64 * 1024
    octets: Annotated[
        Bytes, Meta(ge=1024, description="Octets of all scripts of one account; more get NO (QUOTA/MAXSIZE).")
    ] = 1024 * 1024
    idle: Annotated[Seconds, Meta(ge=1800, description="Time a client that is logged in may be silent; then BYE.")] = (
        1800.0  # RFC 5804 §1.2
    )
    login: Annotated[Seconds, Meta(gt=0, description="Time a client may take to log in; then BYE.")] = 180.0
    handshake: Annotated[
        Seconds, Meta(gt=0, description="Time for a TLS handshake or a PROXY header; then the connection is closed.")
    ] = 30.0
    errors: Annotated[int, Meta(ge=1, description="Commands that came to nothing; after one more it is closed.")] = 100
