"""The adapter of the MIME vectors: whole letters (mime_parse) and single header fields (header_parse).

Called by the adapter of all vectors, for the runner.
Never looks at a case's name: it asks message.structure and puts the answers into the runner's form.
Fails never; a kind of field that hatoba does not read (Received) is NotImplemented.
"""

from datetime import datetime, timedelta, timezone
from typing import Any

from hatoba.message import attributes, charsets, parameters, words
from hatoba.message.structure import addresses, dates, digest, envelope, head, parts, tree


def mime_parse(raw: bytes) -> dict[str, Any]:
    """A letter in the runner's form."""
    root = tree.scan(raw).root
    lists = envelope.lists(root.fields)
    leaves: list[dict[str, Any]] = []
    found: dict[str, Any] = {
        name: [_pair(entry) for entry in lists.get(name.encode(), ()) if entry.host is not None]
        for name in ("from", "to", "cc")
    }
    subject = root.fields.get(b"subject")
    found["subject"] = words.decode(subject[0]) if subject else None
    moment = dates.read(head.first(root.fields, b"date"))
    found["date"] = _iso(moment) if moment else None
    found["tree"] = _tree(root, leaves)
    found["leaves"] = leaves
    return found


def _iso(moment: dates.Moment) -> str:
    zone = timezone(timedelta(minutes=moment.zone))
    parts_ = (moment.year, moment.month, moment.day, moment.hour, moment.minute, min(moment.second, 59))
    return datetime(*parts_, tzinfo=zone).isoformat(timespec="seconds")


def _shown(entry: addresses.Entry) -> str | None:
    return words.decode(entry.name) if entry.name else None


def _pair(entry: addresses.Entry) -> list[str | None]:
    """[name, address]; words without a host name somebody and are no address."""
    return [_shown(entry), _address(entry)] if entry.host or entry.name else [_address(entry), None]


def _address(entry: addresses.Entry) -> str:
    box, host = words.decode(entry.mailbox or b""), words.decode(entry.host or b"")
    return f"{box}@{host}" if host else box


def _tree(part: parts.Part, leaves: list[dict[str, Any]]) -> Any:
    if part.media.startswith("multipart/"):
        return ["multipart", *[_tree(child, leaves) for child in part.parts]]
    message = part.message
    if message is None and part.media in parts.MESSAGES:  # a letter that was encoded, against RFC 2046 §5.2.1
        message = tree.scan(part.decoded)
    if message is not None:
        leaves.append({"type": part.media, "begin": True})
        return ["message", _tree(message.root, leaves)]
    octets = part.decoded
    leaf = {"type": part.media, "bytes": octets, "filename": part.name or None}
    if part.media.startswith("text/"):
        leaf["text"] = charsets.decode(octets, part.charset).replace("\r\n", "\n")
    leaves.append(leaf)
    return "leaf"


def header_parse(kind: str, text: str) -> Any:
    """One field's value in the form of its kind."""
    fields = head.fields(block := b"x:" + text.encode().strip(b"\r\n"), 0, len(block))
    value = head.first(fields, b"x")
    if kind in ("unstructured", "encoded_word"):
        return words.decode(value)
    if kind == "date":
        return _date(value)
    if kind == "address":
        return _addresses(value)
    if kind == "content_type":
        return _content_type(value)
    if kind == "id":
        ids = [each[1:-1] for each in digest.message_ids(value) or digest.bare_id(value)]
        return ids or None
    if kind == "list":
        return [item for item in map(str.strip, words.decode(value).split(",")) if item]
    return NotImplemented


def _date(value: bytes) -> dict[str, Any] | None:
    moment = dates.read(value)
    if moment is None:
        return None
    names = ("year", "month", "day", "hour", "minute", "second")
    return {
        **{name: getattr(moment, name) for name in names},
        "tz_before_gmt": moment.zone < 0, "tz_hour": abs(moment.zone) // 60, "tz_minute": abs(moment.zone) % 60,
    }  # fmt: skip


def _addresses(value: bytes) -> dict[str, Any]:
    groups: list[dict[str, Any]] = [{"name": None, "addresses": []}]
    for entry in addresses.read(value):
        if entry.host is None:
            groups.append({"name": words.decode(entry.mailbox) if entry.mailbox else None, "addresses": []})
        else:
            groups[-1]["addresses"].append({"name": _shown(entry), "address": _address(entry)})
    if len(groups) == 1:
        return {"List": groups[0]["addresses"]}
    return {"Group": [group for group in groups if group["name"] or group["addresses"]]}


def _content_type(value: bytes) -> dict[str, Any] | None:
    kind, _, subtype = attributes.read(value).value.decode().partition("/")
    if not kind:
        return None
    pairs = [[name, text] for name, text in parameters.read(value).parameters.items() if text]
    return {"c_type": kind, "c_subtype": subtype or None, "attributes": pairs or None}
