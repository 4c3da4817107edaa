"""Settings of the checks: [auth] says what SPF, DKIM, DMARC and ARC mean for a letter, [filter] how verdicts combine.

Read by app; handed to build.
Never holds a service's address: those stand with the services.
A value out of its bounds fails where the file is read.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Seconds
from hatoba.mailauth.dmarc import settings as dmarc_
from hatoba.mailauth.spf import settings as spf_

Meta = msgspec.Meta
# Within the classes below a field hides a module of its name, so such modules end in an underscore.


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [auth] table."""

    authserv_id: Annotated[
        str,
        Meta(
            description="Our name in Authentication-Results; fields of others that claim it are removed. "
            "Empty: hostname."
        ),
    ] = ""
    results: Annotated[
        bool, Meta(description="Whether letters from outside get an Authentication-Results field on top.")
    ] = True
    spf: Annotated[
        Literal["reject", "tell", "off"],
        Meta(
            description="SPF of letters from outside, asked with the first RCPT. reject: a fail is refused with "
            "550 5.7.23; tell: it is only told, and DMARC judges; off: not asked."
        ),
    ] = "tell"
    spf_helo: Annotated[bool, Meta(description="Whether the name of HELO is checked by SPF, too.")] = False
    spf_trouble: Annotated[
        Literal["accept", "defer"],
        Meta(description="With spf reject: when the policy cannot be had for now, take the letter or say 451 4.7.24."),
    ] = "accept"
    received_spf: Annotated[bool, Meta(description="Whether letters from outside get a Received-SPF field.")] = False
    dkim: Annotated[bool, Meta(description="Whether DKIM signatures of letters from outside are verified.")] = True
    arc: Annotated[bool, Meta(description="Whether ARC seals of letters from outside are verified.")] = True
    arc_sealers: Annotated[
        tuple[str, ...],
        Meta(
            description="Domains whose ARC seals are believed: where they attest that DMARC passed before they "
            "changed the letter, a failure here is overridden."
        ),
    ] = ()
    dmarc: Annotated[
        Literal["honour", "tag", "off"],
        Meta(
            description="DMARC of letters from outside. honour: what the domain asks for is done, reject as "
            "550 5.7.1; tag: a failure only gets X-Spam-Status; off: not asked."
        ),
    ] = "honour"
    dmarc_quarantine: Annotated[
        Literal["quarantine", "junk"],
        Meta(description="p=quarantine: the letter is held in the queue, or delivered with X-Spam-Flag."),
    ] = "junk"
    dmarc_trouble: Annotated[
        Literal["accept", "defer"],
        Meta(description="When DNS has no answer for DMARC: take the letter, or say 451 4.7.1."),
    ] = "accept"
    iprev: Annotated[
        bool, Meta(description="Whether the names of a client's address are looked up, forth and back.")
    ] = True
    spf_rules: Annotated[spf_.Settings, Meta(description="What an SPF record may ask of us.")] = spf_.Settings()
    dmarc_rules: Annotated[dmarc_.Settings, Meta(description="How a DMARC policy is found.")] = dmarc_.Settings()


class Domain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[filter.domain]]: other thresholds for letters to some domains."""

    name: Annotated[str, Meta(description='A domain of recipients, or "*.example.org" for all below it.')]
    tag_at: Annotated[float | None, Meta(description="As filter.tag_at, for this domain.")] = None
    junk_at: Annotated[float | None, Meta(description="As filter.junk_at, for this domain.")] = None
    quarantine_at: Annotated[float | None, Meta(description="As filter.quarantine_at, for this domain.")] = None
    reject_at: Annotated[float | None, Meta(description="As filter.reject_at, for this domain.")] = None


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [filter] table."""

    patience: Annotated[
        Seconds,
        Meta(gt=0, le=240, description="Time all checks of one stage (RCPT, end of content) have together."),
    ] = 45.0
    late: Annotated[
        Literal["accept", "defer"],
        Meta(description="A check not done in time: go on without it, or say 451 4.7.1."),
    ] = "accept"
    fault: Annotated[
        Literal["accept", "defer"],
        Meta(description="A check that fails by an error of ours (logged with an id): go on, or say 451 4.3.0."),
    ] = "defer"
    greet: Annotated[
        bool,
        Meta(
            description="Ask the connection's checks before the greeting and refuse with 554 there; else they are "
            "asked with the first RCPT, so that a refusal names sender and recipient."
        ),
    ] = False
    tag_at: Annotated[
        float, Meta(description="Score from which a letter gets X-Spam-Score and X-Spam-Status; 0: never.")
    ] = 0.0
    junk_at: Annotated[float, Meta(description="Score from which it also gets X-Spam-Flag: YES; 0: never.")] = 6.0
    quarantine_at: Annotated[float, Meta(description="Score from which it is held in the queue; 0: never.")] = 0.0
    reject_at: Annotated[float, Meta(description="Score from which it is refused with 550 5.7.1; 0: never.")] = 15.0
    domain: Annotated[tuple[Domain, ...], Meta(description="Other thresholds for letters to some domains.")] = ()
