"""PostgreSQL's plans for what runs often: always by an index, whatever the server believes of the tables' sizes."""

import contextlib
from collections.abc import Iterator

import pytest
from psycopg import sql as quoted
from tests.support import pg

from hatoba.store import arrays, chain, contents, journal, postgres, queue, spool, words
from hatoba.store.server import Server
from hatoba.store.settings import Database, Settings
from hatoba.store.sql import Multi

ROWS = 20_000
PLANS = {
    "lanes": (queue.LANES, "recipient_rest"),
    "priority": (queue.PRIORITY, "recipient_due"),
    "due": (queue.DUE, "recipient_due"),
    "recover": (queue.RECOVER, "recipient_active"),
    "lease": (queue.LEASES, "recipient_pkey"),
    "update": (queue.UPDATES, "recipient_pkey"),
    "give back": (queue.GIVEN_BACK, "recipient_pkey"),
    "move": (queue.MOVED, "recipient_pkey"),
    "set back": (queue.NEARER, "recipient_pkey"),
    "ahead": (queue.AHEAD, "recipient_pkey"),
    "keys gone": (queue.RECIPIENTS_GONE, "recipient_pkey"),
    "recipients gone": (queue.LETTERS_RECIPIENTS_GONE, "recipient_pkey"),
    "letters gone": (queue.LETTERS_GONE, "letter_pkey"),
    "whole letters": (spool.WHOLE, "letter_pkey"),
    "words dropped": (words.DROP, "word_pkey"),
    "words unknown": (words.UNKNOWN, "word_pkey"),
    "first span": (words.FIRST_SPAN, "word_pkey"),
    "last span": (words.LAST_SPAN, "word_pkey"),
    "letters": (words.LETTERS, "event_letter"),
    "queued letters": (words.QUEUED, "recipient_pkey"),
    "letters of a span": (words.BETWEEN, "event_letter"),
    "links": (chain.AFTER, "link_pkey"),
    "last link": (chain.LAST, "link_pkey"),
    "octets kept": (contents.TOTAL, "content_octets"),
    "oldest kept": (contents.OLDEST, "content_octets"),
    "events of a letter": (journal.OF_LETTER, "event_letter"),
    "events gone": (journal.REMOVE, "event_pkey"),
    "found": (words.FIND, "word_pkey"),
    "behind a cursor": (journal.AFTER, "event_pkey"),
}


@pytest.fixture(scope="module", params=["never analysed", "analysed"])
def filled(
    pg_template: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[postgres.Connection]:
    """20,000 recipients in 101 lanes, all states, on the connection of a writer."""
    name = pg.database(pg_template)
    home = Server(tmp_path_factory.mktemp("plans"), Settings(), Database(url=pg.url(name), shards=1))
    rows = [
        (k, 0, "b@c", "c", f"s{k % 200 if k & 1 else 0}", k % 7 % 4, 0, k, k % 3, 0, b"{}", b"{}") for k in range(ROWS)
    ]
    with contextlib.closing(home.connect("shard_0000")) as connection:
        link = postgres.Link(connection, "plans", (0, 1))
        for table in ("letter", "recipient", "event", "word", "link", "content"):
            connection.execute(
                quoted.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(quoted.Identifier(table))
            )
        for text, parameters in arrays.parts(queue.RECIPIENTS, rows):
            link.tx.run(text, parameters)
        if request.param == "analysed":
            connection.execute("ANALYZE")
        yield connection
    pg.drop(name)


def marked(text: str) -> str:
    """With the server's own marks, $1 and so on."""
    pieces = postgres.translated(text).split("%s")
    return "".join(f"{piece}${number}" for number, piece in enumerate(pieces[:-1], 1)) + pieces[-1]


@pytest.mark.parametrize("name", PLANS)
def test_plans_use_an_index(filled: postgres.Connection, name: str) -> None:
    shape, index = PLANS[name]
    text = shape.arrays if isinstance(shape, Multi) else shape
    plan = "\n".join(
        row[0]
        for row in filled.execute(quoted.SQL("EXPLAIN (GENERIC_PLAN, COSTS OFF) ") + quoted.SQL(marked(text)))  # type: ignore[arg-type]  # constants of ours
    )
    assert f"using {index}" in plan or f"Bitmap Index Scan on {index}" in plan, plan
    assert "Seq Scan" not in plan, plan
    assert "Hash Join" not in plan, plan


def test_lanes_cost_by_lane_and_not_by_row(filled: postgres.Connection) -> None:
    """Counted in pages: the loose scan of 101 lanes does not read 20,000 entries."""
    reader = postgres.Tx(filled)
    assert len(queue.next_due(reader)) == 101
    plan = reader.rows(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + queue.LANES.replace("LIMIT ?", "LIMIT 1000"), (1 << 60,)
    )
    top = plan[0][0][0]["Plan"]
    assert top["Actual Rows"] == 101
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 101 * 12
