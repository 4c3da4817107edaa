"""hook: a letter told to a program of the operator's as one JSON object over HTTP, signed, and its verdict.

Made by app for each [[hook]]; called by net.service, which gives it its time-out.
Never holds a large letter in memory: it is read twice, once to sign it and once to send it.
Fails with OSError when nobody answers, PeerError on any answer but 200 with a verdict, or 204.

The form of request and answer is ours and stands in docs/filtering-services.md.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Literal

import msgspec

from hatoba.model.opinion import Hooked, Question
from hatoba.model.status import PeerError, Status
from hatoba.net import fields
from hatoba.net.http import Http

FORM = 1
_AT_ONCE = 256 * 1024  # octets that are signed without a thread
_PIECE = 48 * 1024  # a multiple of 3: base64 without padding in the middle


class _Reply(msgspec.Struct):
    action: Literal["accept", "allow", "tag", "junk", "quarantine", "discard", "greylist", "defer", "reject"] = "accept"
    score: float = 0.0
    reason: str = ""
    code: str = ""
    fields: dict[str, str] | list[tuple[str, str]] = {}
    remove: list[str] = []


class Hook:
    """The program at `url`. `content`: "none", "header" or "whole"; `secret`: "" signs nothing."""

    def __init__(self, url: str, *, parallel: int, secret: str = "", content: str = "whole") -> None:
        self._http = Http(url, parallel=parallel)
        self._secret = secret.encode()
        self._content = content

    async def __call__(self, question: Question) -> Hooked:
        size, pieces = self._body(question)
        headers = [("Content-Type", "application/json"), ("Hatoba-Id", question.id)]
        if self._secret:
            sign = partial(signature, self._secret, int(time.time()), pieces)
            headers.append(("Hatoba-Signature", sign() if size <= _AT_ONCE else await asyncio.to_thread(sign)))
        answer = await self._http.post(headers, size, pieces)
        if answer.status == 204:
            return Hooked("accept")
        if answer.status != 200:
            raise PeerError(Status("4.3.0", f"hook: HTTP status {answer.status}"))
        return read(answer.body)

    async def close(self) -> None:
        await self._http.close()

    def _body(self, question: Question) -> tuple[int, Callable[[], Iterable[bytes]]]:
        """Octets of the JSON object, and what gives them, as often as called."""
        told = msgspec.json.encode(facts(question))
        if self._content == "none":
            return len(told), lambda: (told,)
        whole = self._content == "whole"
        size = question.size if whole else len(question.block)
        start = told[:-1] + (b',"content":"' if whole else b',"header":"')
        source = question.pieces if whole else lambda: (question.block,)
        return len(start) + 4 * -(-size // 3) + 2, partial(_poured, start, source)


def signature(secret: bytes, now: int, pieces: Callable[[], Iterable[bytes]]) -> str:
    """The value of Hatoba-Signature: HMAC-SHA256 over the seconds since 1970, a dot and the body."""
    made = hmac.new(secret, f"{now}.".encode(), hashlib.sha256)
    for piece in pieces():
        made.update(piece)
    return f"t={now},v1={made.hexdigest()}"


def facts(question: Question) -> dict[str, object]:
    """The object without the letter's octets."""
    return {
        "form": FORM,
        "id": question.id,
        "received": question.received,
        "hostname": question.hostname,
        "door": question.door,
        "client": {
            "ip": question.ip,
            "name": question.client,
            "helo": question.helo,
            "tls": question.tls,
            "account": question.account,
        },
        "envelope": {"sender": question.sender, "recipients": question.recipients},
        "size": question.size,
    }


def read(body: bytes) -> Hooked:
    """The verdict in an answer. PeerError when it is none."""
    try:
        reply = msgspec.json.decode(body, type=_Reply)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(Status("4.3.0", f"hook: no verdict: {error}"[:200])) from None
    if not reply.reason.isprintable() or len(reply.reason) > 400:
        raise PeerError(Status("4.3.0", "hook: a reason that is no line of at most 400 characters"))
    given = reply.fields.items() if isinstance(reply.fields, dict) else reply.fields
    return Hooked(
        reply.action,
        reply.score,
        reply.reason,
        _status(reply),
        tuple(fields.checked(name, value) for name, value in list(given)[: fields.COUNT_MOST]),
        tuple(fields.checked(name, "")[0].lower() for name in reply.remove[: fields.COUNT_MOST]),
    )


def _status(reply: _Reply) -> Status | None:
    """The enhanced status it chose, where it fits what it wants."""
    wanted = {"reject": "5", "defer": "4", "greylist": "4"}.get(reply.action)
    if wanted is None or not (reply.code or reply.reason):
        return None
    parts = reply.code.split(".")
    fits = len(parts) == 3 and parts[0] == wanted and all(part.isdecimal() and len(part) <= 3 for part in parts)
    if reply.code and not fits:
        raise PeerError(Status("4.3.0", f"hook: {reply.code[:20]!r} is no status to {reply.action} with"))
    return Status(reply.code or f"{wanted}.7.1", reply.reason or "Refused by a filter")


def _poured(start: bytes, source: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    """The object, the letter's octets in base64 as its last value."""
    yield start
    rest = b""
    for piece in source():
        data = rest + piece if rest else piece
        end = len(data) - len(data) % 3
        for at in range(0, end, _PIECE):
            yield base64.b64encode(data[at : min(end, at + _PIECE)])
        rest = data[end:]
    yield base64.b64encode(rest) + b'"}'
