"""Settings of the HTTP doors: our own MTA-STS policy (RFC 8461), and what mail programs ask for.

Read by app from [mta_sts] and [autoconfig].
Never read from a file here.
A value out of its bounds fails where the file is read.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Seconds

Meta = msgspec.Meta


class MtaSts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[mta_sts]: what others are to expect of TLS towards our local domains."""

    mode: Annotated[
        Literal["", "none", "testing", "enforce"],
        Meta(
            description="enforce: letters only over TLS with a valid certificate; testing: the same, but failures are "
            "reported only; none: the policy is withdrawn. Empty: no policy is served.",
            extra={"reloads": True},
        ),
    ] = ""
    mx: Annotated[
        tuple[str, ...],
        Meta(
            description='Names of the mail hosts, "*.example.org" for all with one more label; empty: hostname.',
            extra={"reloads": True},
        ),
    ] = ()
    max_age: Annotated[
        Seconds,
        Meta(
            ge=0, le=31_557_600, description="How long others keep the policy; weeks once it is enforced.",
            extra={"reloads": True},
        ),
    ] = 604_800.0  # fmt: skip
    port: Annotated[
        int,
        Meta(ge=0, le=65535, description="Port it is served at; 443, unless a proxy stands before it. 0: not served."),
    ] = 443
    address: Annotated[tuple[str, ...], Meta(description="Addresses listened on. Empty: all, IPv4 and IPv6.")] = ()
    tls: Annotated[
        bool,
        Meta(
            description="Speak TLS with the certificate of [tls], which must bear mta-sts.DOMAIN for every local "
            "domain; false behind a proxy that does."
        ),
    ] = True


class Autoconfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[autoconfig]: mail programs that find our doors by themselves."""

    serve: Annotated[
        bool,
        Meta(
            description="Answer Thunderbird (autoconfig), Outlook (autodiscover) and Apple Mail (a profile at "
            "/apple.mobileconfig?email=ADDRESS) for our local domains, at the port, the addresses and with the tls of "
            "[mta_sts]; the certificate must bear autoconfig.DOMAIN and autodiscover.DOMAIN."
        ),
    ] = False
    name: Annotated[
        str,
        Meta(description="Name that mail programs show; empty: the domain's.", extra={"reloads": True}),
    ] = ""
