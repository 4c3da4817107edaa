"""Preview: what rewriting would make of a letter, told without taking it in.

Called by those who explain a letter to a person (`hatoba explain`).
Never queues, never counts; the directory and the tables are those in force.
Fails never: a recipient that would be refused stands there with its status.
"""

from collections.abc import Sequence

import msgspec

from hatoba.intake import heading, relay
from hatoba.intake.case import Case, Rewriting
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient
from hatoba.model.status import Refusal, Status


class Copy(msgspec.Struct, frozen=True):
    """One copy: to whom, with which reverse-path (None: as the letter's, which may be nobody), and its own fields.

    `ends` says that nothing is delivered: "expanded", "listed", "discarded".
    """

    to: str
    sender: str | None
    top: bytes
    ends: str = ""


class Preview(msgspec.Struct):
    """`sender` "" is the null reverse-path; `rewrites` are (what, from, to), as the accepted event would have them."""

    sender: str
    copies: list[Copy]
    refused: list[tuple[str, Status]]
    rewrites: tuple[tuple[str, str, str], ...]
    header: bytes


def preview(rewriter: Rewriting, case: Case, recipients: Sequence[Recipient], content: bytes, own: bytes) -> Preview:
    """The letter of `case` for `recipients`, one after the other as RCPT would name them.

    `case` has no recipients yet and is used up. `content` begins with the whole header; `own` as in heading.read.
    """
    refused: list[tuple[str, Status]] = []
    for recipient in recipients:
        try:
            rewriter.takes(case, recipient, case.now)
            verdict = relay.destination(case, recipient)
        except Refusal as refusal:
            refused.append((str(recipient.address), refusal.status))
            continue
        if verdict is not None and verdict.status is not None:
            refused.append((str(recipient.address), verdict.status))
        else:
            case.recipients.append(recipient)
    read = heading.read(content, own)
    header = rewriter.header(case, read, read.fields.block)
    try:
        sender, behind, ways, rewrites = rewriter.envelope(case, read)
    except Refusal as refusal:
        refused += [(str(one.address), refusal.status) for one in case.recipients]
        return Preview(_shown(case.mail.sender), [], refused, (), header)
    copies = []
    for one in behind:
        way = ways[one.way - 1] if one.way else None
        reverse = None if way is None or way.sender is None else str(way.sender)
        copies.append(Copy(str(one.address), reverse, way.top if way else b"", way.ends if way else ""))
    return Preview(_shown(sender), copies, refused, rewrites, header)


def _shown(address: Address | None) -> str:
    return "" if address is None else str(address)
