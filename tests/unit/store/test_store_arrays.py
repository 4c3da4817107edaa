"""Columns packed for PostgreSQL: what goes in comes out of a real server; what fits no column is refused."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import pg

from hatoba.store import arrays, postgres
from hatoba.store.sql import Multi

SHAPE = Multi("SELECT column1, column2, column3 FROM ({values}) AS v", "itb")
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
        st.none() | st.binary(max_size=40),
    ),
    min_size=1,
    max_size=30,
)


@pytest.fixture(scope="module")
def connection() -> Iterator[postgres.Connection]:
    opened = postgres.connect(pg.url(), "public", timeout=5)
    yield opened
    opened.close()


@given(ROWS)
@settings(max_examples=50, deadline=None)
def test_round_trip(connection: postgres.Connection, rows: list[tuple[int, str, bytes | None]]) -> None:
    reader = postgres.Tx(connection)
    assert [found for part in reader.parts(SHAPE, rows) for found in reader.rows(*part)] == rows


def test_bare_numbers(connection: postgres.Connection) -> None:
    reader = postgres.Tx(connection)
    shape = Multi("SELECT n FROM generate_series(1, 3000) AS s(n) WHERE n {among}", "i")
    wanted = list(range(1, 2600))
    parts = list(reader.parts(shape, wanted))
    assert [text for text, _ in parts] == [shape.arrays] * 3
    assert sorted(n for part in parts for (n,) in reader.rows(*part)) == wanted


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ((1 << 63, "x", b""), OverflowError),
        ((-(1 << 63) - 1, "x", b""), OverflowError),
        ((1, "\ud800", b""), UnicodeError),
    ],
)
def test_what_fits_no_column(row: tuple[int, str, bytes], error: type[Exception]) -> None:
    with pytest.raises(error):
        list(arrays.parts(SHAPE, [row]))


def test_a_nought_in_a_text_is_one_rows_fault(connection: postgres.Connection) -> None:
    with pytest.raises(psycopg.errors.CharacterNotInRepertoire):
        connection.execute(postgres.translated(SHAPE.arrays), next(arrays.parts(SHAPE, [(1, "a\0b", b"")]))[1])


def test_large_columns_are_cut() -> None:
    """The server holds a statement's arrays in memory: many large bodies go in several."""
    body = b"x" * (arrays.OCTETS // 3)
    rows = [(number, "", body) for number in range(8)] + [(8, "", None)]
    sizes = [len(parameters[2].data) for _, parameters in arrays.parts(SHAPE, rows)]
    assert len(sizes) == 3
    assert max(sizes) < arrays.OCTETS + 1000
    assert list(arrays.parts(SHAPE, [])) == []
    (one,) = arrays.parts(SHAPE, [(1, "", b"x" * (arrays.OCTETS + 1))])  # alone, however large
    assert len(one[1][2].data) > arrays.OCTETS
