"""Settings from a file and the environment: every mistake with its place and fix, every value with its source."""

from pathlib import Path

import msgspec
import pytest

from hatoba.app import checks, config
from hatoba.app.problems import BadSettings, Problem
from hatoba.app.settings import Settings


def load(tmp_path: Path, text: str = "", **variables: str) -> config.Loaded:
    path = tmp_path / "hatoba.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(str(path), variables)


def problems(tmp_path: Path, text: str = "", **variables: str) -> list[Problem]:
    with pytest.raises(BadSettings) as raised:
        load(tmp_path, text, **variables)
    return raised.value.problems


def test_no_file_at_all_is_a_good_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "PLACES", (tmp_path / "none.toml",))
    loaded = config.load(None, {})
    assert (loaded.settings, loaded.sources, loaded.file) == (Settings(), {}, "")
    assert checks.problems(loaded) == []


def test_the_usual_place_then_the_variable_then_the_option(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usual, named, said = (tmp_path / name for name in ("usual", "named", "said"))
    usual.touch()
    monkeypatch.setattr(config, "PLACES", (usual,))
    assert config.find(None, {}) == usual
    assert config.find(None, {"HATOBA_CONFIG": str(named)}) == named
    assert config.find(str(said), {"HATOBA_CONFIG": str(named)}) == said


FILE = """hostname = "mail.example.com"
[queue]
expire = "2d"
[intake]
size = "10MB"
[[listener]]
kind = "mx"
port = 25
[[listener]]
kind = "submission"
port = 587
address = ["127.0.0.1"]
"""


def test_values_and_their_sources(tmp_path: Path) -> None:
    loaded = load(tmp_path, FILE, HATOBA_QUEUE_FIRST="90", HATOBA_INTAKE_SIZE="20MB")
    settings, file = loaded.settings, loaded.file
    assert (settings.queue.expire, settings.queue.first, settings.intake.size) == (172800.0, 90.0, 20_000_000)
    assert [(one.kind, one.port, one.address) for one in settings.listener] == [
        ("mx", 25, ()),
        ("submission", 587, ("127.0.0.1",)),
    ]
    sources = {path: config.source(loaded, path) for path, _, _ in config.values(settings)}
    assert sources["hostname"] == f"{file}:1"
    assert sources["queue.expire"] == f"{file}:3"
    assert sources["queue.first"] == "HATOBA_QUEUE_FIRST"
    assert sources["intake.size"] == "HATOBA_INTAKE_SIZE"  # the variable wins
    assert sources["listener[1].port"] == f"{file}:11"
    assert sources["queue.most"] == "default"


def test_every_mistake_at_once_with_line_and_fix(tmp_path: Path) -> None:
    text = """hostname = 5
[queue]
expier = "5d"
first = "soon"
factor = "2"
[[listener]]
kind = "nntp"
port = 99999
[[listener]]
kind = "mx"
[que]
"""
    found = problems(tmp_path, text)
    assert [(problem.line, problem.key) for problem in found] == [
        (1, "hostname"),
        (3, "queue.expier"),
        (4, "queue.first"),
        (5, "queue.factor"),
        (7, "listener[0].kind"),
        (8, "listener[0].port"),
        (9, "listener[1].port"),
        (11, "que"),
    ]
    fixes = [problem.fix for problem in found]
    assert fixes[1] == "Did you mean 'expire'?"
    assert fixes[2] == 'Give it as duration, for example "5m".'
    assert (
        fixes[4]
        == 'Give it as "imap" | "imaps" | "lmtp" | "mx" | "pop3" | "pop3s" | "sieve" | "submission" | "submissions".'
    )
    assert fixes[5] == "Give it as number."
    assert fixes[6] == "Add port = number."
    assert fixes[7] == "Did you mean 'queue'?"
    assert not any("NODEFAULT" in str(problem) for problem in found)


def test_tables_in_one_line_have_that_line(tmp_path: Path) -> None:
    found = problems(tmp_path, '\nlistener = [{ kind = "mx", port = "x" }]\ntls = { minimum = "SSLv3" }\n')
    assert [(problem.line, problem.key) for problem in found] == [(2, "listener[0].port"), (3, "tls.minimum")]


@pytest.mark.parametrize(
    ("text", "key", "word"),
    [
        ('queue = "5d"', "queue", "Write [queue]"),
        ('listener = "mx"', "listener", "Write [[listener]]"),
        ("[listener]\nport = 1", "listener", "Write [[listener]]"),
    ],
)
def test_a_table_written_as_something_else(tmp_path: Path, text: str, key: str, word: str) -> None:
    (found,) = problems(tmp_path, text)
    assert (found.line, found.key) == (1, key)
    assert word in found.fix


@pytest.mark.parametrize(("text", "line"), [("a = \n", 1), ("[queue]\nfirst = '1'\n]\n", 3), ("a = [1", 0)])
def test_no_toml(tmp_path: Path, text: str, line: int) -> None:
    (found,) = problems(tmp_path, text)
    assert found.line == line
    assert "must be TOML" in found.fix


def test_no_file_where_one_was_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot be read"):
        config.load(str(tmp_path / "none.toml"), {})
    path = tmp_path / "latin.toml"
    path.write_bytes(b'hostname = "caf\xe9"')
    with pytest.raises(BadSettings, match=":1: is not UTF-8"):
        config.load(str(path), {})


def test_variables_of_every_form(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        HATOBA_UVLOOP="false",
        HATOBA_WORKERS="3",
        HATOBA_QUEUE_FACTOR="1.5",
        HATOBA_DNS_SERVERS="127.0.0.1:5353, [::1]:53",
        HATOBA_INTAKE_RELAY_NETWORKS='["192.0.2.0/24"]',
        HATOBA_LISTENER='[{ kind = "mx", port = 0 }]',
        HATOBA_DELIVERY_LIMITS_CONNECTIONS="7",
        HATOBA_CONFIG="ignored",
        HATOBA_SEND_PASSWORD="ignored",
        OTHER="ignored",
    ).settings
    assert (settings.uvloop, settings.workers, settings.queue.factor) == (False, 3, 1.5)
    assert settings.dns.servers == ("127.0.0.1:5353", "[::1]:53")
    assert settings.intake.relay_networks == ("192.0.2.0/24",)
    assert [(one.kind, one.port) for one in settings.listener] == [("mx", 0)]
    assert settings.delivery.limits.connections == 7


def test_mistakes_in_variables_name_the_variable(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        HATOBA_QUEUE_FIRST="soon",
        HATOBA_QUEUE_EXPIER="1d",
        HATOBA_LISTENER='[{ kind = "mx", port = "x" }]',
        HATOBA_WORKERS="many",
    )
    assert [(problem.file, problem.line, problem.key) for problem in found] == [
        ("environment", 0, "HATOBA_LISTENER[0].port"),
        ("environment", 0, "HATOBA_QUEUE_EXPIER"),
        ("environment", 0, "HATOBA_QUEUE_FIRST"),
        ("environment", 0, "HATOBA_WORKERS"),
    ]
    assert found[1].fix == "Did you mean 'HATOBA_QUEUE_EXPIRE'?"


def test_what_is_shown_can_be_read_back(tmp_path: Path) -> None:
    before = load(tmp_path, FILE).settings
    top: list[str] = []
    for path, field, value in config.values(before):
        if "[" not in path and value is not None and field.struct is None:
            written = config.written(field, value)
            top.append(f'{path} = "{written}"' if field.unit else f"{path} = {written}")
    again = load(tmp_path, "\n".join(top)).settings
    assert msgspec.structs.replace(again, listener=before.listener) == before


def test_a_reload_takes_what_can_change_and_names_the_rest(tmp_path: Path) -> None:
    old = load(tmp_path, '[log]\nlevel = "info"\n').settings
    new = load(tmp_path, 'workers = 3\n[log]\nlevel = "debug"\nform = "json"\n[smtp]\nerrors = 9\n').settings
    merged, waiting = config.reloaded(old, new)
    assert (merged.log.level, merged.smtp.errors) == ("debug", 9)
    assert (merged.workers, merged.log.form) == (old.workers, old.log.form)
    assert waiting == ["workers", "log.form"]
    assert config.reloaded(old, old) == (old, [])


def test_the_workers_get_the_whole(tmp_path: Path) -> None:
    settings = load(tmp_path, FILE).settings
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(config.encode(settings))), Settings) == settings
