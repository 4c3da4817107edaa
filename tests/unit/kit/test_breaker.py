"""The circuit breaker: opens, waits, lets one through, closes."""

from hypothesis import given
from hypothesis import strategies as st

from hatoba.kit import breaker
from hatoba.kit.breaker import Breaker


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    circuit = Breaker(3, 10.0)
    assert [circuit.failed(now) for now in (0.0, 1.0)] == [False, False]
    assert not circuit.succeeded()
    assert [circuit.failed(now) for now in (2.0, 3.0, 4.0)] == [False, False, True]
    assert circuit.state == breaker.OPEN
    assert circuit.times == 1
    assert not circuit.allows(13.9)


def test_one_probe_decides() -> None:
    circuit = Breaker(1, 10.0)
    assert circuit.failed(0.0)
    assert circuit.allows(10.0)
    assert circuit.state == breaker.HALF_OPEN
    assert not circuit.allows(10.0)
    assert not circuit.failed(11.0)
    assert not circuit.allows(20.9)
    assert circuit.allows(21.0)
    assert circuit.succeeded()
    assert circuit.allows(21.0)
    assert circuit.times == 1


def test_an_abandoned_probe_is_repeated_after_a_pause() -> None:
    circuit = Breaker(1, 10.0)
    circuit.failed(0.0)
    assert circuit.allows(10.0)
    circuit.abandoned(12.0)
    assert not circuit.allows(20.0)
    assert circuit.allows(22.0)
    circuit.succeeded()
    circuit.abandoned(23.0)
    assert circuit.state == breaker.CLOSED


def test_late_failures_of_questions_asked_before_it_opened_change_nothing() -> None:
    circuit = Breaker(2, 10.0)
    assert [circuit.failed(0.0), circuit.failed(0.0), circuit.failed(5.0)] == [False, True, False]
    assert circuit.allows(10.0)


def test_without_a_bound_it_never_opens() -> None:
    circuit = Breaker(0, 10.0)
    assert not any(circuit.failed(float(now)) for now in range(100))
    assert circuit.allows(100.0)


@given(st.lists(st.sampled_from(["ask", "well", "ill", "gone", "later"]), max_size=60), st.integers(1, 4))
def test_at_most_one_probe_is_under_way_and_it_always_comes_back(acts: list[str], failures: int) -> None:
    circuit, now, under_way = Breaker(failures, 10.0), 0.0, 0
    for act in acts:
        before = circuit.state
        if act == "ask":
            allowed = circuit.allows(now)
            assert allowed or before != breaker.CLOSED
            under_way += allowed
        elif act == "later":
            now += 10.0
        elif under_way:
            under_way -= 1
            if act == "well":
                circuit.succeeded()
            elif act == "ill":
                circuit.failed(now)
            else:
                circuit.abandoned(now)
    if circuit.state == breaker.HALF_OPEN:
        circuit.abandoned(now)
    assert circuit.allows(now + 10.0)
