"""Keeping: what a mailbox file says of its letters: flags, keywords, labels, times, in the fields programs put there.

Called by mbox and by importers and exporters.
Never leaves such a field in the letter: they are the file's, not the sender's.
Fails never: a field that cannot be read says nothing.
"""

import re

import msgspec

from hatoba.message import cut, headers
from hatoba.message.structure import dates

SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = "\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"
FORWARDED = "$Forwarded"  # the keyword of RFC 9051 §2.3.2
KEYWORDS_MOST = 64  # of one letter
_STATUS = {"R": SEEN, "A": ANSWERED, "F": FLAGGED, "D": DELETED, "T": DRAFT}
_MOZILLA = ((0x1, SEEN), (0x2, ANSWERED), (0x4, FLAGGED), (0x8, DELETED), (0x1000, FORWARDED))
_GMAIL = {"starred": FLAGGED, "drafts": DRAFT, "draft": DRAFT}
_KEYWORD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|~]{1,100}")  # an atom that is no system flag
_FIELDS = frozenset({
    b"status", b"x-status", b"x-keywords", b"x-uid", b"x-imap", b"x-imapbase", b"x-mozilla-status",
    b"x-mozilla-status2", b"x-mozilla-keys", b"x-gmail-labels", b"x-gm-thrid", b"content-length",
})  # fmt: skip
_RECEIVED = re.compile(rb";\s*([^;]*)$")


class Kept(msgspec.Struct, frozen=True):
    """One letter out of a mailbox file."""

    content: bytes  # lines end in CRLF; the file's own fields are taken out
    flags: tuple[str, ...] = ()  # as IMAP writes them, keywords too
    internal: int = 0  # ms since 1970 when it came; 0 unknown
    labels: tuple[str, ...] = ()  # boxes it is in by its labels (Gmail), as text
    start: int = 0  # offset of its first octet in the file, for going on later
    end: int = 0  # offset behind it
    fault: str = ""  # why content is not the letter: "" for none


def read(content: bytes, internal: int = 0) -> Kept:
    """A letter with the fields of a mailbox file in its header. `internal`: when it came, where the file says so."""
    head = headers.scan(content)
    flags: dict[str, None] = {}
    for name in (b"status", b"x-status"):
        for letter in head.text(name).upper():
            flags.update({_STATUS[letter]: None} if letter in _STATUS else {})
    flags.update(_mozilla(head.text(b"x-mozilla-status")))
    labels = _labels(head.text(b"x-gmail-labels"))
    said = {label.lower() for label in labels}
    if said:
        flags.update({flag: None for label, flag in _GMAIL.items() if label in said})
        flags.update({} if "unread" in said else {SEEN: None})
    for word in (head.text(b"x-keywords") + " " + head.text(b"x-mozilla-keys")).split()[:KEYWORDS_MOST]:
        if _KEYWORD.fullmatch(word):
            flags[word] = None
    return Kept(b"".join(parted(content, head)), tuple(flags), internal or _moment(head), labels)


def parted(content: bytes, head: headers.Headers | None = None) -> tuple[bytes, bytes]:
    """(the header fields of a letter without those of a mailbox file, its empty line and body)."""
    head = head or headers.scan(content)
    block = head.block
    if any(head.has(name) for name in _FIELDS):
        block = b"".join(piece.octets for piece in cut.pieces(block) if piece.name not in _FIELDS)
    return block, content[len(head.block) :]


def written(flags: tuple[str, ...]) -> bytes:
    """The fields Status, X-Status and X-Keywords that say so, each with its line end."""
    known = {flag.lower() for flag in flags}
    letters = "".join(letter for letter, flag in _STATUS.items() if letter != "R" and flag.lower() in known)
    keywords = [flag for flag in flags if not flag.startswith("\\") and _KEYWORD.fullmatch(flag)]
    lines = [f"Status: {'RO' if SEEN.lower() in known else 'O'}"]
    if letters:
        lines.append(f"X-Status: {letters}")
    if keywords:
        lines.append(f"X-Keywords: {' '.join(keywords)}")
    return "".join(line + "\r\n" for line in lines).encode()


def _mozilla(text: str) -> dict[str, None]:
    try:
        bits = int(text[:8], 16)
    except ValueError:
        return {}
    return {flag: None for bit, flag in _MOZILLA if bits & bit}


def _labels(text: str) -> tuple[str, ...]:
    """Of X-Gmail-Labels: the names between commas, those in quotes as one."""
    found = re.findall(r'\s*(?:"([^"]*)"|([^,"]+))\s*(?:,|$)', text[:8192])
    return tuple(dict.fromkeys((quoted or plain).strip() for quoted, plain in found if (quoted or plain).strip()))


def _moment(head: headers.Headers) -> int:
    """When it came by its topmost Received, else when it was sent; 0 when neither says."""
    received = _RECEIVED.search(head.first(b"received") or b"")
    for field in (received[1] if received else b"", head.first(b"date") or b""):
        if found := dates.read(field):
            return max(found.ms, 0)
    return 0
