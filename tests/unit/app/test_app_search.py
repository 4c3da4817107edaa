"""hatoba search and hatoba audit as people call them: all shards, pages, files for programs, contents, heads."""

import csv
import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support import stock

from hatoba import store
from hatoba.app import cli, moments
from hatoba.journal import forms, search
from hatoba.kit import ids
from hatoba.store import base, blobs, chain
from hatoba.store.settings import Settings

Run = Callable[..., tuple[int, str, str]]
FIRST = stock.number(0, 0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two shards with twenty letters each, of which the index of the second knows none."""
    home = base.Files(tmp_path / "data", Settings(inline=4096), blobs.Settings())
    store.prepare(home.data, 2)
    for number in range(2):
        with home.shard(number, "test") as opened:
            stock.fill(opened)
            if number:
                opened.write(search.renew)
    return home.data


@pytest.fixture
def hatoba(data: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    monkeypatch.delenv("HATOBA_CONFIG", raising=False)
    monkeypatch.setenv("HATOBA_DATA", str(data))

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        out, err = capsysbinary.readouterr()
        return ended.value.code if isinstance(ended.value.code, int) else 0, out.decode(), err.decode()

    return run


def found(hatoba: Run, *words: str) -> list[dict[str, Any]]:
    status, out, _ = hatoba("search", "--json", *words)
    assert status == 0
    listed: list[dict[str, Any]] = json.loads(out)
    return listed


def test_pages_over_all_shards(hatoba: Run) -> None:
    everything = [hit["id"] for hit in found(hatoba)]
    assert len(everything) == 40
    assert everything == sorted(everything, reverse=True)
    assert {ids.part(ids.number(one)) for one in everything[:4]} == {0, 1}
    pages, below = [], ""
    while page := [hit["id"] for hit in found(hatoba, "--limit", "7", *(("--below", below) if below else ()))]:
        pages += page
        below = page[-1]
    assert pages == everything
    assert "There may be more: --below" in hatoba("search", "--limit", "7")[1]


def test_what_is_asked(hatoba: Run) -> None:
    assert {hit["to"][0] for hit in found(hatoba, "--to", "bob7@c.example")} == {"bob7@c.example"}
    assert len(found(hatoba, "日本", "--domain", "d.example")) == 20
    assert len(found(hatoba, "--subject", "日本", "--ip", "192.0.2.1", "--status", "queued")) == 40
    assert found(hatoba, "--subject", "本日") == []
    assert len(found(hatoba, "--from", "b.example", "--since", "2026-11-01", "--until", "2027-01-01")) in (0, 40)
    assert found(hatoba, "--until", "2020-01-01") == []
    for bad in (("--ip", "x"), ("--since", "soon"), ("--below", "?"), ("--subject", "…")):
        status, _, err = hatoba("search", *bad)
        assert (status, bool(err)) == (1, True)
    assert hatoba("search", "--status", "lost")[0] == 2


@pytest.mark.parametrize(
    "word", ["%", "_", "*", '"', "'; DROP TABLE word; --", "NEAR(a b)", "\\", "\x00", "a" * 900, "-- "]
)
def test_a_query_is_never_more_than_a_query(hatoba: Run, word: str) -> None:
    for option in ((), ("--from",), ("--to",), ("--domain",), ("--message-id",), ("--account",), ("--hit",)):
        assert found(hatoba, *option, *(("--", word) if not option else (word,))) == []
    assert len(found(hatoba)) == 40


def test_files_for_programs(hatoba: Run, tmp_path: Path) -> None:
    status, out, err = hatoba("search", "--ndjson", "-", "--limit", "1")
    assert (status, err) == (0, "40 letters written to -.\n")
    assert len([json.loads(line) for line in out.splitlines()]) == 40  # all of them, whatever the limit
    file = tmp_path / "found.csv"
    assert hatoba("search", "--csv", str(file))[0] == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert (len(rows), rows[0]["subject"], file.stat().st_mode & 0o077) == (40, "日本", 0)
    assert hatoba("search", "--csv", str(file))[0] == 1  # it is there already


def test_a_cell_is_no_formula(data: Path, hatoba: Run) -> None:
    with base.Files(data, Settings(), blobs.Settings()).shard(0, "test") as opened:
        seal = stock.seal(stock.number(0, 99))
        made = stock.letter(stock.number(0, 99))
        made.subject = "=HYPERLINK(1)"
        seal.events = [forms.accepted(made)]
        stock.put(opened, [seal])
    _, out, _ = hatoba("search", "--csv", "-", "--subject", "hyperlink")
    assert "'=HYPERLINK(1)" in out


def test_contents(hatoba: Run, data: Path, tmp_path: Path) -> None:
    status, out, err = hatoba("audit", "content", ids.text(FIRST))
    assert (status, err.strip()) == (0, f"{ids.text(FIRST)}: 4096 of 6047 octets (whole).")
    assert out.startswith("From: carol@b.example\r\n")
    again = json.loads(hatoba("audit", "content", ids.text(FIRST), "--json")[1])
    assert (again["whole"], again["size"], again["octets"], again["encrypted"]) == (False, 6047, 4096, False)
    assert hatoba("audit", "content", ids.text(FIRST), "--output", str(tmp_path / "letter"))[0] == 0
    assert (tmp_path / "letter").stat().st_size == 4096
    status, _, err = hatoba("audit", "content", ids.text(stock.number(0, 5)))
    assert (status, "nothing is kept" in err) == (1, True)
    assert hatoba("audit", "content", "?")[0] == 1
    log = json.loads(hatoba("audit", "log", "--json")[1])
    assert len([one for one in log if one["verb"] == "audit content"]) == 5  # who looked is known


def test_heads(hatoba: Run, data: Path, tmp_path: Path) -> None:
    assert hatoba("domain", "add", "a.example")[0] == 0
    kept = tmp_path / "heads"
    kept.write_text(hatoba("audit", "head")[1])
    assert [line.split()[0] for line in kept.read_text().splitlines()] == ["hatoba", "shard", "shard", "admin"]
    assert hatoba("domain", "add", "b.example")[0] == 0
    assert hatoba("verify", "--head", str(kept))[0] == 0
    with base.Files(data, Settings(), blobs.Settings()).shard(1, "test") as opened:
        opened.write(lambda tx: tx.run("UPDATE event SET at = at + 1 WHERE seq = 3"))
        opened.write(lambda tx: tx.run("DELETE FROM link"))
        opened.write(lambda tx: chain.write(tx, chain.read(tx, stock.NOW, 18)))  # made anew, with all its hashes
    assert hatoba("verify")[0] == 0
    status, out, _ = hatoba("verify", "--head", str(kept))
    assert (status, "head-differs" in out, "shard 0001 at 18" in out) == (1, True, True)


def test_signed_heads(hatoba: Run, tmp_path: Path) -> None:
    private, public, other = tmp_path / "a.pem", tmp_path / "b.pem", tmp_path / "c.pem"
    for file in (private, other):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", file], check=True, capture_output=True)
    for file, to in ((private, public), (other, tmp_path / "d.pem")):
        subprocess.run(["openssl", "pkey", "-in", file, "-pubout", "-out", to], check=True, capture_output=True)
    kept = tmp_path / "heads"
    kept.write_text(hatoba("audit", "head", "--key", str(private))[1])
    assert hatoba("verify", "--head", str(kept), "--head-key", str(public))[0] == 0
    assert hatoba("verify", "--head", str(kept), "--head-key", str(tmp_path / "d.pem"))[0] == 1
    kept.write_text(kept.read_text().replace(" 18 ", " 17 "))
    assert hatoba("verify", "--head", str(kept), "--head-key", str(public))[0] == 1
    assert hatoba("audit", "head", "--key", str(kept))[0] == 1
    kept.write_text("junk")
    assert hatoba("verify", "--head", str(kept))[0] == 1


def test_points_in_time() -> None:
    now = stock.NOW
    assert moments.read("2h", now) == now - 7_200_000
    assert moments.read("2026-11-24T09:30+09:00", now) == 1_795_480_200_000
    assert moments.read("2026-11-24T00:30Z", now) == 1_795_480_200_000
    with pytest.raises(ValueError, match="no point in time"):
        moments.read("yesterday", now)
