"""Debian's own rspamd, clamd and OpenDKIM as processes of a test, configured in a folder, on sockets of their own.

Used by interop tests. Each ends by its process id when the test is over.
Never uses the network: no DNS, no downloads, no redis; the only virus known is the test file of EICAR.
Fails with AssertionError, its log in the text, when a daemon does not come up.
"""

import http.client
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.postfix import free_port
from tests.support.service_peers import EICAR
from tests.support.wait import until

PATH = os.environ.get("PATH", "") + ":/usr/sbin"


class Daemon:
    """One process in the foreground. `answers` tells whether it takes questions."""

    def __init__(self, folder: Path, command: Sequence[str], answers: Callable[[], bool]) -> None:
        self.folder = folder
        self._log = folder / "log"
        self._command = command
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self.folder)
        until(self._up, f"{self._command[0]} to answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(20)
        if error is not None:
            error.add_note(self.log())

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _up(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"{self._command[0]} ended:\n{self.log()}")
        return self._answers()


def program(name: str) -> str | None:
    """Its path, None where it is not installed."""
    return shutil.which(name, path=PATH)


def listens(path: Path) -> bool:
    """Somebody takes connections at a Unix socket."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(path))
        except OSError:
            return False
    return True


def clamd(folder: Path, path: str, limit: str = "5M") -> Daemon:
    """clamd at FOLDER/clamd.sock, with one signature of ours; freshclam is neither started nor needed."""
    database, sock = folder / "db", folder / "clamd.sock"
    database.mkdir(parents=True)
    (database / "hatoba.ndb").write_text(f"Hatoba.Test.EICAR:0:*:{EICAR.hex()}\n")
    (folder / "clamd.conf").write_text(
        f"LocalSocket {sock}\nDatabaseDirectory {database}\nTemporaryDirectory {folder}\nForeground yes\n"
        f"StreamMaxLength {limit}\nOfficialDatabaseOnly no\nConcurrentDatabaseReload no\n"
    )
    return Daemon(folder, [path, "-c", str(folder / "clamd.conf")], lambda: listens(sock))


RSPAMD = """
options {{
    pidfile = "{folder}/rspamd.pid"; tempdir = "{folder}"; hs_cache_dir = "{folder}"; cache_file = "{folder}/cache";
    control_socket = "{folder}/control.sock mode=0600"; rrd = ""; history_file = ""; stats_file = "";
    filters = "regexp"; url_tld = "{folder}/tld.dat"; disable_hyperscan = true;
    dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }}
}}
lang_detection {{ languages = ["en"]; }}
logging {{ type = "console"; level = "notice"; }}
lua = "{folder}/rules.lua";
actions {{ reject = 15; add_header = 6; rewrite_subject = 10; greylist = 4; subject = "[SPAM] %s"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; bind_socket = "{folder}/normal.sock mode=0666"; count = 1; }}
worker "rspamd_proxy" {{
    bind_socket = "{folder}/milter.sock mode=0666"; count = 1; milter = yes; timeout = 20s;
    upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""

RULES = """
local function word(name, text, score)
  rspamd_config:register_symbol{ name = name, score = score, callback = function(task)
    if (task:get_subject() or ''):find(text, 1, true) then return true, 1.0 end
  end }
  rspamd_config:set_metric_symbol({ name = name, score = score })
end
word('LOTTERY', 'lottery', 7.0)
word('PILLS', 'pills', 11.0)
rspamd_config:register_symbol{ name = 'TOLD', type = 'postfilter', callback = function(task)
  local user = task:get_user() or '-'
  local rcpts = {}
  for _, each in ipairs(task:get_recipients('smtp') or {}) do rcpts[#rcpts + 1] = each.addr end
  local told = string.format('ip=%s helo=%s from=%s rcpt=%s user=%s id=%s', task:get_from_ip(), task:get_helo(),
    (task:get_from('smtp') or {{}})[1].addr, table.concat(rcpts, ','), user, task:get_queue_id())
  task:set_milter_reply({ add_headers = { ['X-Told'] = told }, remove_headers = { ['X-Old'] = 0 } })
end }
"""


class Rspamd(Daemon):
    """`url` of its worker over TCP, `unix` over a socket, `milter` the address of its milter."""

    def __init__(self, folder: Path, path: str) -> None:
        folder.mkdir(parents=True)
        port = self._port = free_port()
        (folder / "rspamd.conf").write_text(RSPAMD.format(folder=folder, port=port))
        (folder / "rules.lua").write_text(RULES)
        (folder / "tld.dat").write_text("com\nnet\norg\nexample\n")
        self.url = f"http://127.0.0.1:{port}"
        self.unix = f"unix:{folder / 'normal.sock'}"
        self.milter = f"unix:{folder / 'milter.sock'}"
        command = [path, "-f", "-i", "-c", str(folder / "rspamd.conf")]
        super().__init__(folder, command, self._pings)

    def _pings(self) -> bool:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            line.request("GET", "/ping")
            pong = line.getresponse().read().strip() == b"pong"
        except OSError:
            return False
        finally:
            line.close()
        return pong and listens(self.folder / "milter.sock")


class OpenDkim(Daemon):
    """The milter at `address`; signs for `domain` as selector "test" what comes from an account, verifies the rest."""

    def __init__(self, folder: Path, path: str, domain: str, key: str, record: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        sock = folder / "opendkim.sock"
        self.address = f"unix:{sock}"
        (folder / "key.pem").write_text(key)
        (folder / "key.pem").chmod(0o600)
        (folder / "keys.txt").write_text(f"test._domainkey.{domain} {record}\n")
        (folder / "nobody").write_text("192.0.2.255\n")
        (folder / "opendkim.conf").write_text(
            f"Background no\nSyslog no\nMode sv\nSocket local:{sock}\nDomain {domain}\nSelector test\n"
            f"KeyFile {folder / 'key.pem'}\nCanonicalization relaxed/simple\nInternalHosts {folder / 'nobody'}\n"
            f"TestPublicKeys {folder / 'keys.txt'}\nAlwaysAddARHeader yes\nRequireSafeKeys no\n"
        )
        command = [path, "-f", "-x", str(folder / "opendkim.conf")]
        super().__init__(folder, command, lambda: listens(sock))
