import base64

import pytest
import scramp  # the independent judge

from hatoba.kit import scram
from hatoba.model.status import PeerError
from hatoba.wire import sasl
from hatoba.wire.sasl.scram_client import ScramClient

NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = f"r={NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode()
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def done(exchange: sasl.ClientExchange) -> bool:
    return exchange.done


def test_choose() -> None:
    everything = frozenset(("PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"))
    assert sasl.choose(everything, encrypted=True) == "SCRAM-SHA-256"
    assert sasl.choose(everything, encrypted=False) == "SCRAM-SHA-256"
    assert sasl.choose(frozenset(("LOGIN", "PLAIN")), encrypted=True) == "PLAIN"
    assert sasl.choose(frozenset(("LOGIN", "PLAIN")), encrypted=False) == ""
    assert sasl.choose(frozenset(("LOGIN",)), encrypted=True) == "LOGIN"
    assert sasl.choose(frozenset(("CRAM-MD5",)), encrypted=True) == ""


def test_what_is_not_here_or_cannot_be_said() -> None:
    with pytest.raises(ValueError, match="no such mechanism"):
        sasl.client("XOAUTH2", "a", "b")
    for mechanism in sasl.CLIENT_MECHANISMS:
        for name, password in (("", "x"), ("a", ""), ("\x07", "x")):
            with pytest.raises(ValueError, match=r"empty|may not|needs"):
                sasl.client(mechanism, name, password, nonce="x")
    for name, password in (("a\0b", "x"), ("a", "x\0")):
        with pytest.raises(ValueError, match="NUL"):
            sasl.client("PLAIN", name, password)
    with pytest.raises(ValueError, match="nonce"):
        sasl.client("SCRAM-SHA-256", "a", "b", nonce="a,b")


def test_plain() -> None:
    exchange = sasl.client("PLAIN", "ｔｉｍ", "ｘ")
    assert not done(exchange)
    assert exchange.initial() == "\0tim\0ｘ".encode()
    assert done(exchange)
    with pytest.raises(PeerError):
        exchange.step(b"")
    asked = sasl.client("PLAIN", "tim", "x")
    assert asked.step(b"") == b"\0tim\0x"
    assert done(asked)
    with pytest.raises(PeerError):
        sasl.client("PLAIN", "tim", "x").step(b"who?")


def test_login() -> None:
    exchange = sasl.client("LOGIN", "tim", "sesame")
    assert exchange.initial() is None
    assert exchange.step(b"Username:") == b"tim"
    assert not done(exchange)
    assert exchange.step(b"anything") == b"sesame"
    assert done(exchange)
    with pytest.raises(PeerError):
        exchange.step(b"")


@pytest.mark.parametrize("initial", [False, True])
def test_scram_as_in_rfc_7677(initial: bool) -> None:
    exchange = sasl.client("SCRAM-SHA-256", "user", "pencil", nonce=NONCE)
    first = exchange.initial() if initial else exchange.step(b"")
    assert first == f"n,,n=user,r={NONCE}".encode()
    final = f"c=biws,r={NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert exchange.step(SERVER_FIRST) == final.encode()
    assert not done(exchange), "the server has proved nothing yet"
    assert exchange.step(SERVER_FINAL) == b""
    assert done(exchange)
    with pytest.raises(PeerError):
        exchange.step(b"")


@pytest.mark.parametrize("name", ["user", "a,b=c", "üser"])
@pytest.mark.parametrize("password", ["pencil", "パスワード"])
def test_scram_with_another_server(name: str, password: str) -> None:
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
    judge = mechanism.make_server(lambda _: mechanism.make_auth_info(password, iteration_count=4096))
    exchange = sasl.client("SCRAM-SHA-256", name, password, nonce="abc")
    judge.set_client_first((exchange.initial() or b"").decode())
    judge.set_client_final(exchange.step(judge.get_server_first().encode()).decode())
    assert exchange.step(judge.get_server_final().encode()) == b""
    assert done(exchange)


def test_scram_with_our_own_server() -> None:
    server = sasl.server("SCRAM-SHA-256", nonce="xyz", secret=b"s")
    assert isinstance(server, sasl.ScramServer)
    client = sasl.client("SCRAM-SHA-256", "user", "pencil", nonce="abc")
    assert server.step(client.initial()) == sasl.Claim("scram", "user")
    step: sasl.Step = server.verifier(scram.make_verifier("pencil", bytes(16)))
    while isinstance(step, sasl.Challenge):
        step = server.step(client.step(step.data))
    assert step == sasl.Proved("user")
    assert done(client)


@pytest.mark.parametrize(
    "first",
    [
        b"", b"x", b"\xff", b"e=no", SERVER_FIRST.replace(b"r=r", b"r=x"), b"r=" + NONCE.encode() + b",s=AAAA,i=4096",
        SERVER_FIRST.replace(b"i=4096", b"i=4095"), SERVER_FIRST.replace(b"i=4096", b"i=600001"),
        SERVER_FIRST.replace(b"i=4096", b"i=-4096"), SERVER_FIRST.replace(b"i=4096", b"i=" + b"9" * 5000),
        SERVER_FIRST.replace(b"i=4096", "i=²".encode()), SERVER_FIRST.replace(b"s=W22ZaJ0SNY7soEsUEjb6gQ==", b"s="),
        SERVER_FIRST.replace(b"s=W22Z", b"s=*"), b"m=x," + SERVER_FIRST, SERVER_FIRST.replace(b"%", b"\xff"),
        b"r=" + NONCE.encode() + b"x y,s=AAAA,i=4096",
    ],
)  # fmt: skip
def test_scram_does_not_go_on_with_a_bad_server(first: bytes) -> None:
    exchange = sasl.client("SCRAM-SHA-256", "user", "pencil", nonce=NONCE)
    exchange.initial()
    with pytest.raises(PeerError) as caught:
        exchange.step(first)
    assert caught.value.status.code == "4.7.0"


@pytest.mark.parametrize(
    ("final", "words"),
    [
        (b"", "does not know"),
        (b"v=AAAA", "does not know"),
        (b"v=\xff", "does not know"),
        (b"e=invalid-proof\x1b", "says 'invalid-proof"),
        (b"v=" + base64.b64encode(bytes(32)), "does not know"),
    ],
)
def test_scram_wants_proof_of_the_server(final: bytes, words: str) -> None:
    exchange = sasl.client("SCRAM-SHA-256", "user", "pencil", nonce=NONCE)
    exchange.initial()
    exchange.step(SERVER_FIRST)
    with pytest.raises(PeerError, match=words):
        exchange.step(final)
    assert not done(exchange)


def test_scram_begins_with_an_empty_challenge() -> None:
    with pytest.raises(PeerError, match="unexpected"):
        sasl.client("SCRAM-SHA-256", "user", "pencil", nonce=NONCE).step(b"x")


def test_the_bound_of_iterations_can_be_set() -> None:
    exchange = ScramClient("user", "pencil", NONCE, most=4096)
    exchange.initial()
    assert exchange.step(SERVER_FIRST)
