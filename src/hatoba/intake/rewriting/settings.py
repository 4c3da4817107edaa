"""Settings of rewriting: SRS, lists, address maps, masquerading, header rules.

Read by app from the `[rewrite]` table and its arrays.
Never read from a file here.
Fails where msgspec says so; maps and rules that make no sense raise ValueError when a Rewriting is made of them.
"""

from typing import Annotated, Literal

import msgspec

Meta = msgspec.Meta


class Srs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[rewrite.srs]` table."""

    enabled: Annotated[
        bool,
        Meta(
            description="Whether a letter forwarded to the outside gets a return address of ours (SRS): SPF at the next"
            " host knows us, not the sender."
        ),
    ] = True
    domain: Annotated[
        str,
        Meta(description="Domain of the return addresses; it must come here by MX. Empty: that of the alias."),
    ] = ""
    hash: Annotated[
        int, Meta(ge=4, le=20, description="Characters (5 bits each) of the keyed hash in a return address.")
    ] = 6
    age: Annotated[
        int, Meta(ge=1, le=900, description="Days for which a return address is good; later gets 550 5.7.1.")
    ] = 21
    longest: Annotated[
        int,
        Meta(
            ge=64,
            le=240,
            description="Longest local part of a return address in octets. Where it would be longer, the sender stays"
            " as it is. RFC 5321 knows 64; the field takes more.",
        ),
    ] = 200
    any_sender: Annotated[
        bool,
        Meta(
            description="Whether return addresses take letters from any sender, not only bounces (the null sender);"
            " others get 550 5.7.1."
        ),
    ] = False


class Canonical(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `[[rewrite.canonical]]`; the first that matches an address decides."""

    match: Annotated[
        str,
        Meta(min_length=1, description="An address, @domain for all of a domain, or /RE2 pattern/ over the address."),
    ]
    to: Annotated[
        str,
        Meta(
            min_length=1,
            description="The address in its place; @domain keeps the local part; of a pattern \\\\1 names a group.",
        ),
    ]
    side: Annotated[
        Literal["sender", "recipient", "both"],
        Meta(
            description="Whose addresses: sender (MAIL, From, Sender, Reply-To), recipient (RCPT, To, Cc), or both;"
            " Resent fields go with their kind."
        ),
    ] = "both"
    where: Annotated[Literal["envelope", "header", "both"], Meta(description="Envelope, header fields, or both.")] = (
        "both"
    )
    letters: Annotated[
        Literal["submitted", "all"],
        Meta(description="Letters of submissions and relay networks only, or all, those from outside included."),
    ] = "submitted"
    signed: Annotated[
        bool,
        Meta(
            description="Whether a header field that a DKIM signature covers may be changed; it breaks the signature."
        ),
    ] = False


class Masquerade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[rewrite.masquerade]` table."""

    domains: Annotated[
        tuple[str, ...],
        Meta(
            description="Domains that stand for all below them: user@host.example.org becomes user@example.org. A name"
            " with ! before it and all below it stay as they are."
        ),
    ] = ()
    exceptions: Annotated[
        tuple[str, ...], Meta(description="Local parts (in any case) whose addresses stay as they are, such as root.")
    ] = ()
    side: Annotated[
        Literal["sender", "recipient", "both"],
        Meta(description="Whose addresses; the envelope's recipients are never masqueraded."),
    ] = "both"
    letters: Annotated[
        Literal["submitted", "all"],
        Meta(description="Letters of submissions and relay networks only, or all, those from outside included."),
    ] = "submitted"


class HeaderRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `[[rewrite.header]]`; all that apply are carried out, in their order."""

    name: Annotated[str, Meta(pattern=r"^[!-9;-~]{1,76}$", description="Name of the field, in any case.")]
    action: Annotated[
        Literal["add", "default", "remove", "replace"],
        Meta(
            description="add a field on top; default: add it where there is none; remove every one of the name that"
            " matches; replace what matches in its value."
        ),
    ]
    match: Annotated[
        str, Meta(description="RE2 pattern sought in the unfolded value (remove, replace); empty: every field matches.")
    ] = ""
    value: Annotated[
        str,
        Meta(description="Value of the field added, or what replaces each match (\\\\1 names a group; ASCII)."),
    ] = ""
    doors: Annotated[
        tuple[Literal["mx", "submission", "submissions"], ...], Meta(description="Listeners it counts for; empty: all.")
    ] = ()
    direction: Annotated[
        Literal["in", "out", "both"],
        Meta(description="in: from strangers; out: submitted, or from a relay network; or both."),
    ] = "both"
    senders: Annotated[tuple[str, ...], Meta(description="Domains of the reverse-path it counts for; empty: all.")] = ()
    recipients: Annotated[tuple[str, ...], Meta(description="Domains of which a recipient must be; empty: all.")] = ()
    signed: Annotated[
        bool,
        Meta(description="Whether a field that a DKIM signature covers may be changed, which breaks the signature."),
    ] = False


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[rewrite]` table."""

    srs: Annotated[Srs, Meta(description="Return addresses of forwarded letters.")] = Srs()
    canonical: Annotated[
        tuple[Canonical, ...], Meta(description="Addresses that are others by right: old names, other domains.")
    ] = ()
    masquerade: Annotated[Masquerade, Meta(description="Names of hosts hidden behind their domain.")] = Masquerade()
    header: Annotated[tuple[HeaderRule, ...], Meta(description="Header fields added, removed, changed.")] = ()
    original_to: Annotated[
        bool,
        Meta(description="Whether a copy that came by an alias names it in an X-Original-To field."),
    ] = True
    arc: Annotated[
        bool,
        Meta(description="Whether forwarded letters are sealed (ARC) with the DKIM key of the alias's domain."),
    ] = False
