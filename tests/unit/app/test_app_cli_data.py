"""backup, restore, verify, export, import and upgrade as people call them: words, JSON, exit status, next steps."""

# ruff: noqa: S608  # numbers of our own

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support import stock

from hatoba import store
from hatoba.app import cli
from hatoba.kit import ids
from hatoba.store import base, blobs, shard
from hatoba.store.settings import Settings

LONELY, ORPHAN, BARE, SPOILT = (stock.number(0, count) for count in (2, 6, 10, 14))  # held: in nobody's memory


class Done:
    """What a verb printed and how it ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    home = base.Files(tmp_path / "data", Settings(inline=4096), blobs.Settings())
    store.prepare(home.data, 1)
    with home.shard(0, "test") as opened:
        stock.fill(opened)
    return home.data


@pytest.fixture
def hatoba(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.delenv("HATOBA_CONFIG", raising=False)

    def run(*words: str, where: Path = data) -> Done:
        monkeypatch.setenv("HATOBA_DATA", str(where))
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        out, err = capsys.readouterr()
        return Done(ended.value.code if isinstance(ended.value.code, int) else 0, out, err)

    return run


def damage(data: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(shard.database(data, 0))) as database, database:
        for statement in statements:
            database.execute(statement)


def test_a_backup_is_made_checked_and_restored(hatoba: Run, tmp_path: Path) -> None:
    place, other = tmp_path / "b", tmp_path / "other"
    done = hatoba("backup", str(place))
    assert done.status == 0
    assert done.out.startswith(f"Backed up to {place}: 20 letters in the queue, 0 domains, 0 accounts; 11 files,")
    assert "hatoba: shard 0000: 20 letters, 5 large bodies" in done.err
    again = hatoba("backup", str(place))
    assert (again.status, again.err.splitlines()[-1]) == (
        1, f"Error: {place} is not empty: a backup needs a folder of its own",
    )  # fmt: skip
    assert hatoba("verify", "--backup", str(place)).out == f"backup {place}: 11 files, 20 letters: all well\n"
    refused = hatoba("restore", str(place))
    assert refused.status == 1
    assert "is not empty" in refused.err
    assert hatoba("restore", str(place), "--json", where=other).json["letters"] == 20
    assert hatoba("verify", "--json", where=other).json["ok"]
    (place / "hatoba.db").write_bytes(b"")
    spoilt = hatoba("verify", "--backup", str(place), "--json")
    assert (spoilt.status, spoilt.json["parts"][0]["findings"][0]["kind"]) == (1, "backup-damaged")
    assert hatoba("verify", "--backup", str(tmp_path)).status == 1


def test_a_backup_that_misses_a_body_says_so(hatoba: Run, data: Path, tmp_path: Path) -> None:
    victim = next((data / "blobs" / "0000").iterdir())
    victim.unlink()
    done = hatoba("backup", str(tmp_path / "b"), "--json")
    assert (done.status, done.json["missing_bodies"]) == (1, [f"shard 0000: {victim.name}"])
    assert "see `hatoba verify`" in done.err


def test_a_node_travels_in_a_file(hatoba: Run, tmp_path: Path) -> None:
    file = tmp_path / "node.jsonl"
    assert hatoba("export", str(file)).out == (
        f"Exported to {file}: 20 letters, 20 events, 0 domains, 0 accounts.\n"
    )  # fmt: skip
    assert hatoba("import", str(file), where=tmp_path / "other").out.startswith("Imported 20 letters, 20 events")
    assert "is not empty" in hatoba("import", str(file), where=tmp_path / "other").err
    file.write_bytes(file.read_bytes()[:-10])
    assert "cannot be read" in hatoba("import", str(file), where=tmp_path / "third").err
    assert not list((tmp_path / "third").rglob("*.db"))


def test_every_next_step_leads_on(hatoba: Run, data: Path) -> None:
    """What `verify` tells people to run does what it promises."""
    damage(
        data,
        f"DELETE FROM recipient WHERE letter = {LONELY}",
        f"DELETE FROM letter WHERE id = {ORPHAN}",
        f"UPDATE letter SET body = NULL WHERE id = {BARE}",
        f"UPDATE letter SET meta = x'7b' WHERE id = {SPOILT}",
        "UPDATE lane SET data = x'7b'",
        "DELETE FROM word",
    )
    done = hatoba("verify")
    assert done.status == 1
    assert (
        f"1 × letter-without-recipients: a letter nobody is left to receive\n      {ids.text(LONELY)}\n    →"
        in done.out
    )
    kinds = {one["kind"] for part in hatoba("verify", "--json").json["parts"] for one in part["findings"]}
    assert kinds == {
        "letter-without-recipients", "recipient-without-letter", "body-missing", "letter-undecodable",
        "lane-undecodable", "index-incomplete",
    }  # fmt: skip
    assert hatoba("verify", "--tidy").out == "2 letters of which half was left removed.\n"
    assert hatoba("verify", "--reindex", "--json").json == {"reindexed": 1}
    for letter in (BARE, SPOILT):
        assert hatoba("queue", "drop", ids.text(letter)).out == "1 recipient dropped.\n"
        again = hatoba("queue", "drop", ids.text(letter))
        assert again.status == 1
        assert f"{ids.text(letter)} is not in the queue (any more)" in again.err
    hatoba("queue", "release", "--lane", "mx:c.example")
    assert hatoba("verify").status == 0
    story = hatoba("trace", ids.text(LONELY)).out
    assert "half a letter was left" in story


def test_an_upgrade_that_was_none(hatoba: Run) -> None:
    assert hatoba("upgrade").out == "At this program's revision: hatoba.db 0003, 0000.db 0003.\n"
    refused = hatoba("upgrade", "--back")
    assert (refused.status, "there was no upgrade to go back from" in refused.err) == (1, True)
