"""Who takes and gives back which shards: settles in few turns, whoever comes and goes, and everybody is content."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from hatoba.app import share


def test_alone_it_takes_everything() -> None:
    assert share.plan([], [0, 1, 2, 3], [], {}) == ([0, 1, 2, 3], [])


def test_a_second_worker_gets_its_half() -> None:
    assert share.plan([0, 1, 2, 3], [], [], {"b": 0}) == ([], [2, 3])
    assert share.plan([], [2, 3], [], {"a": 2}) == ([2, 3], [])


def test_the_first_shard_stays() -> None:
    """Letters come in through it: it is the last to be given back."""
    assert share.plan([5, 6, 7], [], [], {"b": 0, "c": 0}) == ([], [6, 7])


@pytest.mark.parametrize("others", [{"b": 2}, {"b": 3}, {"b": 2, "c": 2}])
def test_nobody_gives_back_while_the_others_have_theirs(others: dict[str, int]) -> None:
    assert share.plan([0, 1, 2], [], [], others) == ([], [])


def test_what_nobody_takes_is_taken_beyond_the_share() -> None:
    assert share.plan([0, 1], [2, 3], [3], {"dead": 0, "alive": 2})[0] == [3]


@given(
    shards=st.integers(1, 40),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=12),
)
def test_it_settles(shards: int, steps: list[tuple[bool, int]]) -> None:
    """Workers come and die in any order; after each change a few rounds of turns leave no shard without a worker and
    no worker with more than its fair share, and then nothing moves any more."""
    workers: dict[int, list[int]] = {0: []}
    for comes, who in [(True, 0), *steps]:
        if comes:
            workers.setdefault(who, [])
        elif who in workers and len(workers) > 1:
            del workers[who]
        for _ in range(4):
            moved = turn(workers, shards)
        assert not moved
        owned = sorted(number for mine in workers.values() for number in mine)
        assert owned == list(range(shards))
        assert max(map(len, workers.values())) <= -(-shards // len(workers))


def turn(workers: dict[int, list[int]], shards: int) -> bool:
    """One turn of every worker, one after the other; whether anything moved."""
    moved = False
    for who, mine in workers.items():
        owned = {number for found in workers.values() for number in found}
        free = [number for number in range(shards) if number not in owned]
        others = {str(name): len(found) for name, found in workers.items() if name != who}
        take, give = share.plan(list(mine), free, [], others)
        assert set(take) <= set(free)
        assert set(give) <= set(mine)
        assert not (take and give)
        mine[:] = [number for number in mine if number not in give] + take
        moved = moved or bool(take or give)
    return moved
