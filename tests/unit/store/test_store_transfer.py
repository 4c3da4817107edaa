"""Export and import: a node travels between engines and back, row by row, or not at all."""

import gzip
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import pg, stock

from hatoba import store
from hatoba.store import (
    access,
    base,
    blobs,
    directory,
    export,
    exports,
    fill,
    journal,
    postgres,
    rows,
    spool,
    targets,
    transfer,
    trouble,
)
from hatoba.store.base import Base, Files
from hatoba.store.rows import AccountRow, DomainRow
from hatoba.store.server import Server
from hatoba.store.settings import Database, Settings
from hatoba.store.shard import Shard
from hatoba.store.transfer import BadExport


def quiet(text: str) -> None:
    """No progress."""


@pytest.fixture
def filled(tmp_path: Path, settings: Settings) -> Files:
    """Two shards and a directory with something of everything."""
    home = files(tmp_path / "filled", settings)
    store.prepare(home.data, 2)
    for number in home.numbers():
        with home.shard(number, "test") as opened:
            stock.fill(opened)
    settle(home)
    return home


def files(data: Path, settings: Settings) -> Files:
    return Files(data, settings, blobs.Settings())


def settle(home: Base) -> None:
    register = home.register()
    register.write(lambda tx: directory.put_domain(tx, DomainRow("b.example", "local", stock.NOW, b'{"k":"\xc3\xa9"}')))
    account = AccountRow("ü@b.example", "Ü@b.example", "$argon2id$x", b"\0\xff", 1, 2, 3, enabled=False)
    register.write(lambda tx: directory.put_account(tx, account))
    register.write(lambda tx: access.put_allowance(tx, access.AllowanceRow(account.key, 1, b'{"off":["imap"]}')))
    register.write(lambda tx: access.put_password(tx, access.AppPasswordRow(account.key, "1f", 2, b"\0\xff")))
    register.note(lambda tx: access.came_in(tx, access.LoginRow(account.key, "imap", "1f", 3)))
    register.close()


def written(home: Base) -> bytes:
    out = io.BytesIO()
    found = export.write(home, out.write, "0.1.0", quiet)
    assert found.missing == []
    return out.getvalue()


def last(opened: Shard) -> int:
    with opened.reader() as reader:
        return journal.last(reader)


def read(home: Base, data: bytes) -> dict[str, int]:
    return fill.fill(home, exports.lines(io.BytesIO(data)), quiet)


@pytest.fixture
def empty_server(tmp_path: Path, settings: Settings) -> Iterator[Server]:
    name = pg.database()
    yield Server(tmp_path / "served", settings, Database(url=pg.url(name), shards=1, lease=2))
    pg.drop(name)


def test_files_to_files(filled: Files, tmp_path: Path, settings: Settings) -> None:
    other = files(tmp_path / "other", settings)
    counts = read(other, written(filled))
    assert stock.everything(other) == stock.everything(filled)
    assert stock.bodies(other.data) == stock.bodies(filled.data)
    assert len(stock.bodies(other.data)) == 10
    assert (counts["letter"], counts["recipient"], counts["account"]) == (40, 60, 1)
    with other.shard(1, "test") as opened:  # events go on behind the last
        stock.put(opened, [stock.seal(stock.number(1, 99))])
        assert last(opened) == 21
    assert list((tmp_path / "other").glob("importing*")) == []


def test_to_a_server_and_back(filled: Files, empty_server: Server, tmp_path: Path, settings: Settings) -> None:
    before = stock.everything(filled)
    read(empty_server, written(filled))
    served = stock.everything(empty_server)
    assert served.keys() == before.keys()
    for part, found in served.items():
        for name, listed in found.items():
            if name != "letter":
                assert listed == before[part][name], (part, name)
    for row in served["shard 0"]["letter"]:
        assert row[7] == ""  # no node sees another's files: every body is in its row
        assert len(row[8]) == spool.apart(row[4], row[6])
    other = files(tmp_path / "other", settings)
    read(other, written(empty_server))
    assert stock.everything(other) == before
    assert stock.bodies(other.data) == stock.bodies(filled.data)
    with empty_server.shard(0, "test") as opened:
        stock.put(opened, [stock.seal(stock.number(0, 99))])
        assert last(opened) == 21


def test_a_body_of_megabytes_travels_in_pieces(tmp_path: Path, empty_server: Server) -> None:
    body = stock.BODY + bytes(range(256)) * 8 * 1024 * 2
    home = files(tmp_path / "large", Settings(inline=8 * 1024 * 1024))
    store.prepare(home.data, 1)
    with home.shard(0, "test") as opened:
        stock.put(opened, [stock.seal(stock.number(0, 1), body), stock.seal(stock.number(0, 2))])
    lines = written(home)
    assert max(map(len, lines.splitlines())) < 2 * transfer.PIECE
    read(empty_server, lines)
    served = {row[0]: row[8] for row in stock.everything(empty_server)["shard 0"]["letter"]}
    assert served == {stock.number(0, 1): body, stock.number(0, 2): stock.BODY}
    other = files(tmp_path / "other", Settings())
    read(other, lines)
    assert list(stock.bodies(other.data).values()) == [body]


def test_seqs_of_purged_events_never_come_again(tmp_path: Path, settings: Settings, empty_server: Server) -> None:
    home = files(tmp_path / "purged", settings)
    store.prepare(home.data, 1)
    with home.shard(0, "test") as opened:
        stock.fill(opened, 8)
        opened.write(lambda tx: journal.move(tx, "search", 8))
        opened.write(lambda tx: tx.run("DELETE FROM event"))
    read(empty_server, written(home))
    with empty_server.shard(0, "test") as opened:
        stock.put(opened, [stock.seal(stock.number(0, 99))])
        assert last(opened) == 9
    other = files(tmp_path / "other", settings)
    read(other, written(empty_server))
    with other.shard(0, "test") as opened:
        stock.put(opened, [stock.seal(stock.number(0, 100))])
        assert last(opened) == 10


def test_a_lost_body_is_told_and_travels_as_lost(filled: Files, tmp_path: Path, settings: Settings) -> None:
    victim = next((filled.data / "blobs" / "0001").iterdir())
    victim.unlink()
    out = io.BytesIO()
    found = export.write(filled, out.write, "0.1.0", quiet)
    assert found.missing == [f"shard 0001: {victim.name}"]
    other = files(tmp_path / "other", settings)
    read(other, out.getvalue())
    assert stock.everything(other) == stock.everything(filled)
    assert stock.bodies(other.data) == stock.bodies(filled.data)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_nothing_is_written_over(engine: str, filled: Files, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    lines = written(filled)
    home: Base = files(tmp_path / "other", Settings())
    if engine == "postgresql":
        home = request.getfixturevalue("empty_server")
    read(home, lines)
    before = stock.everything(home)
    with pytest.raises(targets.NotEmpty, match="shard 0000 is not empty, it has rows in"):
        read(home, lines)
    assert stock.everything(home) == before


def test_a_prepared_node_that_has_nothing_is_filled(filled: Files, tmp_path: Path, settings: Settings) -> None:
    home = files(tmp_path / "fresh", settings)
    store.prepare(home.data, 3)
    read(home, written(filled))
    assert home.numbers() == [0, 1, 2]
    found = stock.everything(home)
    assert found.pop("shard 2")["letter"] == []
    assert found == stock.everything(filled)


def test_a_server_at_work_is_left_alone(filled: Files, empty_server: Server) -> None:
    store.prepare(empty_server.data, 1, empty_server.settings, quiet, empty_server.database)
    with empty_server.shard(0, "node a, worker 0"), pytest.raises(trouble.ShardTaken, match="node a"):
        read(empty_server, written(filled))
    assert stock.everything(empty_server)["shard 0"]["letter"] == []


def lines_of(filled: Files) -> list[bytes]:
    return written(filled).splitlines(keepends=True)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda lines: lines[:-1], "cut off after line"),
        (lambda lines: [*lines[:-1], lines[-1][:-20]], "cannot be read"),
        (lambda lines: [*lines[:30], lines[30].replace(b"4", b"5"), *lines[31:]], "its hash is not"),
        (lambda lines: [*lines[:30], *lines[31:]], "its hash is not|stands apart"),
        (lambda lines: [*lines, lines[-2]], "behind the last one"),
        (lambda lines: [*lines[:5], b"rubbish\n", *lines[5:]], "line 6 cannot be read"),
        (lambda lines: [*lines[:5], b'["poem","a"]\n', *lines[5:]], "has no 'poem'"),
        (lambda lines: [*lines[:5], b'["event",1]\n', *lines[5:]], "line 6 cannot be read"),
        (lambda lines: [lines[0], b'["lane","a",0,"",0,"e30="]\n', *lines[1:]], "before its shard"),
        (lambda lines: [lines[0], b'["shard",7,0]\n', *lines[1:]], "not among those"),
        (lambda lines: lines[1:], "no export of hatoba"),
        (lambda lines: [lines[0].replace(b'"version":1', b'"version":2'), *lines[1:]], "reads hatoba-export up to 1"),
        (lambda lines: [lines[0].replace(b'"0003"', b'"0001"'), *lines[1:]], "made at revision 0001 of the shards"),
        (lambda lines: [], "no export"),
    ],
)  # fmt: skip
def test_a_damaged_export_leaves_nothing(
    engine: str,
    damage: Callable[[list[bytes]], list[bytes]],
    said: str,
    filled: Files,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    home: Base = files(tmp_path / "other", Settings())
    if engine == "postgresql":
        home = request.getfixturevalue("empty_server")
        store.prepare(tmp_path / "served", 1, Settings(), quiet, request.getfixturevalue("empty_server").database)
    with pytest.raises(BadExport, match=said):
        fill.fill(home, iter(damage(lines_of(filled))), quiet)
    if engine == "sqlite":
        assert not list((tmp_path / "other").rglob("*.db"))
    else:
        assert stock.everything(home) == {
            f"shard {n}": {name: [] for name in transfer.SHARD} for n in home.numbers()
        } | {"directory": {name: [] for name in transfer.DIRECTORY}}


def test_packed_and_plain_files(filled: Files, tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz"
    for path in (plain, packed):
        with exports.writing(path) as file:
            export.write(filled, file.write, "0.1.0", quiet)
        assert path.stat().st_mode & 0o077 == 0
        with pytest.raises(trouble.StoreTrouble, match="there already"), exports.writing(path):
            raise AssertionError
    first, *_, last = gzip.decompress(packed.read_bytes()).splitlines()
    assert json.loads(first)["format"] == "hatoba-export"
    assert json.loads(last)["counts"]["letter"] == 40
    with exports.reading(packed) as lines:
        assert fill.fill(files(tmp_path / "other", Settings()), lines, quiet)["letter"] == 40
    whole = packed.read_bytes()
    packed.write_bytes(whole[: len(whole) // 2])
    with exports.reading(packed) as lines, pytest.raises(BadExport, match="cut off or is damaged"):
        fill.fill(files(tmp_path / "again", Settings()), lines, quiet)


def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def half() -> None:
        with exports.writing(tmp_path / "x.jsonl") as file:
            file.write(b"half")
            raise trouble.StoreTrouble("the disk", trouble.IO)

    with pytest.raises(trouble.StoreTrouble):
        half()
    assert list(tmp_path.iterdir()) == []


def test_one_state_while_the_worker_goes_on(filled: Files, settings: Settings) -> None:
    """Rows that change between two pages are not mixed: the export is of one moment."""
    with filled.shard(0, "test") as opened:
        out: list[bytes] = []

        def write(line: bytes) -> int:
            out.append(line)
            if line.startswith(b'["letter"') and len(out) < 10:
                opened.write(lambda tx: tx.run("UPDATE recipient SET state = 2"))
                opened.write(lambda tx: tx.run("DELETE FROM letter WHERE id > 0"))
            return len(line)

        before = stock.everything(filled)["shard 0"]["recipient"]
        export.write(filled, write, "0.1.0", quiet)
    recipients = [json.loads(line) for line in out if line.startswith(b'["recipient"')]
    states = sorted((row[1], row[2], row[6]) for row in recipients)
    mine = [state for state in states if state[0] >> 12 & 1023 == 0]
    assert mine == sorted((row[0], row[1], row[5]) for row in before)
    letters = [line for line in out if line.startswith(b'["letter"')]
    assert len(letters) == 40


def test_homes_by_name(tmp_path: Path) -> None:
    assert isinstance(base.of(tmp_path, Settings(), Database(), blobs.Settings()), Files)


def test_a_slow_pipe_does_not_end_the_snapshot(
    filled: Files, empty_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends who is idle in a transaction (a lease's fence); an export waits for its pipe, an import too."""
    monkeypatch.setitem(postgres._SESSION, "idle_in_transaction_session_timeout", "50ms")
    lines = written(filled).splitlines(keepends=True)

    def slowly(lines: list[bytes]) -> Iterator[bytes]:
        for at, line in enumerate(lines):
            if at in (20, 200):
                time.sleep(0.2)
            yield line

    fill.fill(empty_server, slowly(lines), quiet)
    out: list[bytes] = []

    def write(line: bytes) -> int:
        if line.startswith(b'["letter"') and not any(one.startswith(b'["event"') for one in out[-2:]):
            time.sleep(0.01 if len(out) % 7 else 0.1)
        out.append(line)
        return len(line)

    export.write(empty_server, write, "0.1.0", quiet)
    other = files(tmp_path / "other", empty_server.settings)
    read(other, b"".join(out))
    assert stock.everything(other) == stock.everything(filled)


@pytest.mark.parametrize("hold", [False, True])
def test_held_from_the_first_moment(filled: Files, empty_server: Server, hold: bool) -> None:
    fill.fill(empty_server, exports.lines(io.BytesIO(written(filled))), quiet, hold)
    before = [row[5] for row in stock.everything(filled)["shard 0"]["recipient"]]
    after = [row[5] for row in stock.everything(empty_server)["shard 0"]["recipient"]]
    assert after == [rows.HELD if hold and state in (rows.READY, rows.ACTIVE) else state for state in before]
    assert rows.READY in before


def test_a_line_of_another_shape_is_told(filled: Files, tmp_path: Path, settings: Settings) -> None:
    """Valid JSON with the wrong number or kind of values: refused as what it is, and nothing is left."""
    lines = written(filled).splitlines(keepends=True)
    body = next(at for at, line in enumerate(lines) if line.startswith(b'["body"'))
    recipient = next(at for at, line in enumerate(lines) if line.startswith(b'["recipient"'))
    for at, bad in (
        (body, b'["body",5]\n'),
        (body, b'["body","x",[1]]\n'),
        (1, b'["shard"]\n'),
        (1, b'["shard","0",0]\n'),
        (recipient, lines[recipient].replace(b",0,", b",123456789012345678901234567890,", 1)),
        (recipient, lines[recipient].replace(b'"mx:c.example"', b"[]", 1)),
    ):
        assert lines[at] != bad
        other = files(tmp_path / "other", settings)
        with pytest.raises(trouble.StoreTrouble):
            read(other, b"".join([*lines[:at], bad, *lines[at + 1 :]]))
        assert not (other.data / directory.NAME).exists()
