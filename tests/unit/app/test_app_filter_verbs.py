"""hatoba list, filter, explain and the check of [filter], as people call them while nothing runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hatoba.app import cli, config, filterfaults

Run = Callable[..., str]


@pytest.fixture
def hatoba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A verb's output; `fails`: it is to end with status 1, and what it says is given back."""
    monkeypatch.setenv("HATOBA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HATOBA_HOSTNAME", "mx.example.org")
    monkeypatch.setenv("HATOBA_DNS_SERVERS", "127.0.0.1:9")  # nobody: no look-up leaves this machine
    monkeypatch.setenv("HATOBA_DNS_TIMEOUT", "100ms")
    monkeypatch.setenv("HATOBA_DNS_ATTEMPTS", "1")
    file = tmp_path / "hatoba.toml"
    file.write_text("")

    def run(*words: str, fails: bool = False, settings: str | None = None) -> str:
        if settings is not None:
            file.write_text(settings)
        with pytest.raises(SystemExit) as ended:
            cli.main(["--config", str(file), *words])
        out, err = capsys.readouterr()
        assert (ended.value.code == 1) is fails, out + err
        return out + err

    return run


def test_lists_are_filled_shown_and_emptied(hatoba: Run, tmp_path: Path) -> None:
    assert "The deny list is empty" in hatoba("list", "deny", "show")
    assert "2 entries new" in hatoba("list", "deny", "add", "192.0.2.0/24", "Bad.example", "--note", "noisy")
    assert "(was there)" in hatoba("list", "deny", "add", "192.0.2.0/24")
    rows = json.loads(hatoba("list", "deny", "show", "--json"))
    assert [(row["what"], row["value"]) for row in rows] == [("ip", "192.0.2.0/24"), ("sender", "bad.example")]
    (tmp_path / "networks").write_text("# drop list\n198.51.100.0/24  # one\n\n203.0.113.0/24\n")
    assert "2 entries new" in hatoba(
        "list", "deny", "add", "--file", str(tmp_path / "networks"), "--for", "Example.org"
    )
    rows = json.loads(hatoba("list", "deny", "show", "--for", "example.org", "--json"))
    assert {row["value"] for row in rows} == {"198.51.100.0/24", "203.0.113.0/24"}
    assert "noisy" in hatoba("list", "deny", "show") or "192.0.2.0/24" in hatoba("list", "deny", "show")
    assert "1 removed" in hatoba("list", "deny", "remove", "bad.example")
    assert "is not in the list; see: hatoba list deny show" in hatoba(
        "list", "deny", "remove", "bad.example", fails=True
    )


@pytest.mark.parametrize("words", [("192.0.2.1/24",), ("a b",), ()])
def test_entries_that_are_none_change_nothing(hatoba: Run, words: tuple[str, ...]) -> None:
    assert "Error" in hatoba("list", "allow", "add", "192.0.2.1", *words, fails=True) if words else True
    if not words:
        assert "nothing to do" in hatoba("list", "allow", "add", fails=True)
    assert json.loads(hatoba("list", "allow", "show", "--json")) == []


def test_the_settings_files_entries_are_shown(hatoba: Run) -> None:
    hatoba("list", "allow", "add", "192.0.2.1")
    shown = hatoba("list", "allow", "show", settings='[filter.lists]\nallow = ["helo:mx.friend.example"]\n')
    assert "mx.friend.example" in shown
    assert "in the settings file" in shown


TABLE = """
[filter]
reject_at = 10
[filter.reverse]
missing = 1.5
helo_ours = "reject"
[filter.greylist]
on = true
[[filter.dnsbl]]
zone = "bl.example"
[[filter.dnsbl.code]]
answer = "127.0.0.10"
weight = 3
[[filter.rate]]
per = "account"
hour = 100
[[filter.rule]]
name = "programs"
look = "file"
match = "glob"
pattern = ["*.exe"]
weight = "reject"
domains = ["example.org"]
[[filter.domain]]
name = "*.example.net"
junk_at = 3
"""


def test_the_table_is_what_is_in_force(hatoba: Run) -> None:
    shown = hatoba("filter", settings=TABLE)
    for words in ("missing +1.5, helo ours reject", "127.0.0.10 +3, other answers reject", "account: 100 per hour",
                  "programs reject (for example.org)", "greylist for 5m", "*.example.net"):  # fmt: skip
        assert words in shown, words
    told = json.loads(hatoba("filter", "--json"))
    order = [row["check"] for row in told["checks"] if row["stages"] == "recipient"]
    assert order == ["lists", "dnsbl bl.example", "reverse", "rules", "greylist", "rate"]
    assert {row["check"] for row in told["checks"] if row["inside"]} == {"rules", "rate"}
    assert told["thresholds"][1]["domain"] == "*.example.net"
    assert told["thresholds"][1]["at"][1] == 3


LETTER = (
    "From: a@s.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
    'Content-Disposition: attachment; filename="a.exe"\n\nMZ\n--b--\n'
)

QUIET = '\n[auth]\niprev = false\nspf = "off"\ndkim = false\narc = false\ndmarc = "off"\n'


def explain(hatoba: Run, file: Path, *words: str, **more: Any) -> Any:
    out = hatoba("explain", str(file), "--ip", "192.0.2.1", "--from", "a@s.example", *words, "--json", **more)
    return json.loads(out[out.index("{") :])


def test_explain_without_a_running_hatoba(hatoba: Run, tmp_path: Path) -> None:
    file = tmp_path / "letter.eml"
    file.write_text(LETTER)
    settings = TABLE.replace("on = true", "on = false") + QUIET
    hatoba("domain", "add", "example.org", "--relay", settings=settings.replace("missing = 1.5\n", ""))
    story = explain(hatoba, file, "--to", "bob@example.org")
    assert (story["action"], story["status"]) == ("reject", "5.7.1 This letter is not welcome here")
    assert (story["decisive"], story["reason"]) == ("rule programs", "file: a.exe")
    assert story["recipients"] == [["bob@example.org", "2.1.5 taken"]]
    story = explain(hatoba, file, "--to", "bob@example.org", "--helo", "mx.example.org")
    assert story["decisive"] == "reverse helo_ours"
    assert [each["check"] for each in story["heard"] if not each["reached"] and each["action"]] == ["rule programs"]
    story = explain(hatoba, file, "--to", "bob@elsewhere.example")
    assert story["status"] == "5.7.1 <bob@elsewhere.example>: relay access denied"
    assert story["decisive"] == "intake"


def test_explain_tells_where_the_copies_go(hatoba: Run, tmp_path: Path) -> None:
    file = tmp_path / "letter.eml"
    file.write_text(LETTER.replace("a.exe", "a.txt"))
    hatoba("domain", "add", "example.org", settings=QUIET)
    hatoba("alias", "add", "team@example.org", "x@away.example", "y@away.example")
    hatoba("srs", "rotate")  # a node that never ran has no secret yet
    story = explain(hatoba, file, "--to", "team@example.org")
    assert [to for to, _ in story["goes"]] == ["x@away.example", "y@away.example"]
    assert all(reverse.startswith("SRS0=") for _, reverse in story["goes"])
    assert all(reverse.endswith("=s.example=a@example.org") for _, reverse in story["goes"])
    assert any("team@example.org" in change for change in story["rewrites"])
    assert "Goes to x@away.example, with the reverse-path <SRS0=" in hatoba(
        "explain", str(file), "--ip", "192.0.2.1", "--from", "a@s.example", "--to", "team@example.org"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "no address", "--ip", "::1"), "is no mail address"),
        (("--to", "bob@example.org", "--ip", "x"), "is no IP address"),
    ],
)
def test_explain_declines_nonsense(hatoba: Run, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    file = tmp_path / "letter.eml"
    file.write_text(LETTER)
    assert told in hatoba("explain", str(file), "--from", "<>", *words, fails=True)


@pytest.mark.parametrize(
    ("settings", "key", "told"),
    [
        (
            '[[filter.rule]]\nname="x"\nlook="body"\npattern=["("]\nmatch="regex"\nweight=1',
            "filter.rule[0]",
            "no pattern",
        ),
        ('[[filter.rule]]\nname="x"\nlook="finding"\npattern=["odd"]\nweight=1', "filter.rule[0]", "is no finding"),
        ('[[filter.dnsbl]]\nzone="x.example"\ndomains=["a b"]', "filter.dnsbl[0]", "domain"),
        ('[[filter.rate]]\nper="ip"\nmatch=["a.example"]\nhour=1', "filter.rate[0]", "a.example"),
        ('[filter.lists]\ndeny=["192.0.2.1/24"]', "filter.lists.deny", "192.0.2.1/24"),
        ('[filter.lists]\nallow=["a.example"]\n[auth]\nspf="off"', "filter.lists.allow", "never counts"),
        ('[filter.greylist]\ndomains=["a b"]', "filter.greylist.domains", "domain"),
        ("[filter.reverse]\nmissing=1\n[auth]\niprev=false", "filter.reverse.missing", "nobody looks"),
    ],
)
def test_settings_that_make_no_sense(tmp_path: Path, settings: str, key: str, told: str) -> None:
    file = tmp_path / "hatoba.toml"
    file.write_text(settings)
    ((found, text, _),) = filterfaults.found(config.load(str(file), {}).settings)
    assert found == key
    assert told in text


def test_good_settings_have_no_faults(tmp_path: Path) -> None:
    file = tmp_path / "hatoba.toml"
    file.write_text(TABLE)
    assert list(filterfaults.found(config.load(str(file), {}).settings)) == []
