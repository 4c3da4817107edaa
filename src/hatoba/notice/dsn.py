"""DSN: the letter that tells a sender what became of another letter. # RFC 3461 §5, §6, RFC 3464, RFC 6533

Called by queue when an attempt settles, in the transaction that settles it; the letter made is queued like any other.
Never answers a letter from the null sender (so never a DSN), never asks for the store, the clock or chance.
Fails with KeyError on a kind that is none; else it returns None where nobody wants to be told.
"""

from collections.abc import Sequence

import msgspec

from hatoba.kit import ids
from hatoba.message import build, encode, headers, report
from hatoba.message import words as encoded
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.outcome import Outcome
from hatoba.notice import words
from hatoba.notice.settings import Settings

FAILURE, DELAY, SUCCESS, RELAYED, EXPANDED = "failure", "delay", "success", "relayed", "expanded"
KINDS = (FAILURE, DELAY, SUCCESS, RELAYED, EXPANDED)
DOOR = "dsn"  # Source.door of what is made here

_ACTIONS = {
    FAILURE: "failed",
    DELAY: "delayed",
    SUCCESS: "delivered",
    RELAYED: "relayed",
    EXPANDED: "expanded",
}  # RFC 3464 §2.3.3
_WORDS = {
    FAILURE: "FAILURE",
    DELAY: "DELAY",
    SUCCESS: "SUCCESS",
    RELAYED: "SUCCESS",
    EXPANDED: "SUCCESS",
}  # RFC 3461 §4.1
_UNASKED = (FAILURE, DELAY)  # what an absent NOTIFY lets us send  # RFC 3461 §4.1
_DIAGNOSTIC_MOST = 900  # octets of a reply kept in a field

_DEFAULT = Settings()


class _Case(msgspec.Struct, frozen=True):
    """One DSN to be: what it is about and who is told. `content` is all of the letter that is at hand."""

    kind: str
    letter: Letter
    sender: Address
    told: tuple[tuple[Recipient, Outcome], ...]
    now: int
    hostname: str
    written_id: str
    settings: Settings
    content: bytes
    header: bytes
    host: str
    attempted: int


def wanted(kind: str, recipient: Recipient, outcome: Outcome) -> bool:
    """Whether the sender asked for this kind about this recipient. # RFC 3461 §4.1, §5.2"""
    if kind == RELAYED and not outcome.dsn:
        return False  # the next host took the duty over
    if not recipient.notify:
        return kind in _UNASKED
    return _WORDS[kind] in recipient.notify.split(",")


def compose(
    kind: str,
    letter: Letter,
    outcomes: Sequence[Outcome],
    now: int,
    hostname: str,
    new_id: int,
    *,
    settings: Settings = _DEFAULT,
    content_head: bytes = b"",
    host: str = "",
    attempted: int = 0,
) -> Letter | None:
    """One DSN of `kind` (one of KINDS) about all these outcomes, or None: nobody is to be told.

    `outcomes` are those of one attempt; what their recipients' NOTIFY does not want is left out here. Times are ms
    since 1970. `new_id` is the new letter's id (it makes Message-ID and boundary), `hostname` ours. `letter.content`,
    or else `content_head` (the beginning of the content, with all of its header), is what can be returned: the whole
    only if it is complete. `host` is the peer's name and `attempted` the end of the attempt, 0 where there was none.

    None also for the null sender and for a letter that is itself a DSN. # RFC 5321 §4.5.5
    """
    recipients = letter.envelope.recipients
    sender = letter.envelope.sender
    if sender is None or letter.source.door == DOOR:
        return None
    told = tuple((recipients[o.n], o) for o in outcomes if wanted(kind, recipients[o.n], o))
    if not told:
        return None
    content = letter.content if letter.content is not None else content_head
    header = headers.scan(content).block
    case = _Case(
        kind, letter, sender, told, now, hostname, ids.text(new_id), settings, content, header, host, attempted
    )  # fmt: skip
    return _letter(case, new_id)


def _letter(case: _Case, new_id: int) -> Letter:
    """The finished letter, addressed to the sender from nobody. # RFC 3461 §6.1"""
    utf8 = _global(case)
    seed = case.written_id
    human = build.text(words.text(_story(case), case.settings.language))
    body = report.report(human, _status(case, utf8), _returned(case, utf8), seed)
    content = build.message(_fields(case, utf8), body)
    eightbit = not content.isascii()
    original = case.letter.envelope
    envelope = Envelope(
        None,
        (Recipient(case.sender, notify="NEVER"),),
        body="8BITMIME" if eightbit else "7BIT",
        smtputf8=utf8,
        requiretls=original.requiretls,  # RFC 8689 §5
        priority=original.priority,
    )
    return Letter(
        new_id,
        case.now,
        case.now + int(case.settings.expire * 1000),
        envelope,
        Source(DOOR),
        len(content),
        content,
        dotted=content.startswith(b".") or b"\r\n." in content,
        eightbit=eightbit,
        message_id=f"<{case.written_id}@{case.hostname}>",
        header_from=f"mailer-daemon@{case.hostname}",
        subject=words.subject(case.kind, case.settings.language),
    )


def _global(case: _Case) -> bool:
    """Whether the forms of RFC 6533 are needed: an address beyond ASCII, or a header in UTF-8, of a sender who used
    SMTPUTF8 and so can be answered that way. Others get the plain forms, with \\x{...} in place of such characters.
    """
    if not case.sender.ascii:
        return True
    if not case.letter.envelope.smtputf8:
        return False
    plain = all(recipient.address.ascii and recipient.orcpt.isascii() for recipient, _ in case.told)
    return not plain or not case.header.isascii()


def _fields(case: _Case, utf8: bool) -> list[tuple[str, str]]:
    subject = words.subject(case.kind, case.settings.language)
    fields = [
        ("From", f"Mail Delivery System <mailer-daemon@{case.hostname}>"),
        ("To", str(case.sender)),
        ("Subject", encode.unstructured(subject)),
        ("Date", encode.date(case.now)),
        ("Message-ID", f"<{case.written_id}@{case.hostname}>"),
    ]
    about = [i for i in headers.message_ids(case.letter.message_id.encode("utf-8", "replace")) if utf8 or i.isascii()]
    if about:
        fields += [("In-Reply-To", about[0]), ("References", about[0])]
    fields += [
        ("Auto-Submitted", "auto-replied"),  # RFC 3834 §5
        ("X-Hatoba-Letter", ids.text(case.letter.id)),
    ]
    return fields


def _story(case: _Case) -> words.Story:
    """The facts for the text."""
    zone, letter = case.settings.zone, case.letter
    found = headers.scan(case.content).text(b"subject") if case.content else encoded.decode(letter.subject)
    return words.Story(
        case.kind,
        case.hostname,
        ids.text(letter.id),
        found[:200],
        words.moment(letter.accepted, zone),
        words.moment(letter.expires, zone),
        case.host,
        [(recipient.address, outcome) for recipient, outcome in case.told],
    )


def _status(case: _Case, utf8: bool) -> build.Part:
    """The part for machines."""
    letter = case.letter
    about = report.About(
        case.hostname,
        letter.envelope.envid,
        letter.accepted,
        (("X-Hatoba-Letter", ids.text(letter.id)),),
    )
    return report.delivery_status(about, [_fate(case, *pair) for pair in case.told], utf8=utf8)


def _fate(case: _Case, recipient: Recipient, outcome: Outcome) -> report.Fate:
    said = (outcome.reply or ("" if outcome.status.ok else outcome.status.text))[:_DIAGNOSTIC_MOST]
    return report.Fate(
        final=str(recipient.address),
        action=_ACTIONS[case.kind],
        status=outcome.status.code,
        original=recipient.orcpt,
        remote_mta=case.host,
        diagnostic=said,
        diagnostic_type="smtp" if outcome.reply else "x-hatoba",
        last_attempt=case.attempted,
        retry_until=case.letter.expires if case.kind == DELAY else 0,
    )


def _returned(case: _Case, utf8: bool) -> build.Part | None:
    """The letter, or its header, as the sender asked and the settings allow. # RFC 3461 §4.3"""
    if not case.content:
        return None
    if _whole(case):
        return report.returned(case.content, whole=True, utf8=utf8)
    header = case.header
    if len(header) > case.settings.header_limit:
        header = header[: case.settings.header_limit]
        header = header[: header.rfind(b"\n") + 1]
    return report.returned(header, whole=False, utf8=utf8) if header else None


def _whole(case: _Case) -> bool:
    """Only a failure brings the content back, never one above the limit, under REQUIRETLS, or unfit for 8BITMIME."""
    envelope, settings = case.letter.envelope, case.settings
    asked = envelope.ret == "FULL" or (not envelope.ret and settings.returned == "full")
    complete = len(case.content) == case.letter.size <= settings.returned_limit
    if case.kind != FAILURE or not asked or not complete or envelope.requiretls:  # RFC 8689 §5
        return False
    return envelope.body != "BINARYMIME" and build.eight_bit(case.content)
