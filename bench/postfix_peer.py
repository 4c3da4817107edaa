"""Postfix, well tuned, as the benchmark's peer. Called by bench/run.py; needs root."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import cpu
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.support import postfix

TUNED = {
    "relay_domains": "*",
    "in_flow_delay": "0",
    "default_process_limit": "200",
    "default_destination_concurrency_limit": "100",
    "smtp_destination_concurrency_limit": "100",
    "initial_destination_concurrency": "100",
    "smtp_connection_cache_on_demand": "yes",
    "smtp_connection_cache_destinations": "127.0.0.1",
    "smtp_connection_cache_time_limit": "20s",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_client_connection_rate_limit": "0",
}


class Peer:
    """One running Postfix."""

    def __init__(self, server: postfix.Postfix, holding: bool, milter: int = 0) -> None:
        self._server, self._holding, self._milter = server, holding, milter
        self.port = server.port

    def cpu(self) -> float:
        signer = cpu.descendants(self._milter) if self._milter else []
        return cpu.seconds([*self._server.pids(), *signer])

    def verify(self, accepted: int, delivered: int) -> str:
        """Postfix unlinks what it delivered a moment after the sink has it; held letters must all be there."""
        queued = self._server.queued()
        if self._holding and queued != accepted:
            return f"accepted {accepted}, but {queued} in the queue"
        return ""


OPENDKIM = """
Mode s
Domain example.org
Selector bench
KeyFile {key}
Canonicalization relaxed/relaxed
OversignHeaders From
SignatureAlgorithm rsa-sha256
Socket inet:{port}@127.0.0.1
InternalHosts 127.0.0.1
RequireSafeKeys no
Syslog no
"""


@contextmanager
def signed(folder: Path, sink: int, hold: bool, workers: int) -> Iterator[Peer]:
    """The same with OpenDKIM as its milter, which signs each letter with one RSA-2048 key."""
    port, conf, key = postfix.free_port(), folder / "opendkim.conf", folder / "bench.private"
    fresh = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    key.write_bytes(fresh.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    conf.write_text(OPENDKIM.format(port=port, key=key), encoding="ascii")
    milter = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", str(conf)])
    try:
        _listens(port)
        parameters = TUNED | {"relayhost": f"[127.0.0.1]:{sink}", "smtpd_milters": f"inet:127.0.0.1:{port}"}
        parameters |= {"milter_default_action": "tempfail"}  # a letter that is not signed is not counted
        with postfix.Postfix(folder / "postfix", parameters) as server:
            yield Peer(server, hold, milter.pid)
    finally:
        milter.terminate()
        milter.wait(30)


def _listens(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("OpenDKIM does not listen")


@contextmanager
def start(folder: Path, sink: int, hold: bool, workers: int) -> Iterator[Peer]:
    """`hold`: letters are accepted and stay (HOLD), which is the toughest fair form for accept."""
    parameters = TUNED | {"relayhost": f"[127.0.0.1]:{sink}"}
    if hold:
        parameters["smtpd_data_restrictions"] = "check_client_access static:HOLD"
    with postfix.Postfix(folder / "postfix", parameters) as server:
        yield Peer(server, hold)
