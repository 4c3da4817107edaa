"""Listener: one [[listener]] of the settings file, of whatever protocol, and the same as its door knows it.

Read by app.settings; listeners, checks and worker use it.
Never binds anything.
Fails with msgspec.ValidationError where a door's own settings do not take what is written.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec

Meta = msgspec.Meta
T = TypeVar("T", bound=msgspec.Struct)

Kind = Literal["mx", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s", "sieve"]
SMTP = ("mx", "submission", "submissions", "lmtp")
IMAP = ("imap", "imaps")
POP3 = ("pop3", "pop3s")


class Listener(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[listener]]."""

    kind: Annotated[
        Kind,
        Meta(
            description="mx: mail from other servers, STARTTLS offered, no AUTH, local and relay domains only. "
            "submission: AUTH required (530 5.7.0) and offered under STARTTLS only (538 5.7.11). "
            "submissions: the same under implicit TLS. "
            "lmtp: mail for local recipients handed over by a server in front (LHLO, a reply for each recipient). "
            "imap, pop3, sieve: mailboxes read, Sieve scripts managed, logins behind STARTTLS only. "
            "imaps, pop3s: the same under implicit TLS."
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
            description="SMTP kinds: networks (CIDR) that may connect; to others it is said 554 5.7.1. "
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
        Meta(description="SMTP kinds: networks (CIDR) offered XCLIENT, which may name the client they speak for."),
    ] = ()


def as_(listener: Listener, door: type[T]) -> T:
    """The listener in the form of its door's settings, which has some of its fields."""
    fields: dict[str, Any] = {name: getattr(listener, name) for name in door.__struct_fields__}
    return msgspec.convert(fields, door)


def foreign(listener: Listener) -> list[str]:
    """Fields that are set and mean nothing to a listener of its kind."""
    if listener.kind in SMTP:
        return []
    return [name for name in ("networks", "xclient_networks") if getattr(listener, name)]
