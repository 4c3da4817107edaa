"""Postfix, well tuned, as the benchmark's peer. Called by bench/run.py; needs root."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import cpu
from bench.authentic import Milter
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

    def __init__(self, server: postfix.Postfix, holding: bool, milter: Milter | None) -> None:
        self._server, self._holding, self._milter = server, holding, milter
        self.port = server.port

    def cpu(self) -> float:
        """CPU seconds of Postfix so far, and of its milter."""
        return cpu.seconds(self._server.pids() + ([self._milter.pid] if self._milter else []))

    def verify(self, accepted: int, delivered: int) -> str:
        """Postfix unlinks what it delivered a moment after the sink has it; held letters must all be there."""
        queued = self._server.queued()
        if self._holding and queued != accepted:
            return f"accepted {accepted}, but {queued} in the queue"
        if self._milter and self._holding:
            unverified = sum(b"dkim=pass" not in path.read_bytes() for path in self._server.held())
            return f"{unverified} letters were not verified" if unverified else ""
        return ""


@contextmanager
def start(folder: Path, sink: int, hold: bool, workers: int, milter: Milter | None = None) -> Iterator[Peer]:
    """`hold`: letters are accepted and stay (HOLD), which is the toughest fair form for accept. `milter`: asked."""
    parameters = TUNED | {"relayhost": f"[127.0.0.1]:{sink}"}
    if milter is not None:
        parameters |= {"smtpd_milters": milter.socket, "milter_default_action": "tempfail"}
    if hold:
        parameters["smtpd_data_restrictions"] = "check_client_access static:HOLD"
    with postfix.Postfix(folder / "postfix", parameters) as server:
        yield Peer(server, hold, milter)
