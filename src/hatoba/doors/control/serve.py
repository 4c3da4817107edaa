"""Serves control verbs on a Unix socket: {"verb", "arguments"} in, {"result"} or {"error"} out, one JSON line each.

Called by app when a worker starts; the verbs come from there as plain functions.
Never reachable over the network: the socket file is made with mode 0600 in a directory of mode 0700.
A verb that raises Refusal or ValueError answers its text; anything else answers an error id and is logged whole.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog

from hatoba.model.status import Refusal

MOST_LINE = 1 << 20  # a request longer than this closes the connection

Verb = Callable[[dict[str, Any]], Any | Awaitable[Any]]


class Request(msgspec.Struct, forbid_unknown_fields=True):
    verb: str
    arguments: dict[str, Any] = {}


_decode = msgspec.json.Decoder(Request)
_encode = msgspec.json.Encoder()


async def _answer(line: bytes, verbs: Mapping[str, Verb]) -> dict[str, Any]:
    try:
        request = _decode.decode(line)
        if request.verb not in verbs:
            return {"error": f"there is no verb {request.verb!r}; known: {', '.join(sorted(verbs))}"}
        result = verbs[request.verb](request.arguments)
        if isinstance(result, Awaitable):
            result = await result
    except (Refusal, ValueError, KeyError, msgspec.MsgspecError) as error:
        return {"error": str(error)}
    except Exception:  # noqa: BLE001  a bug in one verb must not close the operator's door
        error_id = secrets.token_hex(4)
        structlog.get_logger().exception("control verb failed", error_id=error_id)
        return {"error": f"internal error {error_id}; the log has it whole"}
    return {"result": result}


async def serve(path: Path, verbs: Mapping[str, Verb]) -> asyncio.Server:
    """Listens on `path` until the server returned is closed. A stale socket file is replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(_encode.encode(await _answer(line, verbs)) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.LimitOverrunError):
            pass  # the caller went away or sent an endless line: nothing to answer
        finally:
            writer.close()

    server = await asyncio.start_unix_server(talk, path, limit=MOST_LINE)
    path.chmod(0o600)
    return server
