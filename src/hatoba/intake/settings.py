"""Settings of intake: what a letter may be like, who may relay, what a submission is mended with.

Read by app from the `[intake]` table and by the doors, which offer in EHLO what is allowed here.
Never read from a file here.
Fails where msgspec says so; `relay_networks` that are no networks raise ValueError when a Desk is made.
"""

from typing import Annotated

import msgspec

from hatoba.kit.units import Bytes, Seconds

_MB = 1024 * 1024


def _says(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[intake]` table."""

    size: Annotated[Bytes, _says("Largest letter in octets; a larger one is refused with 552 5.3.4.")] = 50 * _MB
    header: Annotated[Bytes, _says("Largest header of a letter in octets; a larger one gets 552 5.3.4.")] = 256 * 1024
    spill: Annotated[
        Bytes, _says("Content arriving in pieces is kept in memory up to so many octets; more goes to a file.")
    ] = _MB
    recipients: Annotated[
        int, msgspec.Meta(ge=100, description="Most recipients of one transaction; the next one gets 452 4.5.3.")
    ] = 1000  # RFC 5321 §4.5.3.1.8: at least 100
    hops: Annotated[
        int, msgspec.Meta(ge=1, description="Most Received fields; a letter with more is in a loop: 554 5.4.6.")
    ] = 100  # RFC 5321 §6.3: normally at least 100
    own_hops: Annotated[
        int, msgspec.Meta(ge=1, description="Most Received fields written by this host; more is a loop: 554 5.4.6.")
    ] = 10
    relay_networks: Annotated[
        tuple[str, ...],
        _says("Networks (CIDR) whose letters go anywhere without authentication; others get 550 5.7.1."),
    ] = ()
    hold_max: Annotated[
        Seconds, _says("Longest FUTURERELEASE a submission may ask for; more gets 501 5.5.4; 0 does not offer it.")
    ] = 7 * 86400.0
    deliver_by_min: Annotated[
        Seconds, _says("Shortest DELIVERBY time with return (R); less gets 555 5.5.4; 0 does not offer it.")
    ] = 60.0
    priority_min: Annotated[
        int, msgspec.Meta(ge=-9, le=0, description="Lowest MT-PRIORITY a submission gets; lower is raised to it.")
    ] = -9
    priority_max: Annotated[
        int, msgspec.Meta(ge=0, le=9, description="Highest MT-PRIORITY a submission gets; higher is lowered to it.")
    ] = 4
    mend_mx: Annotated[
        bool, _says("Whether a letter from outside gets the Message-ID and Date it lacks; submissions always do.")
    ] = False
    remove_bcc: Annotated[bool, _says("Whether Bcc and Resent-Bcc fields are cut from submitted letters.")] = True
    null_sender: Annotated[
        bool, _says("Whether an account may submit with the null sender (receipts); its From is checked then.")
    ] = True
    own_from: Annotated[
        bool, _says("Whether the From field of a submission must belong to the account; else 550 5.7.1.")
    ] = False
    hide_client: Annotated[
        bool, _says("Whether the Received field of a submission leaves out the client's name and address.")
    ] = False
