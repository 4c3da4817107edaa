"""Vacation: the reply that says that a person is away. # RFC 5230 §5

Called by local delivery, when the store says that none with this handle went to the sender of late.
Never decides whether a reply is due: the rule has (hatoba.sieve.running.replying).
Fails never: a MIME text that SMTP could not carry is encoded, or sent as plain text.
"""

from hatoba.message import build, encode, headers, parameters
from hatoba.model.address import Address, BadAddress
from hatoba.model.envelope import Letter
from hatoba.notice.rules import about as abouts
from hatoba.sieve import actions

_PREFIX = "Auto: "  # RFC 5230 §5.3
_UNTITLED = {"en": "Automated reply", "ja": "自動応答"}
_SUBJECT_MOST = 200  # characters of the other one's subject
_WRAPPERS = ("multipart/", "message/")  # may have no encoding but 7bit and 8bit  # RFC 2045 §6.4


def compose(action: actions.Vacation, about: abouts.About) -> Letter | None:
    """The reply, from nobody to the sender of the letter; None where there is nobody to reply to. # RFC 5230 §5.1"""
    try:
        to = Address.parse(action.to)
    except BadAddress:
        return None
    fields = abouts.common(about, abouts.author(about, action.sender), str(to), _subject(action, about), "auto-replied")
    return abouts.letter(about, fields, _body(action), (to,))


def _subject(action: actions.Vacation, about: abouts.About) -> str:
    if action.subject:
        return action.subject
    theirs = about.header.text(b"subject")[:_SUBJECT_MOST]
    return _PREFIX + theirs if theirs else _UNTITLED[about.language]


def _body(action: actions.Vacation) -> build.Part:
    """The text of the reply, or the MIME entity that it is, of which only fields of content stay. # RFC 5230 §4.4"""
    octets = build.canonical(action.text)
    if not action.mime:
        return build.text(action.text)
    head = headers.scan(octets)
    body = octets[head.end :] if head.end < len(octets) else b""
    type_ = (head.first(b"content-type") or b"text/plain; charset=utf-8").decode("ascii", "replace")
    others = tuple(
        (name.decode("ascii"), value.decode("ascii", "replace"))
        for name, value in head.fields()
        if name.lower().startswith(b"content-") and name.lower() not in (b"content-type", b"content-transfer-encoding")
    )
    encoding = (head.first(b"content-transfer-encoding") or b"").decode("ascii", "replace").lower()
    if build.seven_bit(body):
        return build.Part(type_, body, encoding or "7bit", others)
    if parameters.read(type_.encode()).value.startswith(_WRAPPERS) and build.eight_bit(body):
        return build.Part(type_, body, "8bit", others)
    return build.encoded(encode.clean(type_), body, others)
