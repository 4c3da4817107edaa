"""Postfix, well tuned, as the benchmark's peer. Called by bench/run.py; needs root."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import cpu
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

    def __init__(self, server: postfix.Postfix, holding: bool) -> None:
        self._server, self._holding = server, holding
        self.port = server.port

    def cpu(self) -> float:
        return cpu.seconds(self._server.pids())

    def verify(self, accepted: int, delivered: int) -> str:
        """Postfix unlinks what it delivered a moment after the sink has it; held letters must all be there."""
        queued = self._server.queued()
        if self._holding and queued != accepted:
            return f"accepted {accepted}, but {queued} in the queue"
        return ""


@contextmanager
def start(folder: Path, sink: int, hold: bool, workers: int) -> Iterator[Peer]:
    """`hold`: letters are accepted and stay (HOLD), which is the toughest fair form for accept."""
    parameters = TUNED | {"relayhost": f"[127.0.0.1]:{sink}"}
    if hold:
        parameters["smtpd_data_restrictions"] = "check_client_access static:HOLD"
    with postfix.Postfix(folder / "postfix", parameters) as server:
        yield Peer(server, hold)
