"""The part of a DSN for people: what happened, to whom, what the other server said and what to do, in two languages.

Called by dsn.
Never says what a status code does not: a reply of the peer is quoted as it stands.
Fails never.
"""

import functools
import textwrap
from collections.abc import Sequence

import msgspec

from hatoba.message import encode
from hatoba.model import domain
from hatoba.model.address import Address
from hatoba.model.outcome import Outcome
from hatoba.notice import texts_en, texts_ja
from hatoba.notice.texts import Reason, Texts

WIDTH = 76
LANGUAGES = {"en": texts_en.TEXTS, "ja": texts_ja.TEXTS}
_RULE = "-" * 72
_REPLY_MOST = 2000
_NEVER_FIRST = "、。」』）・ー,.!?)"  # on a line


class Story(msgspec.Struct, frozen=True):
    """All that the text tells. Times are written out already; "" is not told."""

    kind: str
    host: str  # ours
    letter: str  # its id as text
    subject: str
    sent: str
    until: str
    server: str  # the peer's host name
    told: Sequence[tuple[Address, Outcome]]


def subject(kind: str, language: str) -> str:
    """The Subject of a DSN."""
    return LANGUAGES[language].subject[kind]


def text(story: Story, language: str) -> str:
    """The whole text: `language` first, the others after it. Lines are at most 76 columns where words allow."""
    order = [language, *(other for other in LANGUAGES if other != language)]
    return f"\n\n{_RULE}\n\n".join(_one(story, LANGUAGES[name]) for name in order) + "\n"


def _one(story: Story, texts: Texts) -> str:
    opening = texts.opening[story.kind].format(host=story.host, until=story.until)
    facts = [
        f"{label}: {value}"
        for label, value in (
            (texts.facts.subject, encode.clean(story.subject)),
            (texts.facts.sent, story.sent),
            (texts.facts.letter, story.letter),
        )
        if value
    ]
    blocks = [_recipient(story, texts, address, outcome) for address, outcome in story.told]
    return "\n\n".join([wrapped(opening, ""), "\n".join(wrapped(fact, "  ") for fact in facts), *blocks, texts.closing])


def _recipient(story: Story, texts: Texts, address: Address, outcome: Outcome) -> str:
    """The block of one recipient."""
    lines = [f"{texts.facts.to}: <{_shown(address)}>"]
    if story.kind in ("success", "relayed", "expanded"):
        lines.append(wrapped(_good_news(story, texts), "  "))
        return "\n".join(lines)
    reason = _reason(texts, outcome)
    lines += [f"  {texts.happened}:", wrapped(reason.happened, "    ")]
    said = encode.clean(outcome.reply or outcome.status.text)[:_REPLY_MOST].strip()
    if outcome.reply and said:
        label = texts.reply.format(server=story.server) if story.server else texts.reply_unnamed
        lines += [f"  {label}:", wrapped(said, "    ")]
    elif said:
        lines.append(wrapped(f"({outcome.status.code} {said})", "    "))
    if story.kind == "failure":
        lines += [f"  {texts.advice}:", wrapped(reason.advice, "    ")]
    return "\n".join(lines)


def _good_news(story: Story, texts: Texts) -> str:
    if story.kind == "success":
        return texts.delivered
    if story.kind == "expanded":
        return texts.expanded
    return texts.relayed.format(server=story.server) if story.server else texts.relayed_unnamed


def _reason(texts: Texts, outcome: Outcome) -> Reason:
    """By subject and detail of the status, else by its subject, else the general one."""
    _, _, rest = outcome.status.code.partition(".")
    reasons = texts.reasons
    return reasons.get(rest) or reasons.get(rest.partition(".")[0]) or reasons[""]


def _shown(address: Address) -> str:
    """The address with its U-labels beside its wire form, where they differ."""
    human = domain.human(address.domain)
    written = str(address)
    return written if human == address.domain else f"{written[: -len(address.domain)]}{human}"


def moment(at: int, zone: int) -> str:
    """A time (ms since 1970) as both languages read it: 2026-01-31 09:05 +0900. `zone` is minutes east of Greenwich."""
    return f"{encode.moment(at, zone):%Y-%m-%d %H:%M} {encode.offset(zone)}"


@functools.lru_cache(maxsize=512)  # most of what is wrapped are sentences of the language itself
def wrapped(text: str, indent: str) -> str:
    """`text` in lines of 76 columns, Japanese characters counted as two. Words are not cut; Japanese is, anywhere."""
    if text.isascii():
        return textwrap.fill(
            text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
    lines, line = [], ""
    for piece in _pieces(text):
        if line and len(indent) + _columns(line + piece) > WIDTH and piece[0] not in _NEVER_FIRST:
            lines.append(indent + line.rstrip())
            line = piece.lstrip(" ")
        else:
            line += piece
    return "\n".join([*lines, indent + line.rstrip()])


def _columns(text: str) -> int:
    return sum(1 if character.isascii() else 2 for character in text)


def _pieces(text: str) -> list[str]:
    """Runs of ASCII without spaces (a space leads its run), every other character alone."""
    pieces: list[str] = []
    for character in text:
        if pieces and character.isascii() and character != " " and pieces[-1][-1].isascii():
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces
