"""Structured logs: one line an event on standard error (or a file), as JSON or as key=value.

Called once by each process before anything is logged.
Never logs a secret: rooms pass ids, addresses and statuses only. Writing is best effort: a full disk stops no mail.
"""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import msgspec
import structlog
from msgspec import Meta

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="What is logged: this level and above.", extra={"reloads": True}),
    ] = "info"
    form: Annotated[Literal["text", "json"], Meta(description="One line an event, as key=value or as JSON.")] = "text"
    file: Annotated[str, Meta(description="A file to append to; empty: standard error.")] = ""


class _Careful:
    """A text stream whose failing writes are dropped: the log must never stop a letter."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            return 0

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            return


def configure(settings: Settings, **bound: Any) -> None:
    """Sets structlog up for this process; `bound` (worker=0) stands in every line."""
    stream: TextIO = Path(settings.file).open("a", encoding="utf-8") if settings.file else sys.stderr  # noqa: SIM115  lives as long as the process
    last: Any
    if settings.form == "json":
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        last = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.level]),
        logger_factory=structlog.PrintLoggerFactory(file=_Careful(stream)),  # type: ignore[arg-type]  # write and flush are all it calls
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(**bound)
