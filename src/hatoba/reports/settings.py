"""Settings of reports: which are sent and in whose name, where others' are taken in, how long they are kept.

Read by app from the `[reports]` table and handed to this room.
Never read from a file here.
Fails where msgspec says so.
"""

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Bytes, Seconds


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reports] in hatoba.toml."""

    dmarc: Annotated[
        bool,
        msgspec.Meta(
            description="Send DMARC aggregate reports, once a day, to the domains whose record asks for them (rua). "
            "Off until you say so: they tell strangers which hosts send you mail, and go out in your name."
        ),
    ] = False
    tls: Annotated[
        bool,
        msgspec.Meta(
            description="Send TLS reports (TLS-RPT), once a day, to the domains that ask for them at _smtp._tls. "
            "Off until you say so."
        ),
    ] = False
    address: Annotated[
        str,
        msgspec.Meta(
            description="From address of our reports; its domain needs SPF and a DKIM key, or they count for nothing. "
            "Empty: postmaster at the local domain of this host."
        ),
    ] = ""
    organization: Annotated[
        str, msgspec.Meta(description="Who reports, as others read it; empty: the domain of the address.")
    ] = ""
    contact: Annotated[
        str, msgspec.Meta(description="Where others may ask about a report: a URL or an address; empty: the address.")
    ] = ""
    hour: Annotated[
        int, msgspec.Meta(ge=0, le=23, description="Hour (UTC) at which the reports about yesterday begin to go out.")
    ] = 1
    spread: Annotated[
        Seconds,
        msgspec.Meta(
            ge=0, le=43200, description="They go out over this long, each domain at its own moment, not all at once."
        ),
    ] = 3600.0
    omit: Annotated[
        tuple[str, ...], msgspec.Meta(description="Domains that get no report from us; those below them neither.")
    ] = ()
    rows: Annotated[
        int,
        msgspec.Meta(
            ge=10,
            le=100_000,
            description="Different rows kept for one domain and day; what goes beyond is counted with fewer details.",
        ),
    ] = 5000
    inbox: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Addresses of mailboxes here whose letters are read as reports: DMARC, TLS-RPT, complaints "
            "(ARF). Those marked by `hatoba report address` are read, too."
        ),
    ] = ()
    letters: Annotated[
        Literal["keep", "remove"],
        msgspec.Meta(
            description='What becomes of a letter once its report is kept: "keep" leaves it in the mailbox, "remove" '
            "takes it away. One that cannot be read always stays."
        ),
    ] = "keep"
    foreign: Annotated[
        bool,
        msgspec.Meta(description="Keep reports about domains that are not of this node, too."),
    ] = False
    unpacked: Annotated[
        Bytes,
        msgspec.Meta(
            ge=65536, le=1 << 30, description="Largest report read, unpacked; what is larger stays a letter, unread."
        ),
    ] = 16 << 20
    daily: Annotated[
        int,
        msgspec.Meta(ge=1, description="Most reports kept of those that come in on one day; the rest stay letters."),
    ] = 10_000
    keep: Annotated[
        Seconds,
        msgspec.Meta(ge=86400, description="Reports, received and sent, are kept for this long."),
    ] = 400 * 86400.0
