"""Every verb is marked as reading or as logged; what is not marked is logged; secrets never are."""

from pathlib import Path

import click
import pytest

from hatoba.app import admin_log, cli
from hatoba.app.cli import marks
from hatoba.app.settings import Settings
from hatoba.store import admin, directory
from hatoba.store.settings import Settings as Store


def verbs() -> set[str]:
    return {verb for verb, _ in marks.leaves(cli.cli, "")}


def test_every_verb_is_marked_once() -> None:
    """A new verb: one line in cli/marks.py, in READS or in LOGGED."""
    found = verbs()
    assert found - marks.READS - marks.LOGGED.keys() == set(), "these verbs are in neither table of cli/marks.py"
    assert marks.READS & marks.LOGGED.keys() == set()
    assert (marks.READS | marks.LOGGED.keys()) - found == set(), "these verbs are no more"


def entries(data: Path) -> list[tuple[str, str, str]]:
    register = directory.attach(data, Store())
    try:
        return [(one.verb, one.who, one.data.decode()) for one in admin.newest(register.reader, 0, 99)][::-1]
    finally:
        register.close()


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(words))
    return ended.value.code if isinstance(ended.value.code, int) else 0


def test_what_changes_is_logged_and_what_reads_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HATOBA_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("HATOBA_CONFIG", raising=False)
    monkeypatch.setenv("SUDO_USER", "hanako")
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 4711 192.0.2.1 22")
    assert call("domain", "add", "a.example", "b.example") == 0  # before it there was no directory
    assert call("domain", "list") == 0
    assert call("account", "add", "me@a.example", "--generate") == 0
    assert call("account", "add", "me@a.example", "--generate") == 1
    assert call("verify") == 0
    assert call("domain", "remove") == 2  # not understood: nothing was done
    said = capsys.readouterr().out
    password = next(word for line in said.splitlines() for word in line.split() if word.count("-") == 5)
    found = entries(tmp_path / "data")
    assert [(verb, who) for verb, who, _ in found] == [
        ("domain add", "cli:hanako"), ("account add", "cli:hanako"), ("account add", "cli:hanako"),
    ]  # fmt: skip
    assert '"arguments":{"names":["a.example","b.example"]}' in found[0][2]
    assert '"outcome":"done"' in found[1][2]
    assert '"ssh":"192.0.2.9"' in found[1][2]
    assert '"outcome":"refused: ' in found[2][2]
    assert password not in str(found)
    assert call("audit", "log", "--verb", "account", "--json") == 0
    assert capsys.readouterr().out.count('"verb": "account add"') == 2
    assert call("audit", "log", "--who", "nobody") == 0
    assert "Nothing was changed yet" in capsys.readouterr().out


def test_a_verb_that_nobody_marked_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATOBA_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("HATOBA_CONFIG", raising=False)
    assert call("domain", "add", "a.example") == 0

    @click.command()
    @click.argument("what")
    @click.option("--api-token", default="")
    @click.option("--url", default="")
    def new(what: str, api_token: str, url: str) -> None:
        raise RuntimeError(what)

    marks.mark(new, "new verb")
    marks.mark(new, "new verb")  # loaded twice, logged once
    with pytest.raises(RuntimeError):
        new.main(["x", "--api-token", "geheim", "--url", "s3://u:geheim@h/b"], standalone_mode=False)
    found = entries(tmp_path / "data")
    assert [verb for verb, _, _ in found] == ["domain add", "new verb"]
    assert '"outcome":"failed: RuntimeError"' in found[1][2]
    assert "geheim" not in found[1][2]
    assert '"url":"s3://********@h/b"' in found[1][2]


def test_arguments_are_bounded() -> None:
    found = admin_log.arguments({"names": ["x" * 9999] * 999, "as_json": True, "wait": "", "file": Path("a"), "n": 3})
    assert (len(found["names"]), {len(one) for one in found["names"]}) == (100, {512})
    assert found["file"] == str(Path("a").absolute())
    assert found.keys() == {"names", "file", "n"}


def test_without_a_directory_nothing_is_said(tmp_path: Path) -> None:
    facts = admin_log.Facts("done")
    assert admin_log.record(Settings(data=str(tmp_path)), "me", "domain add", facts) == ""
    (tmp_path / "hatoba.db").write_bytes(b"x" * 8192)
    assert admin_log.record(Settings(data=str(tmp_path)), "me", "domain add", facts) != ""
