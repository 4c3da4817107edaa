"""Composing: the header of a letter as it goes on: what is taken out of it, and what goes on top.

Called by transaction, once a letter.
Never touches the body; never decides: what the marks say is the checks' and the ruling's.
Fails never: what a check wants on top and cannot stand in a header is made fit.
"""

import re
from collections.abc import Iterator

from hatoba.intake import evidence, mend, ruling, trace
from hatoba.intake.case import Case, Place, Visit
from hatoba.intake.heading import Heading
from hatoba.kit import ids
from hatoba.mailauth.results import remove, write
from hatoba.mailauth.results.finding import Results
from hatoba.mailauth.spf import trace as spf_trace
from hatoba.model.address import Address
from hatoba.model.envelope import Notes

_NOT_IN_A_NAME = re.compile(r"[^!-9;-~]")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")
_FOLD = re.compile(r"\r?\n[ \t]+")
_LINE = 998  # RFC 5322 §2.1.1
_OURS = ("x-spam-flag", "x-spam-score", "x-spam-status")


def kept(place: Place, case: Case, read: Heading) -> bytes:
    """What goes on of the header; the very block of the heading where all of it does."""
    settings = case.settings
    block = mend.cut(read, settings.remove_bcc) if case.submitted else read.fields.block
    if read.fields.has(b"authentication-results"):
        block, _ = remove.ours(block, (place.authserv_id,))  # RFC 8601 §5
    return block


def top(place: Place, visit: Visit, case: Case, read: Heading, number: int) -> bytes:
    """Received, and the fields the letter lacks."""
    mail, known, written_id = case.mail, case.recipients, ids.text(number)
    made = trace.received(
        visit.head.utf8 if mail.smtputf8 else visit.head.plain,
        written_id,
        str(known[0].address) if len(known) == 1 else "",
        place.dates.at(case.now),
    )
    if case.submitted:
        author: Address | str = mail.sender if mail.sender is not None else case.source.account
        made += mend.additions(read, written_id, place.hostname, case.now, author or None)
    elif case.settings.mend_mx:
        made += mend.additions(read, written_id, place.hostname, case.now, None)
    if not read.end and not read.empty_line:
        made += b"\r\n"  # a text without a header: ours would swallow its first line
    return made


def marked(place: Place, case: Case, ruled: ruling.Ruling, block: bytes) -> tuple[bytes, bytes, Notes]:
    """(what the checks have to say, to stand on top of all; the header without what they want out of it; the same for
    the journal)."""
    removed = {name for verdict in ruled.verdicts for name in verdict.remove}
    marks = list(_spam(ruled))
    if marks:
        removed.update(_OURS)
    utf8 = case.mail.smtputf8
    made = [_field(name, value, utf8) for name, value in marks]
    made += [_field(name, value, utf8) for verdict in ruled.verdicts for name, value in verdict.fields]
    auth = place.filters.auth
    findings = evidence.findings(case, ruled)
    place.tally.found(findings)
    told = ""
    if findings:
        payload = write.payload(Results(place.authserv_id, findings), utf8=utf8)
        told = evidence.text(payload)
        if auth.results:
            made.append(b"Authentication-Results: " + payload + b"\r\n")
    spf = case.authenticity.spf
    if spf is not None and auth.received_spf:
        sender = "" if case.mail.sender is None else str(case.mail.sender)
        made.append(spf_trace.received_spf(spf, case.source.ip, sender, case.source.helo, place.hostname))
    block = mend.without(block, removed) if removed else block
    return b"".join(made), block, evidence.notes(case, ruled, told)


def _spam(ruled: ruling.Ruling) -> Iterator[tuple[str, str]]:
    """The fields that mail programs and Sieve scripts look for."""
    if ruled.action not in (ruling.TAG, ruling.JUNK, ruling.QUARANTINE):
        return
    if ruled.action != ruling.TAG:
        yield "X-Spam-Flag", "YES"
    yield "X-Spam-Score", f"{ruled.score:g}"
    tests = ",".join(dict.fromkeys(verdict.check for verdict in ruled.verdicts if verdict.action != ruling.ACCEPT))
    word = "No" if ruled.action == ruling.TAG else "Yes"
    yield "X-Spam-Status", f"{word}, score={ruled.score:g} action={ruled.action} tests={tests or 'score'}"


def _field(name: str, value: str, utf8: bool) -> bytes:
    """One field with its line end, whatever the check handed in."""
    name = _NOT_IN_A_NAME.sub("-", name) or "X-Unnamed"
    text = _CONTROLS.sub(" ", _FOLD.sub(" ", value)).strip()
    octets = text.encode("utf-8" if utf8 else "ascii", "replace")
    return _folded(name.encode(), octets)


def _folded(name: bytes, value: bytes) -> bytes:
    """Folded at spaces beyond 78 octets; what has no space within a line's limit is cut."""
    lines, line = [], name + b":"
    for word in (each[: _LINE - 100] for each in value.split(b" ")):
        if len(line) + 1 + len(word) > 78 and line.strip() and line != name + b":":
            lines.append(line)
            line = b" " + word
        else:
            line += b" " + word
    lines.append(line)
    return b"\r\n".join(lines) + b"\r\n"
