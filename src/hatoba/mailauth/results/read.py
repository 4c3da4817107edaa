"""Authentication-Results of others, read: strictly where it counts (who speaks), leniently in what they say.

Called by ARC, filters and results.remove with the value of a field, folded or not.
Never recurses and reads each octet a few times at most: nested comments cost no more than their length.
Fails with BadResults when quotes or comments do not close or nothing is said; other rubbish is passed over.
"""

import re

from hatoba.mailauth.results.finding import Finding, Property, Results
from hatoba.message import words

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_STRING = re.compile(_QUOTED, re.DOTALL)
_OUTSIDE = re.compile(r'[^(";]+')
_LONGEST = 65536  # characters of a field; a longer one tells more than anybody found out
_VALUE = rf'(?:{_QUOTED}|[^\s"])+'
_WORD = r"[A-Za-z0-9](?:[\w-]*[A-Za-z0-9])?"
# RFC 8601 §2.2: methodspec, reasonspec and propspec, comments taken out. Behind "= " the next pair is no value.
_PAIR = re.compile(
    rf"(?P<name>{_WORD})(?:\s*\.\s*(?P<property>{_WORD}))?(?:\s*/\s*[0-9]+)?\s*="
    rf"(?:(?P<tight>{_VALUE})|\s+(?!{_WORD}(?:\s*\.\s*{_WORD})?\s*=)(?P<loose>{_VALUE}))?",
    re.ASCII,
)
_REST = re.compile(rf'\s+|{_QUOTED}|[^\s"]+', re.ASCII)
_SPEAKER = re.compile(rf"\s*(?P<id>{_QUOTED}|[^\s\"=]+)(?:\s+(?P<version>[0-9]{{1,4}}))?\s*", re.ASCII)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class BadResults(ValueError):
    """The text is no Authentication-Results; the message says why."""


def parse(value: bytes | str) -> Results:
    """What a field says. BadResults."""
    if len(value) > _LONGEST:
        raise BadResults("the field is too long")
    parts, comments = _parts(words.raw(value) if isinstance(value, bytes) else value)
    speaker = _SPEAKER.fullmatch(parts[0])
    if speaker is None and not _PAIR.match(parts[0].lstrip()):
        raise BadResults("the field does not say who speaks")
    findings = []
    for part, comment in list(zip(parts, comments, strict=True))[1 if speaker else 0 :]:
        found = _finding(part, comment)
        if found:
            findings.append(found)
    if speaker is None:
        return Results("", tuple(findings))
    return Results(_unquoted(speaker["id"]), tuple(findings), int(speaker["version"] or 1))


def _parts(text: str) -> tuple[list[str], list[str]]:
    """The parts between semicolons without comments, and the first comment in each."""
    parts: list[list[str]] = [[]]
    comments = [""]
    at = 0
    while at < len(text):
        sign = text[at]
        if sign == "(":
            end = _comment(text, at)
            comments[-1] = comments[-1] or _ESCAPED.sub(r"\1", " ".join(text[at + 1 : end - 1].split()))
            parts[-1].append(" ")
        elif sign == ";":
            end = at + 1
            parts.append([])
            comments.append("")
        else:
            found = _STRING.match(text, at) if sign == '"' else _OUTSIDE.match(text, at)
            if found is None:
                raise BadResults("a quoted string does not end")
            end = found.end()
            parts[-1].append(found[0])
        at = end
    return ["".join(part) for part in parts], comments


def _comment(text: str, at: int) -> int:
    """Where the comment that begins here ends. # RFC 5322 §3.2.2"""
    depth = 0
    while at < len(text):
        sign = text[at]
        depth += (sign == "(") - (sign == ")")
        at += 2 if sign == "\\" else 1
        if not depth:
            return at
    raise BadResults("a comment does not end")


def _finding(part: str, comment: str) -> Finding | None:
    """One resinfo; None for "none" and for what is no resinfo."""
    pairs = _pairs(part)
    if not pairs or pairs[0][1]:
        return None
    (method, _, result), *others = pairs
    reason = ""
    properties = []
    for ptype, name, value in others:
        if name:
            properties.append(Property(ptype, name, value))
        elif ptype == "reason":
            reason = reason or value
        else:
            properties.append(Property("", ptype, value))
    return Finding(method, result.lower(), tuple(properties), reason, comment)


def _pairs(part: str) -> list[tuple[str, str, str]]:
    """(name, property or "", value) of each "name=value" or "name.property=value"; other words are passed over."""
    found: list[tuple[str, str, str]] = []
    at = 0
    while at < len(part):
        pair = _PAIR.match(part, at)
        if pair:
            value = _unquoted(pair["tight"] or pair["loose"] or "")
            found.append((pair["name"].lower(), (pair["property"] or "").lower(), value))
            at = pair.end()
        else:
            rest = _REST.match(part, at)
            at = rest.end() if rest else at + 1
    return found


def _unquoted(value: str) -> str:
    if value.startswith('"') and _STRING.fullmatch(value):
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value
