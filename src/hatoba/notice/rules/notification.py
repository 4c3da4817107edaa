"""Notification: the letter that tells of a letter. # RFC 5436 §2.7

Called by local delivery.
Never tells what was in the letter beyond who sent it and its subject, where the rule has no words of its own.
Fails never.
"""

from hatoba.message import build, encode
from hatoba.model.address import Address, BadAddress
from hatoba.model.envelope import Letter
from hatoba.notice.rules import about as abouts
from hatoba.sieve import actions

_IMPORTANCE = {1: "high", 3: "low"}  # of 2 nothing is said
_LABELS = {"en": ("From", "Subject"), "ja": ("差出人", "件名")}
_OWN = frozenset({"auto-submitted", "from", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references",
                  "importance"})  # fmt: skip


def compose(action: actions.Notify, about: abouts.About) -> Letter | None:
    """The letter; None where no address can be written to. Its sender is the person, or nobody where the letter that
    arrived came from nobody. # RFC 5436 §2.7
    """
    to, cc = _addresses(action.to), _addresses(action.cc)
    if not to and not cc:
        return None
    owner = encode.parameter("owner-email", str(about.owner))  # RFC 5436 §2.7.1
    fields = abouts.common(
        about,
        abouts.author(about, action.sender),
        ", ".join(map(str, to or cc)),
        action.subject,
        f"auto-notified; {owner}",
    )
    if to and cc:
        fields.append(("Cc", ", ".join(map(str, cc))))
    if weight := _IMPORTANCE.get(action.importance):
        fields.append(("Importance", weight))
    fields += [(name, encode.unstructured(value)) for name, value in action.fields if name.lower() not in _OWN]
    body = build.text(action.text or _text(about))
    return abouts.letter(about, fields, body, to + cc, None if about.sender is None else about.owner)


def _addresses(texts: tuple[str, ...]) -> tuple[Address, ...]:
    found = []
    for text in texts:
        try:
            found.append(Address.parse(text))
        except BadAddress:
            continue
    return tuple(found)


def _text(about: abouts.About) -> str:
    """Who wrote and what about. # RFC 5435 §3.6"""
    header = about.header
    lines = [
        f"{label}: {header.text(name)}"
        for label, name in zip(_LABELS[about.language], (b"from", b"subject"), strict=True)
    ]
    return "\n".join(lines) + "\n"
