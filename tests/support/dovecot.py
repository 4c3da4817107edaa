"""A private Debian Dovecot on loopback: IMAP, POP3, LMTP and ManageSieve on free ports, with or without TLS.

Used by the interop tests, by those of `hatoba migrate imap` and by the benchmark, as a context manager.
Never touches the system's own Dovecot: configuration, mail and sockets live in a directory of its own, removed at the
end (pytest's are closed to other users), and it runs as `nobody` or, where the tests are not root's, as their user.
Fails with Missing where a package is not installed, with AssertionError and its log when it does not come up.
"""

import grp
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.postfix import Missing, free_port, wait_for_port
from tests.support.wait import until

PASSWORD = "testpass"
USERS = ("testuser", *(f"user{number}" for number in range(1, 101)))
PACKAGES = ("dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd", "dovecot-sieve", "dovecot-managesieved")
_PORTS = ("imap", "imaps", "pop3", "pop3s", "lmtp", "sieve")
_NEEDED = ("imap", "pop3", "lmtp", "managesieve")

# What was measured as Dovecot's best: optimized fsync, quota and ACL checked, Sieve at delivery.
_MAIN = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
protocols = imap pop3 lmtp sieve
listen = 127.0.0.1
login_trusted_networks = 127.0.0.0/8
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %Ln
auth_cache_size = 1 M
auth_failure_delay = 0
mail_location = {format}:{root}/mail/%n
mail_fsync = optimized
mail_plugins = quota acl
mailbox_list_index = yes
first_valid_uid = 1
mail_uid = {user}
mail_gid = {group}
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
default_process_limit = 200
default_client_limit = 4000
default_vsz_limit = 1 G
lmtp_save_to_detail_mailbox = no
recipient_delimiter = +
postmaster_address = postmaster@example.test
{tls}
passdb {{
  driver = passwd-file
  args = username_format=%Ln {root}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={root}/home/%n
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
  mailbox Junk {{
    special_use = \\Junk
  }}
}}
plugin {{
  quota = count:User quota
  quota_rule = *:storage=10G
  quota_vsizes = yes
  acl = vfile
  sieve = file:{root}/home/%n/sieve;active={root}/home/%n/.dovecot.sieve
}}
service imap-login {{
  chroot =
  client_limit = 4000
  service_count = 0
  process_min_avail = 2
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  service_count = 0
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service managesieve-login {{
  chroot =
  service_count = 0
  inet_listener sieve {{
    port = {sieve}
  }}
}}
service imap {{
  service_count = 1000
  process_limit = 2000
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
  client_limit = 20000
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  client_limit = 20000
}}
protocol imap {{
  mail_plugins = quota acl imap_quota imap_acl
  mail_max_userip_connections = 1000
  imap_capability = +NOTIFY
}}
protocol pop3 {{
  mail_max_userip_connections = 1000
}}
protocol lmtp {{
  mail_plugins = quota acl sieve
}}
{more}
"""

# Sessions in IDLE are put to sleep in one process: what keeps a thousand of them small.
HIBERNATE = """
imap_hibernate_timeout = 1s
service imap {{
  unix_listener imap-master {{
    user = {user}
  }}
}}
service imap-hibernate {{
  unix_listener imap-hibernate {{
    mode = 0660
    group = {group}
  }}
}}
"""


def available() -> str:
    """ "" when Dovecot can run here, else the reason."""
    if not shutil.which("dovecot", path="/usr/sbin:/usr/bin"):
        return f"Debian's Dovecot is not installed (apt install {' '.join(PACKAGES)})"
    missing = [name for name in _NEEDED if not Path("/usr/lib/dovecot", name).exists()]
    return f"Dovecot lacks {', '.join(missing)} (apt install {' '.join(PACKAGES)})" if missing else ""


class Dovecot:
    """One instance. `ports` by name: imap, imaps, pop3, pop3s, lmtp, sieve. `users` live there, all with `password`.

    `form`: maildir or mdbox. `certificate`: a PEM file with the key in it; without one there is no TLS. `separator`
    between the levels of its mailboxes. `settings`: more lines of its configuration.
    """

    def __init__(
        self,
        form: str = "maildir",
        *,
        certificate: Path | None = None,
        separator: str = "/",
        settings: str = "",
        users: Sequence[str] = USERS,
        password: str = PASSWORD,
    ) -> None:
        reason = available()
        if reason:
            raise Missing(reason)
        self.root, self.form = Path(tempfile.mkdtemp(prefix="hatoba-dovecot-")), form
        self.ports = {name: free_port() for name in _PORTS}
        self.user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.group = "nogroup" if os.geteuid() == 0 else grp.getgrgid(os.getegid()).gr_name
        self._certificate, self._separator, self._settings, self._users = certificate, separator, settings, users
        self._password = password
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._configure()
        with (self.root / "log").open("ab") as log:
            command = ["/usr/sbin/dovecot", "-F", "-c", str(self.root / "dovecot.conf")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            for name in ("imap", "pop3", "lmtp", "sieve"):
                wait_for_port(self.ports[name])
        except BaseException as error:
            self._end()
            error.add_note(self.log())
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if error is not None:
            error.add_note(self.log()[-4000:])
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Of its master."""
        assert self.process is not None
        return self.process.pid

    def log(self) -> str:
        path = self.root / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _configure(self) -> None:
        uid = pwd.getpwnam(self.user).pw_uid
        gid = grp.getgrnam(self.group).gr_gid
        self.root.chmod(0o755)
        for name in ("run", "state", "mail", "home"):
            folder = self.root / name
            folder.mkdir(exist_ok=True)
            os.chown(folder, uid, gid)
        users = self.root / "users"
        users.write_text("".join(f"{name}:{{PLAIN}}{self._password}\n" for name in self._users))
        users.chmod(0o644)
        tls = "ssl = no"
        if self._certificate is not None:
            tls = f"ssl = yes\nssl_cert = <{self._certificate}\nssl_key = <{self._certificate}"
        names = {"user": self.user, "group": self.group}
        text = _MAIN.format(
            root=self.root, format=self.form, separator=self._separator, tls=tls,
            more=self._settings.format(**names), **names, **self.ports,
        )  # fmt: skip
        (self.root / "dovecot.conf").write_text(text)

    def _end(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        until(lambda: not (self.root / "run" / "master.pid").exists(), "Dovecot's end")
