"""Letters that hatoba signs, judged by dkimpy and by OpenDKIM's filter; letters they sign, judged by hatoba."""

import base64
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives import serialization
from tests.interop.conftest import missing
from tests.support import judges, post, signed
from tests.support.town import ALICE, HOME, Town, careless

from hatoba.directory.dkim import making
from hatoba.mailauth.dkim import keys

pytestmark = pytest.mark.interop

LETTER = (
    "From: アリス <alice@home.example>\r\nTo: <bob@first.example>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain;\r\n\tcharset=utf-8\r\nList-Unsubscribe: <https://home.example/u>\r\n\r\n"
    ". a line with a dot  \r\n\t本文\r\n\r\nlast line\r\n\r\n\r\n"
).replace("アリス", "=?utf-8?b?44Ki44Oq44K5?=")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """home.example signs with RSA and Ed25519; notices come from mx.home.example."""
    with Town(tmp_path_factory.mktemp("judged")) as town:
        town.node.cli("dkim", "new", HOME, "--selector", "k", "--now")
        yield town


@pytest.fixture(scope="module")
def records(town: Town) -> Mapping[str, str]:
    return {key["name"]: key["record"] for key in town.node.json("dkim", "list", HOME)}


@pytest.fixture
def filter_folder(tmp_path: Path) -> Path:
    if not judges.opendkim():
        missing("opendkim is not installed (Debian: apt install opendkim)")
    return tmp_path


def ours(content: bytes) -> list[str]:
    """Our verdicts, now: the judges sign by the clock."""
    return [found.result for found in signed.check(content, now=int(time.time()) + 60)]


def arrives(town: Town, name: str, content: bytes) -> bytes:
    """A letter of alice's as its recipient gets it."""
    with town.peer(name) as peer:
        with post.dial(town.submission, context=careless()) as client:
            client.login(ALICE, post.PASSWORD)
            post.hand_in(client, ALICE, [f"bob@{name}"], content, mail=["BODY=8BITMIME"])
        return bytes(peer.wait_letters(1, 60)[0].content)


@pytest.fixture(scope="module", params=["small", "large"])
def arrived(request: pytest.FixtureRequest, town: Town) -> bytes:
    content = LETTER.format(subject=request.param).encode()
    if request.param == "large":
        content += b"A line of a large letter.  \r\n" * 60_000
    return arrives(town, f"{request.param}.example", content)


def test_dkimpy_verifies_ours(arrived: bytes, records: Mapping[str, str]) -> None:
    assert judges.dkimpy_verdicts(arrived, records) == [True, True]
    assert judges.dkimpy_verdicts(arrived.replace(b"last line", b"last  lime"), records) == [False, False]


def test_opendkim_verifies_ours(arrived: bytes, records: Mapping[str, str], filter_folder: Path) -> None:
    both = {"k-rsa": "pass", "k-ed25519": "pass"}
    assert judges.opendkim_verdicts(arrived, records, filter_folder) == both
    tampered = arrived.replace(b"last line", b"last  lime")
    assert judges.opendkim_verdicts(tampered, records, filter_folder) == dict.fromkeys(both, "fail")


def test_a_field_added_on_the_way_breaks_it(arrived: bytes, records: Mapping[str, str], filter_folder: Path) -> None:
    """Oversigning: what is missing was signed as missing."""
    for forged in (b"Subject: forged\r\n", b"Reply-To: <eve@evil.example>\r\n", b"From: <eve@evil.example>\r\n"):
        end = arrived.index(b"\r\n\r\n") + 2
        changed = arrived[:end] + forged + arrived[end:]
        assert judges.dkimpy_verdicts(changed, records) == [False, False]
        verdicts = judges.opendkim_verdicts(changed, records, filter_folder)
        assert "pass" not in verdicts.values()


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
def test_we_verify_dkimpy(algorithm: str) -> None:
    key: Any = signed.rsa_key() if algorithm.startswith("rsa") else signed.ed25519_key()
    if algorithm.startswith("rsa"):
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    else:
        text = base64.b64encode(key.private_bytes_raw())
    selector = b"r" if algorithm.startswith("rsa") else b"e"
    field = dkimpy.sign(signed.LETTER, selector, b"example.org", text, signature_algorithm=algorithm.encode())
    assert ours(field + signed.LETTER) == ["pass"]
    assert ours(field + signed.LETTER.replace(b"this is it", b"is it this")) == ["fail"]


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
def test_we_verify_opendkim(algorithm: str, filter_folder: Path) -> None:
    key = signed.rsa_key() if algorithm.startswith("rsa") else signed.ed25519_key()
    selector = "r" if algorithm.startswith("rsa") else "e"
    made = judges.opendkim_signed(signed.LETTER, "example.org", selector, making.pem(key), filter_folder, algorithm)
    assert ours(made) == ["pass"]
    assert ours(made.replace(b"this is it", b"is it this")) == ["fail"]


def test_a_key_of_opendkim_is_taken_over(town: Town, tmp_path: Path) -> None:
    """A domain that moves here from OpenDKIM keeps its selector, and nothing changes in the DNS."""
    key = signed.rsa_key()
    file = tmp_path / "mail.private"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    (made,) = town.node.json("dkim", "import", "moved.example", "mail", str(file), "--now")
    assert made["record"] == keys.record(key)
    exported = town.node.cli("dkim", "export", "moved.example", "mail")
    assert making.der(making.read(exported.encode())) == making.der(key)
    with town.peer("second.example") as peer:
        town.send("x@moved.example", "bob@second.example", b"From: <x@moved.example>\r\nSubject: x\r\n\r\nhello\r\n")
        came = peer.wait_letters(1, 60)[0].content
    assert judges.dkimpy_verdicts(came, {"mail._domainkey.moved.example": keys.record(key)}) == [True]
