"""Digest: the Summary of a letter: all that the store keeps so that nothing is parsed again.

Called by those who put letters into mailboxes, once for each letter.
Never decodes an attachment that is no text.
Fails never.
"""

import re

import msgspec

from hatoba.message import words as encoded
from hatoba.message.structure import body, dates, envelope, prose, subject, table, tree
from hatoba.message.structure.addresses import Entry
from hatoba.message.structure.head import Fields, first
from hatoba.message.structure.parts import Part

REFERENCES_MOST = 200  # ids of one letter; the first and the last ones of more
_ID = re.compile(rb'<\s*+((?:"(?:[^"\\]|\\.)*+"|[^\s<>"])++)\s*+>')
_BARE = re.compile(rb"[^\s<>@]{1,200}@[^\s<>@]{1,255}")
_QUOTED_ID = re.compile(rb'"((?:[^"\\]|\\.)*+)"')
_PAIR = re.compile(rb"\\(.)")


_SHOWN = frozenset({"text/plain", "text/html", "text/enriched"})
_TECHNICAL = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature",
                        "application/pgp-encrypted", "message/delivery-status", "message/disposition-notification",
                        "message/feedback-report"})  # fmt: skip


class Sort(msgspec.Struct, frozen=True, gc=False):
    """Sort keys, ready to be compared (prose.collated). # RFC 5256 §2.2, §3, RFC 5957"""

    from_: str = ""  # addr-mailbox of the first address
    to: str = ""
    cc: str = ""
    subject: str = ""  # the base subject
    sent: int = 0  # ms since 1970 of Date, 0 when there is none
    display_from: str = ""
    display_to: str = ""
    day: int = 0  # date.toordinal() of Date as written, whatever its zone: SENTON; 0 when there is none
    reply: bool = False  # the subject says that it is a reply or forward


class Words(msgspec.Struct, frozen=True, gc=False):
    """The text for searches, folded: what the header holds, names too, and what all text parts hold."""

    head: str = ""  # a line for each field: "subject: ..."
    body: str = ""


class Summary(msgspec.Struct, frozen=True):
    """What a letter is, for the store: see the fields."""

    envelope: bytes  # "(...)", IMAP text
    body: bytes
    structure: bytes  # BODYSTRUCTURE
    offsets: bytes  # table.pack
    header_end: int
    sort: Sort
    message_id: str
    references: list[str]  # of References, else the first of In-Reply-To, in order  # RFC 5256 §3
    preview: str
    attachments: bool
    words: Words


def summary(raw: bytes) -> Summary:
    """The Summary of a letter."""
    mail = tree.scan(raw)
    root = mail.root
    fields = root.fields
    lists = envelope.lists(fields)
    plain, structure = body.both(root)
    texts, shown = _read(root)
    ids = message_ids(first(fields, b"message-id")) or bare_id(first(fields, b"message-id"))
    return Summary(
        envelope.text(fields, lists),
        plain,
        structure,
        table.pack(mail),
        root.body,
        _sort(fields, lists),
        ids[0] if ids else "",
        _references(fields),
        prose.preview(shown),
        _attached(root),
        Words(prose.folded_lines(prose.header(raw, root.head, root.body)), prose.folded(texts)[: prose.TEXT_MOST]),
    )


def _read(root: Part) -> tuple[str, str]:
    """(the text of all text parts, that of the part a preview is made of)."""
    left = prose.TEXT_MOST
    out: list[str] = []
    shown = ""
    for part in prose.texts(root):
        if left <= 0:
            break
        left -= part.size
        out.append(readable := prose.text(part, max(left + part.size, 0)))
        if not shown and readable.strip():
            shown = readable
    return "\n".join(out), shown


def _sort(fields: Fields, lists: dict[bytes, list[Entry]]) -> Sort:
    title, reply = subject.base(encoded.decode(first(fields, b"subject")))
    moment = dates.read(first(fields, b"date"))
    origin, to, cc = (lists.get(name) for name in (b"from", b"to", b"cc"))
    return Sort(
        _box(origin), _box(to), _box(cc), prose.collated(title), moment.ms if moment else 0,
        _display(origin), _display(to), moment.ordinal if moment else 0, reply,
    )  # fmt: skip


def _box(entries: list[Entry] | None) -> str:
    return prose.collated(encoded.decode(entries[0].mailbox or b"")) if entries else ""


def _display(entries: list[Entry] | None) -> str:
    """The display name of the first address, else the address. # RFC 5957 §3"""
    if not entries:
        return ""
    name, _, box, host = entries[0]
    if name:
        return prose.collated(encoded.decode(name))
    address = (box or b"") + (b"@" + host if host else b"")
    return prose.collated(encoded.decode(address))


def message_ids(value: bytes) -> list[str]:
    """The message ids of a field, brackets included; a quoted local part that needs no quotes has none."""
    out = []
    for text in _ID.findall(value):
        if b'"' in text:
            text = _QUOTED_ID.sub(lambda found: _PAIR.sub(rb"\1", found[1]), text)  # noqa: PLW2901  the same id
        out.append("<" + text.decode("utf-8", "replace") + ">")
    return out


def bare_id(value: bytes) -> list[str]:
    """An id that lacks its brackets, as broken programs write it."""
    return [f"<{encoded.raw(value)}>"] if _BARE.fullmatch(value) else []


def _references(fields: Fields) -> list[str]:
    found = [id_ for value in fields.get(b"references", ()) for id_ in message_ids(value)]
    if not found:
        return message_ids(first(fields, b"in-reply-to"))[:1]
    unique = list(dict.fromkeys(found))
    return unique if len(unique) <= REFERENCES_MOST else [*unique[:1], *unique[-REFERENCES_MOST + 1 :]]


def _attached(part: Part) -> bool:
    """Whether people would find something to save in it."""
    if part.parts:
        return any(map(_attached, part.parts))
    disposition = part.disposition.value
    if disposition == b"attachment" or part.message is not None:
        return True
    if part.media.startswith("text/"):
        return part.media not in _SHOWN and part.name != ""
    return part.media not in _TECHNICAL and not (part.media.startswith("image/") and part.id != b"")
