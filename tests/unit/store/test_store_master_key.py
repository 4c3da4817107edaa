"""The file of the master key: made once, for us alone, never guessed."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hatoba.kit import sealing
from hatoba.store import master_key, trouble

KEY = sealing.written(bytes(range(32)))
MARK = sealing.Master(bytes(range(32))).mark


def test_it_is_made_at_first_use(tmp_path: Path) -> None:
    assert master_key.read(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    made = master_key.make(tmp_path)
    path = tmp_path / "master.key"
    assert [entry.name for entry in tmp_path.iterdir()] == ["master.key"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again, read = master_key.make(tmp_path), master_key.read(tmp_path)
    assert read is not None
    assert made.mark == again.mark == read.mark


def test_many_that_make_it_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        marks = {made.mark for made in pool.map(lambda _: master_key.make(tmp_path), range(32))}
    assert len(marks) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["master.key"]


def test_one_that_is_given_counts_before_any_file(tmp_path: Path) -> None:
    master_key.make(tmp_path)
    given = master_key.read(tmp_path, given=KEY, named="/nowhere/at/all")
    assert given is not None
    assert given.mark == MARK
    assert master_key.make(tmp_path, given=KEY).mark == MARK
    with pytest.raises(master_key.BadKey, match="master_key: the master key"):
        master_key.read(tmp_path, given="x")


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    named = tmp_path / "elsewhere"
    for call in (master_key.read, master_key.make):
        with pytest.raises(master_key.BadKey, match="is not there; master_key_file names it"):
            call(tmp_path, named=str(named))
    named.write_text(KEY)
    with pytest.raises(master_key.BadKey, match="can be read by others: chmod 600"):
        master_key.read(tmp_path, named=str(named))
    named.chmod(0o600)
    found = master_key.read(tmp_path, named=str(named))
    assert found is not None
    assert found.mark == MARK


def test_a_damaged_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text("half a ke")
    path.chmod(0o600)
    with pytest.raises(master_key.BadKey, match=r"master\.key: the master key"):
        master_key.make(tmp_path)
    assert path.read_text() == "half a ke"


def test_another_takes_its_place(tmp_path: Path) -> None:
    old = master_key.make(tmp_path)
    path, kept, file = tmp_path / "master.key", tmp_path / "master.key.old", tmp_path / "fresh"
    fresh = master_key.make_at(file)
    master_key.exchange(path, file, kept)
    now, before = master_key.read(tmp_path), master_key.read(tmp_path, named=str(kept))
    assert now is not None
    assert before is not None
    assert (now.mark, before.mark) == (fresh.mark, old.mark)
    master_key.exchange(path, path, kept)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_disk_that_fails_is_store_trouble(tmp_path: Path) -> None:
    with pytest.raises(trouble.StoreTrouble):
        master_key.make(tmp_path / "missing")
