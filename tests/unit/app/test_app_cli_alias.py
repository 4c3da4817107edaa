"""alias and srs as people call them: words, JSON, exit status, next steps."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hatoba.app import cli


class Done:
    """What a verb printed and how it ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def hatoba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """With two domains and two accounts."""
    monkeypatch.delenv("HATOBA_CONFIG", raising=False)
    monkeypatch.setenv("HATOBA_DATA", str(tmp_path / "data"))

    def run(*words: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        out, err = capsys.readouterr()
        return Done(ended.value.code if isinstance(ended.value.code, int) else 0, out, err)

    assert run("domain", "add", "example.org", "new.example").status == 0
    for name in ("alice", "bob"):
        assert run("account", "add", f"{name}@example.org", "--generate").status == 0
    return run


def test_an_alias_from_the_first_day_to_the_last(hatoba: Run) -> None:
    assert "No alias yet" in hatoba("alias", "list").out
    done = hatoba("alias", "add", "Info@example.org", "alice@example.org", "x@far.example", "--json")
    assert done.json["targets"] == ["alice@example.org", "x@far.example"]
    assert hatoba("alias", "join", "info@example.org", "bob@example.org").out == (
        "info@example.org stands for 3 targets.\n"
    )
    assert (
        hatoba("alias", "pause", "info@example.org", "bob@example.org").out
        == "info@example.org: 2 targets of 3 in use.\n"
    )
    shown = hatoba("alias", "show", "info@example.org").out
    assert "→ bob@example.org  (paused)" in shown
    tested = hatoba("alias", "test", "info+x@example.org", "--json").json
    assert [(one["address"], one["kind"]) for one in tested["recipients"]] == [
        ("alice+x@example.org", "mailbox"),
        ("x@far.example", "outside"),
    ]
    assert hatoba("alias", "resume", "info@example.org", "bob@example.org").status == 0
    assert "bob@example.org: mailbox here" in hatoba("alias", "test", "info@example.org").out
    assert "2 targets" in hatoba("alias", "remove", "info@example.org", "x@far.example").out
    assert hatoba("alias", "remove", "info@example.org").out == "info@example.org removed.\n"
    gone = hatoba("alias", "show", "info@example.org")
    assert (gone.status, "hatoba alias list" in gone.err) == (1, True)


def test_every_kind_in_one_list(hatoba: Run) -> None:
    for words in (
        ("@new.example", "@example.org"),
        ("@example.org", "bob@example.org"),
        ("alice@example.org", "alice@far.example", "--keep"),
        ("null@example.org", "discard"),
        ("gone@example.org", "reject 5.1.6 Moved away"),
        ("team@example.org", "alice@example.org", "x@y.example", "--list", "--members-only", "--name", "The Team"),
    ):
        assert hatoba("alias", "add", *words).status == 0
    rows = {row["address"]: row for row in hatoba("alias", "list", "--json").json}
    assert rows["team@example.org"]["list"] == {
        "owner": "postmaster@example.org",
        "members_only": True,
        "name": "The Team",
    }
    assert rows["alice@example.org"]["targets"] == ["alice@example.org", "alice@far.example"]
    table = hatoba("alias", "list").out
    for kind in ("domain", "catch-all", "alias", "discard", "reject", "list, members only"):
        assert f" {kind} " in table
    assert "owner postmaster@example.org, named The Team" in hatoba("alias", "show", "team@example.org").out
    refused = hatoba("alias", "test", "gone@new.example")
    assert (refused.status, "5.1.6 Moved away" in refused.out) == (1, True)
    assert "thrown away" in hatoba("alias", "test", "null@example.org").out
    bounce = hatoba("alias", "test", "team@example.org", "--bounce", "--json").json
    assert [one["address"] for one in bounce["recipients"]] == ["postmaster@example.org"]
    assert [row["address"] for row in hatoba("alias", "list", "new.example", "--json").json] == ["@new.example"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("add", "x@nowhere.example", "bob@example.org"), "hatoba domain add nowhere.example"),
        (("add", "x@example.org"), "needs a target"),
        (("add", "x@example.org", "nobody@example.org"), "nobody here"),
        (("add", "x@example.org", "bob@example.org", "--owner", "alice@example.org"), "add --list"),
        (("add", "x@example.org", "bob@example.org", "--keep"), "no account"),
        (("join", "x@example.org", "bob@example.org"), "hatoba alias list"),
        (("remove", "x@example.org"), "hatoba alias list"),
        (("pause", "x@example.org", "bob@example.org"), "hatoba alias list"),
        (("list", "not a domain"), "no domain name"),
        (("test", "not an address"), "no mail address"),
    ],
)
def test_what_is_declined_says_what_to_do(hatoba: Run, words: tuple[str, ...], hint: str) -> None:
    done = hatoba("alias", *words)
    assert done.status == 1
    assert hint in done.err


def test_import(hatoba: Run, tmp_path: Path) -> None:
    file = tmp_path / "aliases"
    file.write_text("root: alice\nsupport: alice, bob\nftp: |/bin/false\n")
    dry = hatoba("alias", "import", str(file), "--domain", "example.org", "--dry-run", "--json")
    assert (dry.status, dry.json["added"]) == (1, ["root@example.org", "support@example.org"])
    assert "No alias yet" in hatoba("alias", "list").out
    done = hatoba("alias", "import", str(file), "--domain", "example.org")
    assert done.status == 1
    assert "2 aliases taken" in done.out
    assert "line 3: ftp: |/bin/false" in done.out
    assert len(hatoba("alias", "list", "--json").json) == 2
    file.write_text("root: bob\n")
    again = hatoba("alias", "import", str(file), "--domain", "example.org", "--form", "aliases", "--replace")
    assert again.status == 0
    assert hatoba("alias", "show", "root@example.org", "--json").json["targets"] == ["bob@example.org"]


def test_srs(hatoba: Run) -> None:
    assert "No secret yet" in hatoba("srs", "show").out
    assert "A new secret is in use; 0 old ones" in hatoba("srs", "rotate").out
    assert "1 old one" in hatoba("srs", "rotate").out
    assert [row["use"] for row in hatoba("srs", "show", "--json").json] == ["in use", "believed"]
    wrong = hatoba("srs", "reverse", "SRS0=AAAAAA=AA=x.example=y@example.org")
    assert (wrong.status, "not made here" in wrong.err) == (1, True)
    assert hatoba("srs", "reverse", "bob@example.org").status == 1


def test_a_domain_and_an_account_know_of_aliases(hatoba: Run) -> None:
    assert hatoba("alias", "add", "x@new.example", "bob@example.org").status == 0
    assert "hatoba alias list new.example" in hatoba("domain", "remove", "new.example").err
    assert "hatoba alias remove x@new.example" in hatoba("account", "add", "x@new.example", "--generate").err
