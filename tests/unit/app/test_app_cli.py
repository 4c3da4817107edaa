"""The verbs as people call them: exit status, words, JSON; on a data directory of their own."""

import io
import json
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.postfix import free_port
from tests.support.smtp_peer import SmtpPeer

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
    monkeypatch.setenv("HATOBA_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("HATOBA_CONFIG", raising=False)

    def run(*words: str, given: str = "") -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        out, err = capsys.readouterr()
        return Done(ended.value.code if isinstance(ended.value.code, int) else 0, out, err)

    return run


def test_version(hatoba: Run) -> None:
    import hatoba as package

    assert hatoba("version").out.startswith(f"hatoba {package.__version__}  python 3.")
    assert set(hatoba("version", "--json").json) == {"hatoba", "python", "openssl", "system"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(hatoba: Run, shell: str) -> None:
    assert "_HATOBA_COMPLETE" in hatoba("completion", shell).out


def test_wrong_usage_is_2(hatoba: Run) -> None:
    assert hatoba("no-such-verb").status == 2
    assert hatoba("completion", "tcsh").status == 2
    assert hatoba("domain", "add").status == 2


def test_the_settings_are_good_or_are_named(hatoba: Run, tmp_path: Path) -> None:
    assert hatoba("config", "check").out == "The settings are good (no file, defaults and environment only).\n"
    path = tmp_path / "h.toml"
    path.write_text('[queue]\nexpier = "1d"\n', encoding="utf-8")
    done = hatoba("--config", str(path), "config", "check")
    assert (done.status, done.out) == (1, f"{path}:2: queue.expier: there is no setting 'expier' here. "
                                          "Did you mean 'expire'?\n")  # fmt: skip
    found = hatoba("--config", str(path), "config", "check", "--json")
    assert (found.status, found.json["ok"], found.json["problems"][0]["line"]) == (1, False, 2)
    refused = hatoba("--config", str(path), "domain", "list")
    assert refused.status == 1
    assert refused.err.startswith(f"hatoba: {path}:2: queue.expier")


def test_settings_are_shown_with_their_source(hatoba: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.toml"
    path.write_text('hostname = "mail.example.com"\n[queue]\nexpire = "36h"\n', encoding="utf-8")
    monkeypatch.setenv("HATOBA_QUEUE_FIRST", "90")
    rows = hatoba("--config", str(path), "config", "show", "queue", "--json").json
    assert {"key": "queue.expire", "value": "36h", "source": f"{path}:3"} in rows
    assert {"key": "queue.first", "value": "90s", "source": "HATOBA_QUEUE_FIRST"} in rows
    assert all(row["key"].startswith("queue") for row in rows)
    changed = hatoba("--config", str(path), "config", "show", "--changed", "--json").json
    assert {row["key"] for row in changed} == {"hostname", "data", "queue.expire", "queue.first"}
    assert "mail.example.com" in hatoba("--config", str(path), "config", "show").out
    assert hatoba("config", "show", "nothing").out == "No setting starts with 'nothing'.\n"


def test_domains(hatoba: Run) -> None:
    assert "hatoba domain add your.domain" in hatoba("domain", "list").out
    done = hatoba("domain", "add", "Example.COM", "例え.jp")
    assert done.status == 0
    assert done.out.startswith("example.com added (local).\nxn--r8jz45g.jp added (local).\nDKIM keys ")
    assert hatoba("domain", "add", "relay.example", "--relay", "--json").json == [
        {"name": "relay.example", "kind": "relay"}
    ]
    again = hatoba("domain", "add", "example.com")
    assert (again.status, again.err) == (1, "Error: example.com is here already, as a local domain\n")
    listed = hatoba("domain", "list", "--json").json
    assert [(row["name"], row["kind"]) for row in listed] == [
        ("example.com", "local"), ("relay.example", "relay"), ("xn--r8jz45g.jp", "local"),
    ]  # fmt: skip
    assert "relay.example" in hatoba("domain", "list").out
    assert hatoba("domain", "remove", "relay.example").out == "relay.example removed.\n"
    assert hatoba("domain", "remove", "relay.example").status == 1


def test_accounts(hatoba: Run) -> None:
    refused = hatoba("account", "add", "a@example.com", given="password1\n")
    assert refused.status == 1
    assert "hatoba domain add example.com" in refused.err
    hatoba("domain", "add", "example.com")
    assert hatoba("account", "add", "a@example.com", given="password1\n").out == "a@example.com added.\n"
    short = hatoba("account", "add", "b@example.com", given="short\n")
    assert (short.status, short.out) == (1, "")
    made = hatoba("account", "add", "b@example.com", "--generate", "--json").json
    assert (made["address"], made["enabled"]) == ("b@example.com", True)
    assert len(made["password"]) >= 16
    shown = hatoba("account", "passwd", "b@example.com", "--generate").out
    found = re.fullmatch(r"b@example\.com has a new password\. Password: (\S+) \(shown once\)\n", shown)
    assert found
    assert found[1] != made["password"]
    rows = hatoba("account", "list", "--json").json
    assert [row["address"] for row in rows] == ["a@example.com", "b@example.com"]
    assert all(set(row) == {"address", "enabled", "created", "last_login", "off", "app_passwords"} for row in rows)
    hatoba("account", "disable", "a@example.com")
    assert [row["enabled"] for row in hatoba("account", "list", "example.com", "--json").json] == [False, True]
    hatoba("account", "enable", "a@example.com")
    assert hatoba("domain", "remove", "example.com").status == 1
    assert hatoba("account", "remove", "a@example.com").out == "a@example.com removed.\n"
    assert hatoba("account", "remove", "a@example.com").status == 1
    assert hatoba("account", "passwd", "nobody@example.com", given="password1\n").status == 1


def test_what_an_account_may(hatoba: Run) -> None:
    hatoba("domain", "add", "example.com")
    hatoba("account", "add", "a@example.com", given="password1\n")
    hatoba("alias", "add", "info@example.com", "a@example.com")
    assert hatoba("account", "deny", "a@example.com", "IMAP", "pop3").out == "a@example.com may use smtp, sieve.\n"
    assert hatoba("account", "allow", "a@example.com", "pop3").out == "a@example.com may use smtp, pop3, sieve.\n"
    assert "'ftp' is no protocol" in hatoba("account", "deny", "a@example.com", "ftp").err
    said = hatoba("account", "quota", "a@example.com", "--size", "5GB", "--letters", "1").out
    assert said == "a@example.com may hold 5GB and 1 letter.\n"
    shown = hatoba("account", "show", "A@example.com", "--json").json
    assert shown["quota"] == {"octets": 5_000_000_000, "letters": 1, "own": True}
    assert (shown["off"], shown["aliases"], shown["logins"]) == (["imap"], ["info@example.com"], [])
    people = hatoba("account", "show", "a@example.com").out
    assert "may use        smtp, pop3, sieve\n" in people
    assert "quota          5GB, 1 letter\n" in people
    said = hatoba("account", "quota", "a@example.com", "--default", "--size", "0").out
    assert said == "a@example.com may hold any size and any number of letters.\n"
    assert hatoba("account", "quota", "a@example.com").status == 1
    assert hatoba("account", "quota", "a@example.com", "--size", "much").status == 1
    assert "hatoba account list" in hatoba("account", "show", "b@example.com").err


def test_app_passwords(hatoba: Run) -> None:
    hatoba("domain", "add", "example.com")
    hatoba("account", "add", "a@example.com", given="password1\n")
    assert 'hatoba app-password add a@example.com "phone"' in hatoba("app-password", "list", "a@example.com").out
    made = hatoba("app-password", "add", "a@example.com", "web shop", "--for", "smtp", "--json").json
    assert re.fullmatch(r"[0-9a-z]{4}(-[0-9a-z]{4}){5}", made["password"])
    assert (made["label"], made["protocols"], made["last_used"]) == ("web shop", ["smtp"], "")
    said = hatoba("app-password", "add", "a@example.com", "phone", "--for", "imap", "--for", "smtp").out
    assert re.fullmatch(r"App password \w{8} \(phone\) for imap, smtp: \S{29} \(shown once\)\n", said)
    listed = hatoba("app-password", "list", "a@example.com", "--json").json
    assert [row["label"] for row in listed] == ["web shop", "phone"]
    assert made["password"] not in hatoba("app-password", "list", "a@example.com").out
    assert hatoba("account", "list", "--json").json[0]["app_passwords"] == 2
    assert "2 app passwords go on working" in hatoba("account", "passwd", "a@example.com", given="password2\n").out
    said = hatoba("app-password", "revoke", "a@example.com", "web shop").out
    assert said == f"App password {made['id']} (web shop) revoked.\n"
    assert hatoba("app-password", "revoke", "a@example.com").status == 1
    assert hatoba("app-password", "revoke", "a@example.com", "web shop").status == 1
    assert "phone" in hatoba("app-password", "revoke", "a@example.com", "--all").out
    assert hatoba("app-password", "revoke", "a@example.com", "--all").out == "a@example.com has no app password.\n"
    log = hatoba("audit", "log", "--json").out
    assert "app-password add" in log
    assert made["password"] not in log


def test_a_password_is_no_argument(hatoba: Run) -> None:
    for verb in ("add", "passwd"):
        assert "--password" not in hatoba("account", verb, "--help").out


def test_the_queue_and_trace_without_any_letter(hatoba: Run) -> None:
    hatoba("domain", "list")
    assert hatoba("queue", "ls").out == "The queue is empty.\n"
    assert hatoba("queue", "summary", "--json").json == []
    done = hatoba("trace", "nobody@example.com")
    assert done.status == 1
    assert "no letter matches 'nobody@example.com'" in done.err
    assert hatoba("queue", "show", "not-an-id").status == 1


OFFER = ("8BITMIME", "AUTH PLAIN LOGIN")


def test_ports(hatoba: Run, served: ssl.SSLContext) -> None:
    closed = free_port()
    with SmtpPeer(context=served, extensions=OFFER) as peer:
        at = [f"--at={role}={port}" for role, port in ((25, closed), (465, closed), (587, peer.port), (2525, closed))]
        done = hatoba("ports", "localhost", *at, "--lang", "en")
        found = hatoba("ports", "localhost", *at, "--lang", "ja", "--json").json
    assert done.status == 0
    assert f"→ {peer.port}: 587 answers with STARTTLS and AUTH" in done.out
    assert "offered before TLS!" in done.out
    assert found["recommended"] == peer.port
    assert "標準のポート" in found["reason"]
    assert [row["open"] for row in found["ports"]] == [False, False, True, False]
    assert hatoba("ports", "localhost", *(f"--at={role}={closed}" for role in (25, 465, 587, 2525))).status == 1
    assert hatoba("ports", "localhost", "--at", "26=1").status == 2


@pytest.mark.parametrize(
    ("variables", "language"),
    [({"LANG": "ja_JP.UTF-8"}, "ja"), ({"LC_ALL": "C", "LANG": "ja_JP.UTF-8"}, "en"), ({}, "en")],
)
def test_the_language_is_the_locales(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str) -> None:
    from hatoba.app.cli import ports

    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ports.language() == language


def test_send(hatoba: Run, served: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HATOBA_SEND_PASSWORD", "secret")
    attached = tmp_path / "鳩.txt"
    attached.write_text("coo", encoding="utf-8")
    words = ["send", "--from", "a@example.com", "--to", "b@example.net", "--host", "localhost", "--insecure"]
    with SmtpPeer({"CONTENT": ["250 2.0.0 ok 1", "554 5.6.0 no"]}, context=served, extensions=OFFER) as peer:
        port = ["--port", str(peer.port), "--user", "a@example.com"]
        done = hatoba(*words, *port, "--subject", "こんにちは", "--attach", str(attached), given="from the pipe\n")
        refused = hatoba(*words, *port, "--text", "x", "--json")
        letter = peer.letters[0]
    assert (done.status, refused.status) == (0, 1)
    assert re.fullmatch(rf"port {peer.port}: sent \(TLSv1\.3, \d\.\d\d s\) 250 2\.0\.0 ok 1\n", done.out)
    assert refused.json[0]["reply"] == "554 5.6.0 no"
    assert letter.auth
    assert b"from the pipe" in letter.content
    assert b"Message-ID: <" in letter.content
    assert b"filename*=" in letter.content


def test_send_a_file_as_it_is(hatoba: Run, served: ssl.SSLContext, tmp_path: Path) -> None:
    long = "Subject: " + " ".join(["word"] * 40)
    path = tmp_path / "letter.eml"
    path.write_bytes(f"X-Odd:value\r\n{long}\r\nFrom: a@example.com\r\n\r\n.dot\r\nbody\r\n".encode())
    with SmtpPeer(context=served) as peer:
        done = hatoba(
            "send", "--from", "a@example.com", "--to", "b@example.net", "--host", "localhost", "--insecure",
            "--port", str(peer.port), "--eml", str(path),
        )  # fmt: skip
        letter = peer.letters[0]
    assert done.status == 0
    assert letter.content == path.read_bytes()


def test_send_tells_of_a_recipient_that_was_refused(hatoba: Run, served: ssl.SSLContext) -> None:
    words = ["send", "--from", "a@b.example", "--to", "c@d.example", "--to", "e@d.example", "--text", "x"]
    with SmtpPeer({"RCPT": ["550 5.1.1 nobody", "250 ok"]}, context=served) as peer:
        done = hatoba(*words, "--host", "localhost", "--insecure", "--port", str(peer.port))
        untrusted = hatoba(*words, "--host", "localhost", "--port", str(peer.port))
    assert (done.status, untrusted.status) == (1, 1)
    assert "Refused: c@d.example: 550 5.1.1 nobody" in done.err
    assert "--insecure" in untrusted.err


@pytest.mark.parametrize(
    "wrong",
    [("--to", "c@d.example\nRCPT TO:<x@y.example>"), ("--subject", "x\r\nBcc: e@y.example"), ("--from", "nobody")],
)
def test_send_takes_one_line_and_real_addresses(hatoba: Run, wrong: tuple[str, str]) -> None:
    words = {"--from": "a@b.example", "--to": "c@d.example", "--text": "x", "--host": "127.0.0.1"} | dict([wrong])
    done = hatoba("send", *(word for pair in words.items() for word in pair))
    assert done.status == 2
    assert f"'{wrong[0]}'" in done.err


def test_send_says_why_not(hatoba: Run) -> None:
    closed = free_port()
    words = ["send", "--from", "a@b.example", "--to", "c@d.example", "--text", "x", "--host", "127.0.0.1"]
    done = hatoba(*words, "--port", f"{closed},{closed}s")
    assert done.status == 1
    assert done.out.count(f"port {closed}: failed at connect") == 2
    assert "hatoba ports HOST" in done.err
    assert hatoba(*words, "--port", "smtp").status == 2
