"""What processes told the kernel about files, as strace wrote it down: the calls in the order they began and ended.

Used by the fault tests: `recording` is a command that runs a node under strace, `read` parses what it wrote, `need`
says whether strace works here. Faults are injected by the same program (`inject`), into every process or by `Sick`.
Never guesses: a line it cannot read is an AssertionError, so that no write is missed.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import pytest

CALLS = (
    "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,sync_file_range,"
    "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,ftruncate,truncate,fallocate"
)
_HEX = re.compile(r"(?:\\x[0-9a-f]{2})+")
_LINE = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)( resumed>|\()(.*)", re.DOTALL)
_END = re.compile(r"\)\s+= (-?\d+|\?)(.*)$", re.DOTALL)
_UNFINISHED = (" <unfinished ...>", " <detached ...>")  # the second: killed in the middle of it


class Call(msgspec.Struct, gc=False):
    """One call. `words` are its arguments: octets where it was a string or the path behind a descriptor, else text.

    `result` is negative for an error, None when it never returned; `injected` when strace made the error.
    """

    name: str
    words: list[bytes | str]
    result: int | None = None
    injected: bool = False


class Moment(msgspec.Struct, frozen=True, gc=False):
    """A call begins, or (`ends`) has returned: what it did may be seen from the first, is sure from the second."""

    call: Call
    ends: bool


def need() -> None:
    """Skips where strace is missing or may not trace; in CI that is a failure."""
    reason = ""
    if shutil.which("strace") is None:
        reason = "strace is not installed (Debian: apt install strace)"
    elif subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        reason = "strace may not trace here (ptrace is forbidden)"
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def recording(into: Path, *inject: str) -> list[str]:
    """The command that runs another one and writes its file calls, whole, to `into`; the process keeps its id."""
    faults = [word for one in inject for word in ("-e", f"inject={one}")]
    return [
        "strace", "-f", "-D", "--seccomp-bpf", "-y", "-xx", "-s", "67108864", "-o", str(into),
        "-e", f"trace={CALLS}", *faults, "-e", "signal=none",
    ]  # fmt: skip


def read(path: Path) -> list[Moment]:
    """All moments of a recording in order. Only whole lines are read: the tracer may still be writing."""
    moments: list[Moment] = []
    open_: dict[str, Call] = {}
    last: Call | None = None
    for line in _lines(path):
        if line.startswith(")"):  # what followed an "unfinished" of a process that is alone by now
            assert last is not None, line
            _returned(last, line)
            moments.append(Moment(last, True))
            continue
        if " +++ " in line or " --- " in line or "strace: " in line:
            continue
        match = _LINE.match(line)
        assert match, line[:200]
        pid, name, how, rest = match.groups()
        if how == "(":
            call = Call(name, _words(rest))
            moments.append(Moment(call, False))
            if rest.endswith(_UNFINISHED):
                open_[pid] = last = call
                continue
        else:
            call = open_.pop(pid)
        _returned(call, rest)
        moments.append(Moment(call, True))
    return moments


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="ascii") as file:
        for line in file:
            if line.endswith("\n"):
                yield line[:-1]


def _returned(call: Call, rest: str) -> None:
    end = _END.search(rest)
    assert end, rest[-200:]
    call.result = None if end[1] == "?" else int(end[1])
    call.injected = "(INJECTED)" in end[2]


def _words(text: str) -> list[bytes | str]:
    for mark in _UNFINISHED:
        text = text.removesuffix(mark)
    text = _END.sub("", text)
    words: list[bytes | str] = []
    for word in text.split(", "):
        found = _HEX.search(word)
        words.append(bytes.fromhex(found[0].replace("\\x", "")) if found else word)
    return words


class Sick:
    """While it stands, calls of a running process (all its threads) fail as told: "fdatasync,fsync:error=EIO"."""

    def __init__(self, pid: int, told: Sequence[str], log: Path) -> None:
        self._log = log
        faults = [word for one in told for word in ("-e", f"inject={one}")]
        named = ",".join(one.partition(":")[0] for one in told)
        self._command = ["strace", "-f", "-y", "-p", str(pid), "-o", str(log), "-e", f"trace={named}", *faults]

    def __enter__(self) -> Self:
        self._tracer = subprocess.Popen(self._command, stderr=subprocess.PIPE)
        assert self._tracer.stderr is not None
        while b"attached" not in (said := self._tracer.stderr.readline()):
            assert said, "strace could not attach"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._tracer.send_signal(signal.SIGINT)  # it lets go of the process, which lives on
        self._tracer.communicate(timeout=30)

    def made(self) -> int:
        """How many calls were made to fail so far."""
        return self._log.read_text(encoding="utf-8", errors="replace").count("(INJECTED)")
