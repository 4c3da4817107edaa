"""SCRAM-SHA-256-PLUS over real TLS, with an independent client: bound to our certificate, or refused."""

import base64
import hashlib
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import scramp  # the independent judge
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from tests.support.loops import LOOPS, run

from hatoba.net import tls

both = pytest.mark.parametrize("loop", LOOPS)
ALICE, PASSWORD = "alice@example.org", "correct horse"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def bound(client: Any) -> tuple[str, bytes]:
    """What the client sees the connection bound to, by its own reckoning."""
    der = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return "tls-server-end-point", hashlib.sha256(der).digest()


async def prove(client: Any, judge: scramp.ScramClient) -> str:
    """The last reply to the judge's exchange."""
    said = str(await client.say(f"AUTH {judge.mechanism_name} {b64(judge.get_client_first())}"))
    if not said.startswith("334 "):
        return said
    judge.set_server_first(base64.b64decode(said[4:]).decode())
    said = str(await client.say(b64(judge.get_client_final())))
    if not said.startswith("334 "):
        return said
    judge.set_server_final(base64.b64decode(said[4:]).decode())
    return str(await client.say(""))


@both
@pytest.mark.parametrize("kind", ["submission", "submissions"])
def test_a_bound_login(loop: str, kind: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        context = tls.client_context() if kind == "submissions" else None
        async with site.door(kind) as door, dial(door.port, context) as client:
            offered = await client.greet()
            if context is None:
                await client.secure()
                offered = await client.say("EHLO x.example")
            assert "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" in offered
            elsewhere = ("tls-server-end-point", bytes(32))
            for binding, reply in ((elsewhere, "535"), (("tls-unique", b"x" * 12), "535"), (bound(client), "235")):
                judge = scramp.ScramClient(["SCRAM-SHA-256-PLUS"], ALICE, PASSWORD, channel_binding=binding)
                assert (await prove(client, judge)).startswith(reply), binding

    run(loop, main())
    reasons = [fields["reason"] for _, event, fields in site.log.said if event == "login failed"]
    assert reasons == [
        "the channel binding does not match the first message",
        "a channel binding of a type that is not offered",
    ]


@both
def test_who_believes_that_it_is_not_offered_is_refused(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door("submissions") as door, dial(door.port, tls.client_context()) as client:
            await client.greet()
            judge = scramp.ScramClient(["SCRAM-SHA-256"], ALICE, PASSWORD, channel_binding=bound(client))
            assert (await prove(client, judge)).startswith("535")
        house = site.house(login={"channel_binding": False, "delay": 0})
        async with site.door("submissions", house=house) as door, dial(door.port, tls.client_context()) as client:
            assert "PLUS" not in await client.greet()
            judge = scramp.ScramClient(["SCRAM-SHA-256"], ALICE, PASSWORD, channel_binding=bound(client))
            assert (await prove(client, judge)).startswith("235")

    run(loop, main())
    reasons = [fields["reason"] for _, event, fields in site.log.said if event == "login failed"]
    assert reasons == ["the client believes that channel binding is not offered"]


def certificate(key: Any, algorithm: Any, pad: Any = None) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    when = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, when, when.replace(year=2030))
    return builder.sign(key, algorithm, rsa_padding=pad) if pad else builder.sign(key, algorithm)


def test_the_hash_is_that_of_the_signature() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    for algorithm, expected in ((hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512")):
        made = certificate(curve, algorithm)
        der = made.public_bytes(serialization.Encoding.DER)
        assert tls.end_point(made) == hashlib.new(expected, der).digest()
    pss = padding.PSS(padding.MGF1(hashes.SHA512()), 20)
    made = certificate(rsa.generate_private_key(65537, 2048), hashes.SHA512(), pss)
    assert len(tls.end_point(made)) == 64
    assert tls.end_point(certificate(ed25519.Ed25519PrivateKey.generate(), None)) == b""


def test_a_connection_of_others_has_no_binding_of_ours(tmp_path: Path) -> None:
    assert tls.bindings(None) == {}

    class Secured:
        context = ssl.create_default_context()

    assert tls.bindings(Secured()) == {}
