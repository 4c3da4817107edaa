"""/metrics, /healthz and /readyz over a real socket: sums over workers, labels, and readiness."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from hatoba.doors.http import metrics

SAMPLES = [
    metrics.Sample("smtp_letters", "counter", "Letters accepted", 3),
    metrics.Sample("smtp_letters", "counter", "Letters accepted", 4),
    metrics.Sample("queue_jobs", "gauge", "Jobs", 5, {"worker": "0"}),
    metrics.Sample("queue_jobs", "gauge", "Jobs", 6, {"worker": "1"}),
]


class Node:
    ready = True


@pytest.fixture
def url() -> Iterator[str]:
    Node.ready = True
    server = metrics.serve("127.0.0.1", 0, lambda: SAMPLES, lambda: metrics.Health(Node.ready, {"worker-0": "up"}))
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  our own loopback address
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_samples_are_summed_and_labelled(url: str) -> None:
    status, text = get(f"{url}/metrics")
    assert status == 200
    assert "hatoba_smtp_letters_total 7.0" in text
    assert 'hatoba_queue_jobs{worker="0"} 5.0' in text
    assert 'hatoba_queue_jobs{worker="1"} 6.0' in text
    assert "# TYPE hatoba_smtp_letters_total counter" in text


def test_health_and_readiness(url: str) -> None:
    assert get(f"{url}/healthz")[0] == 200
    assert json.loads(get(f"{url}/readyz")[1]) == {"ready": True, "detail": {"worker-0": "up"}}
    Node.ready = False
    assert get(f"{url}/readyz")[0] == 503
    assert get(f"{url}/healthz")[0] == 200, "alive, though not ready"


def test_other_paths_say_what_there_is(url: str) -> None:
    status, text = get(f"{url}/")
    assert status == 404
    assert "/metrics" in text
