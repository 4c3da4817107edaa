"""What programs are told: ports that listen and no others, 587 first, texts that every language reads as meant."""

import ast
import json
import re
from typing import Any

import pytest

from hatoba.app import client_settings, dns_helper, snippets
from hatoba.app.listener import Listener
from hatoba.app.settings import Settings
from hatoba.directory import changes
from hatoba.doors.http.clients import Server

ALICE = changes.address("alice@example.org")
ODD = changes.address(r""""a'b$c{}#{d} \\e\"f"@example.org""")
IMAPS, POP3 = "imaps:993", "pop3:110:pop.example.net"


def told(*services: str, off: tuple[str, ...] = (), listener: tuple[Listener, ...] = ()) -> client_settings.Told:
    values: dict[str, Any] = {"hostname": "Mail.example.org", "listener": listener}
    if services:
        values["dns_helper"] = dns_helper.Settings(services=services)
    return client_settings.told(Settings(**values), ALICE, off)


def doors(found: tuple[client_settings.Door, ...]) -> list[tuple[str, str, int, str]]:
    return [(door.protocol, door.host, door.port, door.security) for door in found]


def test_587_first_then_2525_then_465() -> None:
    mine = (
        Listener(kind="mx", port=25),
        Listener(kind="submissions", port=465),
        Listener(kind="submission", port=2525),
        Listener(kind="submission", port=587),
    )
    found = told(listener=mine)
    assert doors(found.sending) == [
        ("SMTP", "mail.example.org", 587, "STARTTLS"),
        ("SMTP", "mail.example.org", 2525, "STARTTLS"),
        ("SMTP", "mail.example.org", 465, "TLS"),
    ]
    assert [door.why for door in found.sending] == [
        client_settings.WHY_FIRST, client_settings.WHY_SECOND, client_settings.WHY_IMPLICIT,
    ]  # fmt: skip
    assert "25" in found.not_25
    assert found.reading == ()
    assert set(found.programs) == {"wordpress", "django", "rails", "laravel", "node", "python"}


def test_what_the_settings_name_and_what_is_off() -> None:
    services = (POP3, "submission", IMAPS, "sieve", "imap", "xmpp:5222")
    found = told(*services)
    assert doors(found.reading) == [
        ("IMAP", "mail.example.org", 993, "TLS"), ("IMAP", "mail.example.org", 143, "STARTTLS"),
        ("POP3", "pop.example.net", 110, "STARTTLS"),
    ]  # fmt: skip
    assert doors(found.filters) == [("SIEVE", "mail.example.org", 4190, "STARTTLS")]
    assert set(found.programs) == set(snippets.PROGRAMS)
    assert "mail.example.org, port 993, SSL/TLS" in found.programs["thunderbird"]
    found = told(*services, off=("imap", "sieve"))
    assert doors(found.reading) == [("POP3", "pop.example.net", 110, "STARTTLS")]
    assert found.filters == ()
    assert "Incoming mail (POP3): pop.example.net, port 110, encryption STARTTLS" in found.programs["outlook"]
    assert told(*services, off=("smtp",)).programs == {}


@pytest.mark.parametrize("implicit", [False, True])
def test_odd_addresses_stay_text(implicit: bool) -> None:
    server = Server("smtp", "mail.example.org", 465 if implicit else 587, implicit)
    found = snippets.all_(snippets.Facts(str(ODD), (server,), ()))
    for name in ("python", "django"):
        literals = [node.value for node in ast.walk(ast.parse(found[name])) if isinstance(node, ast.Constant)]
        assert str(ODD) in literals, name
    quoted = re.search(r"user: (\".*\"), pass", found["node"])
    assert quoted
    assert json.loads(quoted[1]) == str(ODD)
    for name, key in (("wordpress", r"Username = "), ("rails", r"user_name: ")):
        literal = re.search(key + r"'((?:[^'\\]|\\.)*)'", found[name])
        assert literal, name
        assert re.sub(r"\\(.)", r"\1", literal[1]) == str(ODD), name
    literal = re.search(r'MAIL_USERNAME="((?:[^"\\]|\\.)*)"', found["laravel"])
    assert literal
    assert re.sub(r"\\(.)", r"\1", literal[1]) == str(ODD)
    assert ("SMTP_SSL" in found["python"]) is implicit
    assert ("starttls" in found["rails"]) is not implicit
