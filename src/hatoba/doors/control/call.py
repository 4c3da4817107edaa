"""Calls a verb on a worker's control socket.

Called by the command line and by the supervisor; blocking, with a deadline.
Never retries: the caller knows whether a second try is safe.
Fails with Unreachable when nobody listens, with Failed when the verb says no.
"""

import socket
from pathlib import Path
from typing import Any

import msgspec


class Unreachable(Exception):
    """Nobody answers on that socket: the worker does not run."""


class Failed(Exception):
    """The worker refused or failed; the text is for the operator."""


def call(path: Path, verb: str, arguments: dict[str, Any] | None = None, *, timeout: float = 30.0) -> Any:
    """The verb's result, as JSON types."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect(str(path))
            sock.sendall(msgspec.json.encode({"verb": verb, "arguments": arguments or {}}) + b"\n")
            with sock.makefile("rb") as lines:
                line = lines.readline()
        except OSError as error:
            raise Unreachable(f"{path}: {error}") from error
    if not line:
        raise Unreachable(f"{path}: the worker closed the connection")
    answer: dict[str, Any] = msgspec.json.decode(line)
    if "error" in answer:
        raise Failed(str(answer["error"]))
    return answer.get("result")
