"""A private Debian Postfix on loopback, for interop tests and for the benchmark; and its smtp-sink and smtp-source.

Used as a context manager, as root (Postfix's master asks for it). Never touches the system's own Postfix: its
configuration, queue and data live in the directory given, which must be one that `postfix` may enter.
Fails with Missing where the package is not installed.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

SINK = "/usr/sbin/smtp-sink"
SOURCE = "/usr/sbin/smtp-source"

_MAIN = """
compatibility_level = 3.6
queue_directory = {root}/spool
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject
maillog_file = {root}/log
maillog_file_prefixes = {prefix}
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_tls_security_level = none
smtpd_tls_security_level = none
message_size_limit = 52428800
"""

_MASTER = """
127.0.0.1:{port} inet n - n - 200 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - 200 smtp
relay unix - - n - 200 smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Missing(Exception):
    """Postfix is not installed here, or we are not root."""


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for_port(port: int, seconds: float = 15.0) -> None:
    """Returns once something accepts connections there; TimeoutError else."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing listens on 127.0.0.1:{port}") from None
            time.sleep(0.02)
        else:
            return


def available() -> str:
    """ "" when Postfix can run here, else the reason."""
    if not shutil.which("postfix", path="/usr/sbin:/usr/bin"):
        return "Debian's postfix is not installed"
    return "" if os.geteuid() == 0 else "Postfix's master process needs root"


class Postfix:
    """One instance: smtpd on 127.0.0.1:`port`, parameters as main.cf takes them."""

    def __init__(self, root: Path, parameters: Mapping[str, str]) -> None:
        reason = available()
        if reason:
            raise Missing(reason)
        self.root, self.port = root, free_port()
        self._parameters = parameters

    def __enter__(self) -> "Postfix":
        etc = self.root / "etc"
        for path in (self.root, etc, self.root / "spool", self.root / "data"):
            path.mkdir(parents=True, exist_ok=True)
        os.chown(self.root / "data", pwd.getpwnam("postfix").pw_uid, -1)
        prefix = Path("/", *self.root.resolve().parts[1:2])
        lines = _MAIN.format(root=self.root, prefix=prefix)
        lines += "".join(f"{name} = {value}\n" for name, value in self._parameters.items())
        (etc / "main.cf").write_text(lines, encoding="utf-8")
        (etc / "master.cf").write_text(_MASTER.format(port=self.port), encoding="utf-8")
        self._command("start")
        wait_for_port(self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._command("stop")

    def _command(self, verb: str) -> None:
        command = ["/usr/sbin/postfix", "-c", str(self.root / "etc"), verb]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def queued(self) -> int:
        """Letters in any of its queues."""
        names = ("incoming", "active", "deferred", "hold", "maildrop")
        return sum(1 for name in names for path in (self.root / "spool" / name).rglob("*") if path.is_file())

    def held(self) -> list[Path]:
        """The files of letters on hold."""
        return [path for path in (self.root / "spool" / "hold").rglob("*") if path.is_file()]

    def log(self) -> str:
        return (self.root / "log").read_text(encoding="utf-8", errors="replace")

    def pids(self) -> list[int]:
        """The master and its children."""
        master = int((self.root / "spool" / "pid" / "master.pid").read_text().split()[0])
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(master)], capture_output=True, text=True, check=False
        )
        return [master, *(int(word) for word in listed.stdout.split())]


class Sink:
    """smtp-sink on a loopback port: takes every letter and counts them."""

    def __init__(self, output: Path, *options: str, port: int = 0) -> None:
        self.port = port or free_port()
        self._output, self._options = output, options

    def __enter__(self) -> "Sink":
        self._file = self._output.open("wb")
        command = [SINK, "-u", "postfix", "-c", *self._options, f"127.0.0.1:{self.port}", "400"]
        self.process = subprocess.Popen(command, stdout=self._file, stderr=self._file)
        wait_for_port(self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self._file.close()

    def count(self) -> int:
        """Letters taken so far, as smtp-sink itself counts them (its `mesg=` counter)."""
        found = re.findall(rb"mesg=(\d+)", self._output.read_bytes()[-4096:])
        return int(found[-1]) if found else 0


def source(port: int, count: int, size: int, *options: str, sessions: int = 50, timeout: float = 300.0) -> float:
    """Sends `count` letters of `size` octets by smtp-source; seconds taken. CalledProcessError when any was refused.

    `size` 0: the options name a file with the letter.
    """
    length = ("-l", str(size)) if size else ()
    command = [SOURCE, "-d", "-s", str(sessions), "-m", str(count), *length, *options, f"127.0.0.1:{port}"]
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, timeout=timeout)
    return time.monotonic() - started
