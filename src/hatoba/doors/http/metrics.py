"""Prometheus metrics and health over HTTP: /metrics, /healthz (alive), /readyz (takes mail).

Called by the supervisor, which gathers the workers' numbers; serves in a thread of its own.
Never listens beyond loopback by default and never names an address, a letter or a secret.
A worker that does not answer is missing from the sums and makes /readyz say 503.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Sample(msgspec.Struct, frozen=True):
    """One number. `kind` is "counter" or "gauge"; counters of the same name and labels are summed over workers."""

    name: str
    kind: str
    help: str
    value: float
    labels: dict[str, str] = {}


class Health(msgspec.Struct, frozen=True):
    """`ready` is False while any worker is down or refuses mail; `detail` says which and why."""

    ready: bool
    detail: dict[str, Any]


class Gathered(Collector):
    """Turns what `gather` returns into Prometheus families, one per name, names prefixed with hatoba_."""

    def __init__(self, gather: Callable[[], Iterable[Sample]]) -> None:
        self._gather = gather

    def collect(self) -> Iterator[Metric]:
        sums: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        about: dict[str, Sample] = {}
        for sample in self._gather():
            about.setdefault(sample.name, sample)
            key = (sample.name, tuple(sorted(sample.labels.items())))
            sums[key] = sums.get(key, 0.0) + sample.value
        for name, first in sorted(about.items()):
            labels = sorted(first.labels)
            make = CounterMetricFamily if first.kind == "counter" else GaugeMetricFamily
            family = make(f"hatoba_{name}", first.help, labels=labels)
            for (other, pairs), value in sorted(sums.items()):
                if other == name:
                    family.add_metric([text for _, text in pairs], value)
            yield family


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged: a scraper comes every few seconds."""


def application(gather: Callable[[], Iterable[Sample]], health: Callable[[], Health]) -> Callable[..., list[bytes]]:
    """The WSGI application behind `serve`."""
    registry = CollectorRegistry()
    registry.register(Gathered(gather))

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        path = environ.get("PATH_INFO", "")
        status, kind, body = "200 OK", "application/json", b""
        if path == "/metrics":
            kind, body = CONTENT_TYPE, generate_latest(registry)
        elif path in ("/healthz", "/readyz"):
            state = health()
            if path == "/readyz" and not state.ready:
                status = "503 Service Unavailable"
            body = msgspec.json.encode(state) + b"\n"
        else:
            status, body = "404 Not Found", b'{"detail": "known paths: /metrics /healthz /readyz"}\n'
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    return answer


def serve(address: str, port: int, gather: Callable[[], Iterable[Sample]], health: Callable[[], Health]) -> WSGIServer:
    """Serves in a daemon thread until .shutdown(); OSError when the port is taken."""
    server = make_server(address, port, application(gather, health), server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
