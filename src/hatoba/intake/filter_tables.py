"""Tables of [filter] that checks of the envelope and of contents have: lists, DNS lists, names, rates, greylist, rules.

Read by app as parts of [filter]; each check in filters is made from its own.
Never holds a default that refuses a letter but for archives that would burst who unpacks them.
A value out of its bounds fails where the file is read, what types cannot say when the checks are built.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from hatoba.kit.units import Bytes, Seconds

# What a finding is worth: points that add up (negative ones speak for the letter), or an action at once; "allow" is
# for lists of good ones.
Weight: TypeAlias = (
    float | Literal["off", "allow", "tag", "junk", "quarantine", "discard", "greylist", "defer", "reject"]
)
Match: TypeAlias = Literal["word", "glob", "regex"]


class Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[filter.lists]` table."""

    on: Annotated[bool, Meta(description="Whether the lists count, those below and those of hatoba list.")] = True
    allow: Annotated[
        tuple[str, ...],
        Meta(
            description='Always let in: a network, an address, "example.org", ".example.org" (it and all below), '
            '"helo:NAME", "recipient:ADDRESS or domain". More, without a restart: hatoba list allow add.'
        ),
    ] = ()
    deny: Annotated[
        tuple[str, ...], Meta(description="Kept out with 550 5.7.1, written alike; `allow` goes before.")
    ] = ()
    proof: Annotated[
        Literal["spf", "none"],
        Meta(description="An allowed sender counts if SPF passed for it (spf), or whoever writes its name (none)."),
    ] = "spf"


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of a list's answers: [[filter.dnsbl.code]]."""

    answer: Annotated[str, Meta(description='An answer or a network of answers: "127.0.0.2", "127.0.0.0/28".')]
    weight: Annotated[
        Weight, Meta(description='Points (negative ones speak for the letter), or an action such as "reject".')
    ]
    text: Annotated[str, Meta(description="What the answer means, for the reply and the journal.")] = ""


class Dnsbl(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[[filter.dnsbl]]` tables."""

    zone: Annotated[str, Meta(description="The list's zone, for example zen.spamhaus.org.")]
    look: Annotated[
        Literal["ip", "sender", "helo", "ptr"],
        Meta(
            description="What is looked up: the client's address, or the domain of the sender, of the greeting or "
            "of the client's confirmed name."
        ),
    ] = "ip"
    weight: Annotated[
        Weight,
        Meta(description="Points or action for an answer that no code below names; 0 ignores such answers."),
    ] = "reject"
    code: Annotated[
        tuple[Code, ...], Meta(description="What single answers are worth; the first that fits counts.")
    ] = ()
    text: Annotated[str, Meta(description="What a refused peer is told; {ip}, {domain} and {zone} are filled in.")] = ""
    domains: Annotated[
        tuple[str, ...], Meta(description="Recipient domains it is asked for; without any: all of them.")
    ] = ()


class Reverse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[filter.reverse]` table."""

    missing: Annotated[Weight, Meta(description="The client's address has no name in DNS: points, an action, off.")] = (
        0.0
    )
    unconfirmed: Annotated[
        Weight, Meta(description="It has names, but none of them leads back to the address (needs auth.iprev).")
    ] = 0.0
    generic: Annotated[
        Weight, Meta(description="Its name is made of its address or of words of access networks (dyn, pool, dsl).")
    ] = 0.0
    patterns: Annotated[
        tuple[str, ...],
        Meta(description='More names that count as generic, with * and ?: "*.compute.example.net".'),
    ] = ()
    helo_bare_ip: Annotated[
        Weight, Meta(description="The greeting names an IP address without brackets (RFC 5321 §4.1.3).")
    ] = 0.0
    helo_literal: Annotated[
        Weight, Meta(description="The greeting names an address in brackets that is not the client's.")
    ] = 0.0
    helo_short: Annotated[
        Weight, Meta(description="The greeting names no host with a domain: localhost, WORKGROUP, rubbish.")
    ] = 0.0
    helo_ours: Annotated[
        Weight, Meta(description="A stranger greets with our own name or that of a domain that lives here.")
    ] = 0.0
    helo_unresolved: Annotated[
        Weight, Meta(description="The name in the greeting has neither address nor MX in DNS (RFC 5321 §2.3.5).")
    ] = 0.0


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[[filter.rate]]` tables."""

    per: Annotated[
        Literal["account", "sender", "ip", "network", "domain"],
        Meta(
            description="Who is counted: an account, a sender's address, a client (IPv6: its /64), its network (/24, "
            "/64), or the domain of the recipients."
        ),
    ]
    match: Annotated[
        tuple[str, ...],
        Meta(
            description='Only these: addresses, "example.org", ".example.org", networks. It goes before an entry '
            "without, the first before the next; so an exception is an entry with higher limits."
        ),
    ] = ()
    minute: Annotated[int, Meta(ge=0, description="Most recipients in a minute; more get 450 4.7.1; 0: no limit.")] = 0
    hour: Annotated[int, Meta(ge=0, description="Most recipients in an hour; more get 450 4.7.1; 0: no limit.")] = 0
    day: Annotated[int, Meta(ge=0, description="Most recipients in a day; more get 450 4.7.1; 0: no limit.")] = 0


class Greylist(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[filter.greylist]` table."""

    on: Annotated[bool, Meta(description="Whether unknown senders are asked to come again with 450 4.7.1.")] = False
    domains: Annotated[tuple[str, ...], Meta(description="Recipient domains it is for; without any: all of them.")] = ()
    delay: Annotated[
        Seconds, Meta(gt=0, description="The second try counts after this time; an earlier one gets 450 4.7.1 again.")
    ] = 300.0
    window: Annotated[Seconds, Meta(gt=0, description="And before this time is over; a later one starts anew.")] = (
        86400.0
    )
    expiry: Annotated[
        Seconds, Meta(gt=0, description="Who was let in is forgotten after so long without a letter.")
    ] = 35 * 86400.0
    allow_after: Annotated[
        int,
        Meta(ge=0, description="A network that so many senders came back from is let in at once; 0: never."),
    ] = 5
    prefix4: Annotated[int, Meta(ge=8, le=32, description="Bits of an IPv4 address that count: 24 takes a farm.")] = 24
    prefix6: Annotated[int, Meta(ge=16, le=128, description="Bits of an IPv6 address that count.")] = 64
    spf_pass: Annotated[
        bool, Meta(description="Let in at once a sender whose SPF passed: its host will come again anyway.")
    ] = True


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[[filter.rule]]` tables."""

    name: Annotated[str, Meta(min_length=1, description="Its name in verdicts and in the journal.")]
    look: Annotated[
        Literal["header", "body", "file", "kind", "finding"],
        Meta(
            description="At the decoded header, the decoded texts, the names of attachments and of what archives hold, "
            "their kinds by their own octets (executable, script, macro, zip, …), or what is odd about them "
            "(encrypted, bomb, double-extension, …)."
        ),
    ]
    pattern: Annotated[tuple[str, ...], Meta(min_length=1, description="What is looked for; one of them is enough.")]
    weight: Annotated[Weight, Meta(description='Points, or an action: "reject", "quarantine", "tag", "off".')]
    match: Annotated[
        Match,
        Meta(
            description="word: as whole words, in any case and width; glob: the whole text, with * and ?; regex: RE2 "
            "syntax, anywhere. Kinds and findings are compared as they are."
        ),
    ] = "word"
    field: Annotated[str, Meta(description="With header: which field; empty: any, as well as those below it.")] = ""
    text: Annotated[str, Meta(description="What a refused peer is told.")] = ""
    domains: Annotated[
        tuple[str, ...],
        Meta(
            description="Recipient domains it is for (of a submission: the sender's); without any: all. Recipients "
            "with different rules get different transactions: 452 4.5.3."
        ),
    ] = ()


class Attachments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[filter.attachments]` table."""

    look: Annotated[
        bool, Meta(description="Look into attachments and archives; a rule for files, kinds or findings does, too.")
    ] = False
    bomb: Annotated[
        Weight, Meta(description="An archive beyond the limits below: it would burst whoever unpacks it.")
    ] = "reject"
    encrypted: Annotated[Weight, Meta(description="An archive with a password: nobody can look inside.")] = 0.0
    broken: Annotated[Weight, Meta(description="An archive that breaks its own format.")] = 0.0
    unread: Annotated[
        Weight, Meta(description="An archive of a kind not opened here: rar, cab, lzh, iso and others.")
    ] = 0.0
    double_extension: Annotated[Weight, Meta(description="A program that calls itself a document: bill.pdf.exe.")] = 0.0
    disguised: Annotated[Weight, Meta(description="A program by its octets under another file's name.")] = 0.0
    bidi_name: Annotated[Weight, Meta(description="A file name that turns its own direction of writing.")] = 0.0
    cut: Annotated[Weight, Meta(description="More parts, or deeper nested ones, than are looked at.")] = 0.0
    parts: Annotated[int, Meta(ge=1, description="Parts of a letter that are looked at; more is a finding, cut.")] = 200
    nested: Annotated[int, Meta(ge=1, le=50, description="Parts within each other; deeper is a finding, cut.")] = 12
    depth: Annotated[int, Meta(ge=1, le=20, description="Archives within each other; deeper is a bomb.")] = 4
    files: Annotated[int, Meta(ge=1, description="Files in all archives of a letter; more is a bomb.")] = 2000
    unpacked: Annotated[Bytes, Meta(description="Octets unpacked of one letter; more is a bomb.")] = 128 << 20
    ratio: Annotated[int, Meta(ge=2, description="Octets unpacked for one packed, above 4 MiB; more is a bomb.")] = 300
    text: Annotated[Bytes, Meta(description="Characters of a letter's texts that rules look at.")] = 512 << 10
