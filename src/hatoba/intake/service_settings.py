"""Settings of the services that are asked about letters: [rspamd], [clamd], [[milter]] and [[hook]].

Read by app, which makes the clients, and by the checks in filters, which judge by them.
Never read from a file here. A service without an address is not asked.
A value out of its bounds fails where the file is read; an address that is none where the client is made.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Bytes, Seconds

Meta = msgspec.Meta

_MB = 1024 * 1024
Choice = Literal["accept", "defer"]
Unwanted = Literal["reject", "discard", "quarantine", "junk"]


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is alike for all of them."""

    timeout: Annotated[
        Seconds,
        Meta(gt=0, description="Time it has for one letter; all checks together have filter.patience."),
    ] = 20.0
    parallel: Annotated[
        int, Meta(ge=1, le=1000, description="Letters it is asked about at the same time by one worker; more wait.")
    ] = 16
    failures: Annotated[
        int, Meta(ge=0, description="Failures in a row after which it is not asked for a while; 0: always asked.")
    ] = 5
    pause: Annotated[
        Seconds, Meta(gt=0, description="How long it is not asked then; a single letter tries it afterwards.")
    ] = 30.0
    on_failure: Annotated[
        Choice,
        Meta(
            description="When it does not answer: accept goes on without it (fail open), defer says 451 4.7.1 "
            "(fail closed)."
        ),
    ] = "accept"
    max_size: Annotated[Bytes, Meta(ge=0, description="A larger letter is not given to it.")] = 25 * _MB
    oversize: Annotated[
        Choice, Meta(description="What becomes of a letter above max_size: go on without the check, or say 451 4.7.1.")
    ] = "accept"


class Rspamd(Service, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The [rspamd] table."""

    url: Annotated[
        str,
        Meta(
            description='Its normal worker: "http://127.0.0.1:11333", "https://…", or "unix:/run/rspamd/normal.sock". '
            "Empty: not asked."
        ),
    ] = ""
    password: Annotated[str, Meta(description="Sent in the header Password; empty: none.", extra={"secret": True})] = ""
    settings_id: Annotated[str, Meta(description="Name of a settings block of rspamd's to apply; empty: none.")] = ""
    reject: Annotated[Unwanted, Meta(description="What becomes of a letter that rspamd rejects.")] = "reject"
    weight: Annotated[
        float,
        Meta(
            ge=0,
            description="Its score times this is added to the other checks' scores; 0: only its own action counts.",
        ),
    ] = 1.0
    submissions: Annotated[
        bool, Meta(description="Whether letters of our own accounts and trusted networks are given to it, too.")
    ] = False


class Clamd(Service, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The [clamd] table."""

    address: Annotated[
        str, Meta(description='ClamAV\'s daemon: "unix:/run/clamav/clamd.ctl" or "host:3310". Empty: not asked.')
    ] = ""
    virus: Annotated[
        Literal["reject", "discard", "quarantine"], Meta(description="What becomes of a letter with a virus.")
    ] = "reject"
    submissions: Annotated[
        bool, Meta(description="Whether letters of our own accounts and trusted networks are scanned, too.")
    ] = True


class Milter(Service, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One [[milter]]."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]{1,40}$", description="Its name in verdicts and metrics.")]
    address: Annotated[str, Meta(description='Where it listens: "unix:/run/opendkim/opendkim.sock" or "host:8891".')]
    timeout: Annotated[
        Seconds,
        Meta(gt=0, description="Time it has for one letter; all milters together need less than filter.patience."),
    ] = 10.0
    reuse: Annotated[
        bool,
        Meta(
            description="Keep its connections for the next letter, where it speaks version 6 of the protocol. Good for "
            "rspamd, not for OpenDKIM."
        ),
    ] = False
    recipients: Annotated[
        bool,
        Meta(
            description="Ask it at RCPT too, if it wants to judge recipients, so that it can refuse a single one; else "
            "it refuses the whole letter."
        ),
    ] = True
    submissions: Annotated[
        bool, Meta(description="Whether letters of our own accounts and trusted networks are given to it, too.")
    ] = True


class Hook(Service, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One [[hook]]."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]{1,40}$", description="Its name in verdicts and metrics.")]
    url: Annotated[
        str, Meta(description='Where letters are posted: "https://host/path" or "unix:/path/of/socket:/path".')
    ]
    secret: Annotated[
        str,
        Meta(
            description="Signs each request (header Hatoba-Signature, HMAC-SHA256); empty: unsigned.",
            extra={"secret": True},
        ),
    ] = ""
    content: Annotated[
        Literal["whole", "header", "none"], Meta(description="How much of the letter is sent along.")
    ] = "whole"
    max_size: Annotated[Bytes, Meta(ge=0, description="A larger letter is not given to it.")] = 10 * _MB
    submissions: Annotated[
        bool, Meta(description="Whether letters of our own accounts and trusted networks are given to it, too.")
    ] = False


class Services(msgspec.Struct, frozen=True):
    """All of them together, as the checks and their clients are made."""

    rspamd: Rspamd = Rspamd()
    clamd: Clamd = Clamd()
    milter: tuple[Milter, ...] = ()
    hook: tuple[Hook, ...] = ()
