"""rspamd: a letter given to rspamd over HTTP, and its opinion: action, score, symbols, fields to add and to remove.

Made by app from [rspamd]; called by net.service, which gives it its time-out.
Never decides what an action means for a letter.
Fails with OSError when it cannot be reached, PeerError on any answer but 200 with the JSON of /checkv2.

Source: "Rspamd HTTP protocol" of its documentation: POST /checkv2, request headers, the reply's keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hatoba.model import edits
from hatoba.model.edits import Edits, FieldEdit
from hatoba.model.opinion import Question, Rated
from hatoba.model.status import PeerError, Status
from hatoba.net import fields
from hatoba.net.http import Http

_SYMBOLS_MOST = 200


class _Symbol(msgspec.Struct):
    score: float = 0.0


class _Milter(msgspec.Struct):
    add_headers: dict[str, Any] = {}
    remove_headers: dict[str, Any] = {}


class _Reply(msgspec.Struct, rename={"signature": "dkim-signature"}):
    """What is read of the reply; a key that is not here is passed over."""

    action: str
    score: float
    required_score: float
    symbols: dict[str, _Symbol] = {}
    messages: dict[str, Any] = {}
    subject: str | None = None
    milter: _Milter = msgspec.field(default_factory=_Milter)
    signature: str | list[str] = []


class Rspamd:
    """The scanner at `url` ("http://host:11333", "unix:/path"). `profile`: the Settings-ID, "" for none."""

    def __init__(self, url: str, *, parallel: int, password: str = "", profile: str = "") -> None:
        self._http = Http(_with_path(url), parallel=parallel)
        self._password = password
        self._profile = profile

    async def __call__(self, question: Question) -> Rated:
        answer = await self._http.post(self._headers(question), question.size, question.pieces)
        if answer.status != 200:
            raise PeerError(Status("4.3.0", f"rspamd: HTTP status {answer.status}"))
        return read(answer.body)

    async def close(self) -> None:
        await self._http.close()

    def _headers(self, question: Question) -> list[tuple[str, str]]:
        version, _, cipher = question.tls.partition(" ")
        said = [
            ("From", question.sender),
            *(("Rcpt", recipient) for recipient in question.recipients),
            ("IP", question.ip),
            ("Helo", question.helo),
            ("Hostname", question.client or ("unknown" if question.ip else "")),
            ("User", question.account),
            ("Queue-Id", question.id),
            ("MTA-Name", question.hostname),
            ("TLS-Version", version),
            ("TLS-Cipher", cipher),
            ("Settings-ID", self._profile),
            ("Password", self._password),
            ("Content-Type", "application/octet-stream"),
        ]
        return [(name, value) for name, value in said if value]


def read(body: bytes) -> Rated:
    """The opinion in a reply. PeerError when it is none, or asks for a field that would break out of its line."""
    try:
        reply = msgspec.json.decode(body, type=_Reply)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(Status("4.3.0", f"rspamd: no answer of /checkv2: {error}"[:200])) from None
    if not all(map(str.isprintable, (reply.action, *reply.symbols))):
        raise PeerError(Status("4.3.0", "rspamd: unprintable words"))
    symbols = sorted(((name, each.score) for name, each in reply.symbols.items()), key=lambda each: -abs(each[1]))
    text = reply.messages.get("smtp_message")
    subject = None if reply.subject is None else fields.checked("Subject", reply.subject)[1]
    return Rated(
        reply.action,
        reply.score,
        reply.required_score,
        tuple(symbols[:_SYMBOLS_MOST]),
        text if isinstance(text, str) and text.isprintable() else "",
        subject,
        Edits((*_removed(reply.milter.remove_headers), *_added(reply))),
    )


def _added(reply: _Reply) -> Iterator[FieldEdit]:
    """Each a string, an object with a value and an order, or a list of these. Without an order it goes on top."""
    count = 0
    for name, given in reply.milter.add_headers.items():
        for each in given if isinstance(given, list) else [given]:
            value, order = (each.get("value"), each.get("order")) if isinstance(each, dict) else (each, None)
            count += 1
            if not isinstance(value, str) or count > fields.COUNT_MOST:
                raise PeerError(Status("4.3.0", f"rspamd: a field {name[:80]!r} without a value, or too many"))
            yield _field(name, value, order if isinstance(order, int) and order > 0 else 0)
    for signature in [reply.signature] if isinstance(reply.signature, str) else reply.signature:
        yield _field("DKIM-Signature", signature, 0)


def _field(name: str, value: str, order: int) -> FieldEdit:
    checked, text = fields.checked(name, value)
    return FieldEdit(edits.INSERT, checked.encode("ascii"), b" " + text.encode(), order)


def _removed(given: dict[str, Any]) -> Iterator[FieldEdit]:
    """A name and which of its fields: 0 all, 1 the first, -1 the last; or a list of these."""
    for name, which in given.items():
        fields.checked(name, "")
        for index in which if isinstance(which, list) else [which]:
            if isinstance(index, int) and abs(index) <= fields.COUNT_MOST:
                yield FieldEdit(edits.CHANGE, name.encode("ascii"), b"", index)


def _with_path(url: str) -> str:
    """/checkv2 where the URL names no path."""
    if url.startswith("unix:"):
        return url if ":" in url.removeprefix("unix:") else f"{url}:/checkv2"
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rstrip('/')}/checkv2" if "/" not in rest.rstrip("/") else url
