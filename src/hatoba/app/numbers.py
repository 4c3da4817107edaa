"""Prometheus samples of a node: each worker tells its own as plain values, the supervisor puts them together.

Called by worker (the control verb "numbers") and by supervisor (for /metrics).
Never labels by address or letter: only lanes' kinds and workers.
"""

from collections.abc import Iterable, Sequence

import msgspec

from hatoba.doors.http.metrics import Sample


def counter(name: str, about: str, value: float, **labels: str) -> Sample:
    return Sample(name, "counter", about, value, labels)


def gauge(name: str, about: str, value: float, **labels: str) -> Sample:
    return Sample(name, "gauge", about, value, labels)


def samples(answers: Sequence[object], restarts: Sequence[int]) -> Iterable[Sample]:
    """All workers' samples, and how often each worker was started again."""
    for worker, times in enumerate(restarts):
        yield counter("worker_restarts", "Times a worker died and was started again", times, worker=str(worker))
        yield gauge("worker_up", "Whether the worker answers", float(answers[worker] is not None), worker=str(worker))
    for answer in answers:
        if answer is not None:
            yield from msgspec.convert(answer, list[Sample])
