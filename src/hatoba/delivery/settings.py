"""Settings of delivery: the route table, limits per site, TLS policy, time-outs of each stage.

Made by app from the configuration file ([delivery] and the [[route]] tables); read by every module of this room.
Never read from a file here, but for `password_file` of a route, which `auth` reads when it logs in.
A value out of its range is refused when the settings are decoded; what contradicts itself, by `Courier`.
"""

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Bytes, Seconds

Meta = msgspec.Meta
Tls = Literal["none", "may", "encrypt", "verify"]


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[route]]: where mail for some domains goes. The first exact one wins, then the longest ".sub", then "*"."""

    match: Annotated[
        str,
        Meta(
            description='Domain ("example.org"), everything below one (".example.org"), or "*" for all but local ones.'
        ),
    ] = "*"
    via: Annotated[
        Literal["mx", "smarthost", "lmtp", "local", "error"],
        Meta(description="By MX records, to one host by SMTP, to an LMTP server, to Maildirs here, or refused."),
    ] = "mx"
    host: Annotated[
        str,
        Meta(description='Smarthost or LMTP server: name, address, or "unix:/path" of a socket (LMTP only).'),
    ] = ""
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the host; 0 means 25 for SMTP and 24 for LMTP.")] = 0
    tls: Annotated[
        Tls | Literal[""],
        Meta(
            description="none, may (try, then plain), encrypt (any certificate) or verify (the name must match too); "
            "empty takes delivery.tls."
        ),
    ] = ""
    implicit_tls: Annotated[bool, Meta(description="TLS from the first byte (port 465) instead of STARTTLS.")] = False
    username: Annotated[str, Meta(description="Account to log in with; empty for no AUTH.")] = ""
    password: Annotated[str, Meta(description="Its password; better in password_file.", extra={"secret": True})] = ""
    password_file: Annotated[str, Meta(description="File whose first line is the password, read at each login.")] = ""
    auth_without_tls: Annotated[
        bool, Meta(description="Log in without TLS too; else only under TLS, to loopback or on a unix socket.")
    ] = False
    status: Annotated[
        str, Meta(pattern=r"^[45]\.\d{1,3}\.\d{1,3}$", description='via = "error": the enhanced status code given.')
    ] = "5.1.2"
    text: Annotated[str, Meta(description='via = "error": the words given with it.')] = (
        "Mail for this domain is refused here"
    )


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one site is given at most."""

    connections: Annotated[
        int, Meta(ge=1, le=10_000, description="Connections to one site at the same time, all workers together.")
    ] = 20
    start: Annotated[
        int, Meta(ge=1, le=10_000, description="Connections a site begins with; each success earns a part of one more.")
    ] = 5
    letters: Annotated[int, Meta(ge=1, description="Letters sent over one connection before it is closed.")] = 1000
    recipients: Annotated[
        int, Meta(ge=1, le=1000, description="Recipients in one transaction; a letter with more goes in several.")
    ] = 100
    rate: Annotated[float, Meta(ge=0, description="Letters per second to one site, per worker; 0 for no limit.")] = 0.0
    burst: Annotated[int, Meta(ge=1, description="Letters that may go at once before the rate is felt.")] = 10
    pipelining: Annotated[
        bool, Meta(description="Send commands in groups, and the next letter's behind the last one's final dot.")
    ] = True


class Profile(Limits, frozen=True, forbid_unknown_fields=True):
    """One [[delivery.site]]: limits for sites whose name or one of whose hosts matches."""

    match: Annotated[
        str,
        Meta(description='Site ("smarthost:relay.example.org"), host ("mx.example.org") or hosts (".example.org").'),
    ] = ""


class TlsPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[tls_policy]]: what TLS must be like towards some domains, whatever they publish. The first match counts."""

    match: Annotated[
        str,
        Meta(
            description='Recipients\' domain ("example.org"), everything below one (".example.org") or "*"; for a '
            "smarthost or LMTP server its host."
        ),
    ] = "*"
    level: Annotated[
        Literal["none", "opportunistic", "require", "verify", "dane", "dane-only", "mta-sts", "fingerprint"],
        Meta(
            description="none: no TLS. opportunistic: DANE or MTA-STS where published, else TLS where offered. "
            "require: TLS with any certificate. verify: with a valid one for the host, or for one of `names`. "
            "dane: DANE where published (MTA-STS is not asked for); dane-only: nothing without it. mta-sts: nothing "
            "without a policy, which is enforced. fingerprint: a certificate or key that is listed."
        ),
    ] = "opportunistic"
    names: Annotated[
        tuple[str, ...],
        Meta(description='verify: names of which the certificate bears one (".example.org": any below it).'),
    ] = ()
    fingerprints: Annotated[
        tuple[str, ...],
        Meta(description="fingerprint: SHA-256 of certificates or of their public keys (DER), in hex."),
    ] = ()


class MtaSts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How policies of other domains are fetched."""

    enabled: Annotated[bool, Meta(description="Ask for MTA-STS policies and honour them.")] = True
    timeout: Annotated[Seconds, Meta(gt=0, description="Patience with a domain's web host, in all.")] = 60.0
    ca_file: Annotated[str, Meta(description="Certificates trusted for it; empty takes the system's.")] = ""
    port: Annotated[int, Meta(ge=1, le=65535, description="Port of the web hosts; other than 443 only in tests.")] = 443
    private_addresses: Annotated[
        bool, Meta(description="Also connect to private and loopback addresses: in tests and closed networks only.")
    ] = False


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Patience at each stage; the defaults are at or below RFC 5321 §4.5.3.2. A stage that takes longer defers."""

    connect: Annotated[Seconds, Meta(gt=0, description="TCP connection to one address.")] = 30.0
    greeting: Annotated[Seconds, Meta(gt=0, description="The 220 banner.")] = 300.0
    hello: Annotated[Seconds, Meta(gt=0, description="The reply to EHLO or HELO.")] = 300.0
    tls: Annotated[Seconds, Meta(gt=0, description="STARTTLS and the TLS handshake.")] = 60.0
    auth: Annotated[Seconds, Meta(gt=0, description="Each step of AUTH.")] = 60.0
    mail: Annotated[Seconds, Meta(gt=0, description="The reply to MAIL.")] = 300.0
    rcpt: Annotated[Seconds, Meta(gt=0, description="The reply to RCPT.")] = 300.0
    data: Annotated[Seconds, Meta(gt=0, description="The 354 after DATA.")] = 120.0
    content: Annotated[Seconds, Meta(gt=0, description="Progress while the content is sent (each piece).")] = 180.0
    end: Annotated[Seconds, Meta(gt=0, description="The reply to the final dot.")] = 600.0
    quit: Annotated[Seconds, Meta(gt=0, description="The reply to QUIT before the connection is dropped.")] = 5.0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[delivery]. All durations are seconds."""

    port: Annotated[int, Meta(ge=1, le=65535, description="Port of MX hosts; other than 25 only in tests.")] = 25
    helo: Annotated[str, Meta(description="Name said in EHLO; empty takes the host name.")] = ""
    own_names: Annotated[
        tuple[str, ...], Meta(description="More names and addresses of this host: an MX that is one of them is a loop.")
    ] = ()
    source_ips: Annotated[
        tuple[str, ...], Meta(description="Local addresses to send from, in turn; empty leaves it to the system.")
    ] = ()
    ipv6: Annotated[bool, Meta(description="Use IPv6 addresses of hosts too (before IPv4 ones of the same host).")] = (
        True
    )
    literals: Annotated[
        bool, Meta(description="Deliver to addresses like user@[192.0.2.1]; else they fail with 5.1.3.")
    ] = True
    tls: Annotated[
        Tls,
        Meta(
            description="The least that is asked where no [[tls_policy]] matches; DANE and MTA-STS come on top. none; "
            "may (try, then plain); encrypt (any certificate, else 4.7.4); verify (the host's name must match, else "
            "4.7.5)."
        ),
    ] = "may"
    tls_ca_file: Annotated[
        str, Meta(description="Certificates trusted for verify, MTA-STS and REQUIRETLS; empty takes the system's.")
    ] = ""
    dane: Annotated[
        bool,
        Meta(description="Honour TLSA records of MX hosts; needs a validating resolver on loopback (dns.servers)."),
    ] = True
    mta_sts: Annotated[MtaSts, Meta(description="MTA-STS policies of other domains.")] = MtaSts()
    tls_refused: Annotated[
        Seconds,
        Meta(ge=0, description="After no host met what a domain's policy asks, none is dialled for it so long."),
    ] = 60.0
    tally: Annotated[Seconds, Meta(gt=0, description="How often counts for TLS reports go to the database.")] = 60.0
    tls_fallback: Annotated[
        Seconds,
        Meta(ge=0, description="After a failed handshake under may, a host is spoken to in plain for this long."),
    ] = 3600.0
    limits: Annotated[Limits, Meta(description="Limits of a site that no [[delivery.site]] matches.")] = Limits()
    site: Annotated[tuple[Profile, ...], Meta(description="Limits of particular sites; the first match is taken.")] = ()
    local: Annotated[
        Literal["mailboxes", "maildir"],
        Meta(
            description='Where letters for our accounts go: "mailboxes" (our own, read over IMAP and POP3) or "maildir"'
            " (files under DATA/mail, for another server)."
        ),
    ] = "mailboxes"
    local_threads: Annotated[
        int, Meta(ge=1, le=64, description="Batches of letters written into mailboxes at the same time.")
    ] = 4
    timeouts: Annotated[Timeouts, Meta(description="Patience at each stage of a session.")] = Timeouts()
    idle: Annotated[Seconds, Meta(ge=0, description="A connection without work is kept open for this long.")] = 5.0
    hosts: Annotated[int, Meta(ge=1, le=100, description="Addresses tried in one walk over a site's hosts.")] = 20
    cohort: Annotated[
        int, Meta(ge=1, le=100, description="Walks that fail in a row (over all hosts) before a site counts as dead.")
    ] = 1
    route_cache: Annotated[
        int, Meta(ge=1, description="Domains whose route is remembered (while their TTL lasts).")
    ] = 100_000
    dialogue: Annotated[Bytes, Meta(ge=0, description="Most of the peer's dialogue that is kept of one attempt.")] = (
        8192
    )
    send_eightbit_anyway: Annotated[
        bool,
        Meta(
            description="Send 8-bit content to a host that does not offer 8BITMIME (nearly all take it); false fails "
            "such a letter with 5.6.3."
        ),
    ] = True
