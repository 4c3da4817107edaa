"""swaks, msmtp, curl and smtplib through doors like 587, 2525 and 465: letters as they were, refusals as they show."""

from pathlib import Path

import msgspec
import pytest
from tests.interop.clients import CLIENTS, Errand
from tests.interop.conftest import ALICE, BOB, Harbour
from tests.support import post

pytestmark = pytest.mark.interop

DOORS = {"submission": "starttls", "second": "starttls", "submissions": "implicit"}
CASES = [
    pytest.param(client, door, mechanism, id=f"{client}-{door}-{mechanism}")
    for client, (_, mechanisms) in CLIENTS.items()
    for door in DOORS
    for mechanism in (mechanisms if door != "second" else mechanisms[:1])
]


def letter(mark: str) -> bytes:
    """A letter with everything a transport may spoil: dots, octets beyond ASCII, long lines, empty lines, no spaces."""
    lines = [
        "Date: Thu, 1 Jan 2026 09:00:00 +0900",
        f"From: Alice <{ALICE}>",
        f"To: <{BOB}>",
        f"Message-ID: <{mark}@client.test>",
        "Subject: =?utf-8?B?5omL57SZ?=",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        "拝啓",
        ".a dot in front",
        "..two",
        ".",
        "From the beginning of a line",
        "",
        "x" * 997,
        "trailing blanks  \t",
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + b"end\r\n"


def errand(harbour: Harbour, door: str, mark: str, **changes: object) -> Errand:
    asked = Errand(harbour.ports[door], letter(mark), ALICE, BOB, harbour.ca, DOORS.get(door, ""), ALICE, post.PASSWORD)
    return msgspec.structs.replace(asked, **changes)


@pytest.mark.parametrize(("client", "door", "mechanism"), CASES)
def test_a_letter_arrives_as_it_was(harbour: Harbour, tmp_path: Path, client: str, door: str, mechanism: str) -> None:
    mark = f"{client}-{door}-{mechanism}"
    asked = errand(harbour, door, mark, mechanism=mechanism)
    said = CLIENTS[client][0](asked, tmp_path)
    assert said.ok, said.transcript
    kept = harbour.bob.holding(f"<{mark}@client.test>".encode())
    trace, rest = kept[: -len(asked.letter)], kept[-len(asked.letter) :]
    assert rest == asked.letter
    names = [line.split(b":")[0] for line in trace.split(b"\r\n") if line and line[:1] not in b" \t"]
    assert names == [b"Return-Path", b"Delivered-To", b"Received"]
    assert b"with ESMTPSA id" in trace


@pytest.mark.parametrize("door", ["submission", "submissions"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_wrong_password(harbour: Harbour, tmp_path: Path, client: str, door: str) -> None:
    said = CLIENTS[client][0](errand(harbour, door, "never", password="not it"), tmp_path)
    assert not said.ok
    assert "535" in said.transcript
    assert "5.7.8" in said.transcript or client == "smtplib"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_foreign_sender(harbour: Harbour, tmp_path: Path, client: str) -> None:
    said = CLIENTS[client][0](errand(harbour, "submission", "never", sender="mallory@example.org"), tmp_path)
    assert not said.ok
    assert "5.7.1" in said.transcript
    assert "550" in said.transcript or "553" in said.transcript


@pytest.mark.parametrize("client", CLIENTS)
def test_without_tls_there_is_no_login(harbour: Harbour, tmp_path: Path, client: str) -> None:
    """AUTH is not even offered; a client that goes on without it hears that it is demanded."""
    said = CLIENTS[client][0](errand(harbour, "submission", "never", tls="", user=""), tmp_path)
    assert not said.ok
    assert "530" in said.transcript
    assert "5.7.0" in said.transcript
    said = CLIENTS[client][0](errand(harbour, "submission", "never", tls=""), tmp_path)
    assert not said.ok
    assert post.PASSWORD not in said.transcript


@pytest.mark.parametrize("client", CLIENTS)
def test_a_relay_attempt_on_mx(harbour: Harbour, tmp_path: Path, client: str) -> None:
    said = CLIENTS[client][0](errand(harbour, "mx", "never", tls="", user="", to="eve@elsewhere.example"), tmp_path)
    assert not said.ok
    assert "550" in said.transcript
    assert "5.7.1" in said.transcript


@pytest.mark.parametrize("client", CLIENTS)
def test_mx_takes_mail_for_its_own(harbour: Harbour, tmp_path: Path, client: str) -> None:
    said = CLIENTS[client][0](
        errand(harbour, "mx", f"{client}-mx", tls="starttls", user="", sender="x@elsewhere.example"), tmp_path
    )
    assert said.ok, said.transcript
    kept = harbour.bob.holding(f"<{client}-mx@client.test>".encode())
    assert kept.endswith(letter(f"{client}-mx"))
    assert b"with ESMTPS id" in kept


@pytest.mark.parametrize("client", CLIENTS)
def test_a_certificate_of_a_stranger_is_not_trusted(harbour: Harbour, tmp_path: Path, client: str) -> None:
    """That verification is really on in the tests above."""
    import trustme

    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    said = CLIENTS[client][0](errand(harbour, "submission", "never", ca=other), tmp_path)
    assert not said.ok
