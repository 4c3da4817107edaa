"""Settings of the SMTP doors: the listeners, and the limits they all share.

Read by app from the [[listener]] tables and from [smtp].
Never read from a file here; what a letter may be like stands in [intake].
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
        Literal["mx", "submission", "submissions", "lmtp"],
        Meta(
            description="mx: mail from other servers, STARTTLS offered, no AUTH, local and relay domains only. "
            "submission: AUTH required (530 5.7.0) and offered under STARTTLS only (538 5.7.11). "
            "submissions: the same under implicit TLS. "
            "lmtp: mail for local recipients handed over by a server in front (LHLO, a reply for each recipient)."
        ),
    ]
    port: Annotated[
        int, Meta(ge=0, le=65535, description="TCP port; 0 takes any free one, and stands with a Unix socket.")
    ]
    address: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses listened on, IPv4 or IPv6. Empty: all of both versions; of kind lmtp: loopback. "
            'For kind lmtp also "unix:/path" of a Unix socket, open to the user and group that run hatoba.'
        ),
    ] = ()
    networks: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks (CIDR) that may connect; to others it is said 554 5.7.1. "
            "Empty: everybody; of kind lmtp: this machine alone."
        ),
    ] = ()
    proxy_networks: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks (CIDR) of proxies that begin each connection with a PROXY header, version 1 or 2. "
            "A connection from elsewhere is taken as it is; a header it sends is refused like any rubbish."
        ),
    ] = ()
    xclient_networks: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) that are offered XCLIENT and may name the client they speak for."),
    ] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [smtp] table."""

    connections: Annotated[
        int, Meta(ge=1, description="Connections of all listeners and workers together; one more gets 421 4.3.2.")
    ] = 5000
    connections_per_ip: Annotated[
        int,
        Meta(ge=1, description="Connections from one IPv4 address or IPv6 /64 network; one more gets 421 4.7.0."),
    ] = 100
    unlimited: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) to which connections_per_ip does not apply."),
    ] = ("127.0.0.0/8", "::1/128")
    commands: Annotated[
        int,
        Meta(ge=10, description="Commands a client may give without a letter being accepted; then 421 4.7.0."),
    ] = 3000
    errors: Annotated[
        int,
        Meta(ge=1, description="Commands refused for good (5xx) without a letter being accepted; then 421 4.7.0."),
    ] = 50
    line: Annotated[
        int,
        Meta(ge=512, le=1 << 16, description="Octets of a command line with its CRLF; a longer one gets 500 5.5.2."),
    ] = 4096
    text_line: Annotated[
        Bytes,
        Meta(ge=0, description="Octets of a line of content with its CRLF; a longer one gets 550 5.6.0; 0: no limit."),
    ] = 0
    nul: Annotated[
        bool, Meta(description="Whether NUL may stand in content that is not BINARYMIME; else 550 5.6.0.")
    ] = False
    idle: Annotated[Seconds, Meta(gt=0, description="Time a client may be silent; then 421 4.4.2.")] = (
        300.0  # RFC 5321 §4.5.3.2.7
    )
    transaction: Annotated[
        Seconds, Meta(gt=0, description="Time from MAIL (or the connection) to the end of content; then 421 4.4.2.")
    ] = 3600.0
    handshake: Annotated[
        Seconds, Meta(gt=0, description="Time for a TLS handshake or a PROXY header; then the connection is closed.")
    ] = 30.0
    early_talkers: Annotated[
        bool,
        Meta(description="Whether an mx client that speaks before the greeting is refused with 554 5.5.1."),
    ] = True
