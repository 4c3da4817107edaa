"""The bus on a real PostgreSQL: a claim is one worker's, what was ended stays undone, an Ear that was cut off hears
again."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.wait import until

from hatoba.store import bus, directory
from hatoba.store import server as server_
from hatoba.store.rows import DomainRow
from hatoba.store.server import Server
from hatoba.store.shard import Shard

LONG = 60.0


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    made: Server = request.getfixturevalue("postgres")
    made.data.mkdir()
    return made


@pytest.fixture
def line(home: Server) -> Iterator[bus.Bus]:
    with contextlib.closing(home.bus()) as opened:
        yield opened


@pytest.fixture
def mine(home: Server) -> Iterator[Shard]:
    with home.shard(0, "node a, worker 0") as opened:
        yield opened


@pytest.fixture
def ear(home: Server) -> Iterator[bus.Ear]:
    with contextlib.closing(home.ear()) as opened:
        assert opened.wait(0) is None  # it listens from now on
        yield opened


def end_connections(home: Server, named: str) -> int:
    """As when the network cuts them; how many there were."""
    with contextlib.closing(home.connect("public")) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = %s",
            (named,),
        ).fetchall()
    return len(ended)


def test_a_message_goes_to_its_shard_once_and_the_answer_back(line: bus.Bus, home: Server, mine: Shard) -> None:
    number = line.post(b"do it", LONG)
    assert line.messages() == [bus.Message(number, b"do it")]
    assert line.progress(number) == {}
    with contextlib.closing(home.bus()) as other:
        claims = [each.claim(number, 0, mine.epoch, "a") for each in (line, other, line)]
    assert claims == [True, False, False]
    assert line.progress(number) == {0: False}
    assert line.answer(number, 0, b"done")
    assert line.progress(number) == {0: True}
    assert line.end(number) == {0: bus.Answer(0, "a", b"done")}
    line.forget(number)
    assert line.end(number) == {}
    assert not line.answer(number, 0, b"too late")


def test_many_claim_at_once_and_one_has_it(line: bus.Bus, home: Server, mine: Shard) -> None:
    number, won = line.post(b"", LONG), []

    def claim() -> None:
        with contextlib.closing(home.bus()) as own:
            won.append(own.claim(number, 0, mine.epoch, "a"))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_only_the_shards_owner_claims(line: bus.Bus, mine: Shard) -> None:
    number = line.post(b"", LONG)
    assert not line.claim(number, 0, mine.epoch - 1, "whose lease ran out")
    assert not line.claim(number, 0, mine.epoch + 1, "nobody")
    assert line.progress(number) == {}
    assert line.claim(number, 0, mine.epoch, "a")


def test_what_was_ended_is_not_begun(line: bus.Bus, mine: Shard) -> None:
    number = line.post(b"", LONG)
    assert line.end(number) == {}
    assert line.messages() == []
    assert not line.claim(number, 0, mine.epoch, "a")


def test_what_ran_out_is_not_begun(line: bus.Bus, mine: Shard) -> None:
    number = line.post(b"", 0.0)
    assert line.messages() == []
    assert not line.claim(number, 0, mine.epoch, "a")


def test_a_claim_given_back_is_the_next_owners(line: bus.Bus, mine: Shard, ear: bus.Ear) -> None:
    number = line.post(b"", LONG)
    assert line.claim(number, 0, mine.epoch, "a")
    until(lambda: bus.ASKED in (ear.wait(1) or ()), "the post is heard")
    line.give_back(number, 0)
    assert ear.wait(10) == {bus.ASKED}  # the next owner is woken
    assert line.claim(number, 0, mine.epoch, "b")
    assert line.answer(number, 0, b"")
    line.give_back(number, 0)  # what is answered stays
    assert line.progress(number) == {0: True}


def test_a_lost_connection_is_opened_again_and_nothing_is_posted_twice(line: bus.Bus, home: Server) -> None:
    line.post(b"first", LONG)
    assert end_connections(home, "hatoba") >= 1
    line.post(b"second", LONG)
    assert [message.body for message in line.messages()] == [b"first", b"second"]


def test_what_a_dead_asker_left_is_removed(line: bus.Bus, home: Server, mine: Shard) -> None:
    old = line.post(b"old", LONG)
    assert line.claim(old, 0, mine.epoch, "a")
    with contextlib.closing(home.connect(server_.DIRECTORY)) as connection:
        connection.execute("UPDATE message SET until = until - 7200000")
        connection.execute("UPDATE answer SET at = at - 7200000")
        new = line.post(b"new", LONG)
        assert connection.execute("SELECT id FROM message").fetchall() == [(new,)]
        assert connection.execute("SELECT * FROM answer").fetchall() == []


def test_an_ear_hears_posts_answers_and_changes_of_the_directory(
    line: bus.Bus, home: Server, mine: Shard, ear: bus.Ear
) -> None:
    number = line.post(b"", LONG)
    assert ear.wait(10) == {bus.ASKED}
    line.claim(number, 0, mine.epoch, "a")
    line.answer(number, 0, b"")
    assert ear.wait(10) == {bus.ANSWERED}
    with contextlib.closing(home.register()) as register:
        register.write(lambda tx: directory.put_domain(tx, DomainRow("new.test", "local", 0, b"{}")))
    assert ear.wait(10) == {bus.DIRECTORY}
    assert ear.wait(0) == set()


def test_an_ear_that_was_cut_off_says_so_and_hears_again(line: bus.Bus, home: Server, ear: bus.Ear) -> None:
    assert end_connections(home, bus.NAMED) == 1
    line.post(b"missed", LONG)
    assert ear.wait(10) is None  # the tables must be looked at
    until(lambda: ear.wait(0.1) == set(), "it listens again")
    line.post(b"heard", LONG)
    assert ear.wait(10) == {bus.ASKED}


def test_a_waiting_ear_is_woken(ear: bus.Ear) -> None:
    heard: list[set[str] | None] = []
    waiting = threading.Thread(target=lambda: heard.append(ear.wait(LONG)))
    waiting.start()
    ear.wake()
    waiting.join(10)
    assert heard == [set()]
