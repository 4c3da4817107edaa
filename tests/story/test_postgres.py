"""A whole hatoba that lives in PostgreSQL: a first letter, orders at the command line, stops, a restarting server."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.support import pg, post
from tests.support.town import ALICE, Town, careless
from tests.support.wait import until

COUNT = 30


@pytest.fixture
def database() -> Iterator[str]:
    name = pg.database()
    yield pg.url(name)
    pg.drop(name)


def numbered(number: int) -> bytes:
    return post.LETTER.replace(b"a letter", b"number %d" % number)


def cut(url: str) -> None:
    """All connections of the database end, as when the server restarts."""
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_first_letter_and_orders(tmp_path: Path, database: str) -> None:
    with Town(tmp_path, workers=2, database=database) as town, town.peer("first.example") as peer:
        with post.dial(town.submission, context=careless()) as client:
            client.login(ALICE, post.PASSWORD)
            letter = post.hand_in(client, ALICE, ["bob@first.example", ALICE], post.LETTER)
        assert post.untraced(peer.wait_letters(1, 60)[0].content) == post.LETTER
        town.alice.holding(b"a letter")
        assert "delivered" in post.kinds(post.story_with(town.node, letter, "delivered"))
        peer.stages["RCPT"] = "451 4.3.2 Not now"
        cut(database)  # readers and writers connect again by themselves
        town.send("carol@example.org", "bob@first.example")
        until(lambda: town.node.json("queue", "ls") != [], "a letter that waits", every=0.3)
        town.node.end()
        assert not list(town.node.data.glob("**/*.db"))
        (waiting,) = town.node.json("queue", "ls")  # nobody runs: the command line asks the server itself
        assert post.kinds(post.story(town.node, letter))[0] == "accepted"
        assert ALICE in town.node.cli("account", "list")
        town.node.cli("queue", "drop", waiting["id"])
        assert town.node.json("queue", "ls") == []
    assert "postgres@" not in town.log()


@pytest.mark.parametrize("how", ["SIGTERM", "kill -9"])
def test_nothing_queued_is_lost(tmp_path: Path, database: str, how: str) -> None:
    town = Town(tmp_path, workers=2, database=database)
    with town, town.peer("away.example", {"banner": "421 4.3.2 Not yet"}) as peer:
        for n in range(COUNT):
            town.send("carol@example.org", f"bob{n}@away.example", numbered(n))
        if how == "SIGTERM":
            town.node.end()
        else:
            town.node.kill()
        audit = town.node.audit()
        assert audit.faults == []
        assert len(audit.queued) == COUNT
        peer.stages["banner"] = "220 here now"
        town.node.start()
        peer.wait_letters(COUNT, 60)
        until(lambda: town.node.json("queue", "ls") == [], "an empty queue", every=0.3)
        town.node.end()
        audit = town.node.audit()
    came = Counter(letter.recipients[0] for letter in peer.letters)
    assert came == {f"bob{n}@away.example": 1 for n in range(COUNT)}
    assert (len(audit.accepted), audit.queued, audit.lost) == (COUNT, set(), set())
