import base64
import re

import pytest
import scramp  # the independent judge

from hatoba.kit import scram
from hatoba.model.status import PeerError
from hatoba.wire import sasl
from hatoba.wire.sasl import bearer, steps
from hatoba.wire.sasl.scram import ScramServer

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
PENCIL = scram.make_verifier("pencil", SALT)
CLIENT_NONCE, SERVER_NONCE = "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
FIRST = f"n,,n=user,r={CLIENT_NONCE}".encode()
FINAL = f"c=biws,r={CLIENT_NONCE}{SERVER_NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".encode()


def scram_server(nonce: str = SERVER_NONCE) -> ScramServer:
    exchange = sasl.server("SCRAM-SHA-256", nonce=nonce, secret=b"secret")
    assert isinstance(exchange, ScramServer)
    return exchange


def test_every_mechanism_is_here() -> None:
    for mechanism in sasl.SERVER_MECHANISMS:
        sasl.server(mechanism, nonce="x", secret=b"x")
    with pytest.raises(ValueError, match="no such mechanism"):
        sasl.server("CRAM-MD5")
    for nonce, secret in (("", b"x"), ("a,b", b"x"), ("é", b"x"), ("a b", b"x"), ("x", b""), ("x" * 257, b"x")):
        with pytest.raises(ValueError, match="needs a nonce"):
            sasl.server("SCRAM-SHA-256", nonce=nonce, secret=secret)


# ---- PLAIN


@pytest.mark.parametrize(
    ("message", "step"),
    [
        (b"\0tim\0tanstaaftanstaaf", sasl.Claim("password", "tim", "tanstaaftanstaaf")),
        (b"tim\0tim\0x", sasl.Claim("password", "tim", "x")),
        (b"\0ti\xc2\xadm\0x", sasl.Claim("password", "tim", "x")),
        ("\0ｔｉｍ\0ｘ".encode(), sasl.Claim("password", "tim", "ｘ")),
        (b"Ursel\0Kurt\0xipj3plmq", sasl.Failure("the authorization identity is another than the name")),
        (b"\0\0x", sasl.Failure("the name is empty or too long")),
        (b"\0" + b"n" * 1025 + b"\0x", sasl.Failure("the name is empty or too long")),
        (b"\0tim\0", sasl.Failure("the password is empty or too long")),
        (b"\0tim\0" + b"x" * 1025, sasl.Failure("the password is empty or too long")),
        (b"\0t\x07m\0x", sasl.Failure("U+0007 may not stand in a name or password")),
        (b"\xc2\x85\0tim\0x", sasl.Failure("U+0085 may not stand in a name or password")),
    ],
)
def test_plain(message: bytes, step: sasl.Step) -> None:
    exchange = sasl.server("PLAIN")
    assert exchange.step(None) == sasl.Challenge(b"")
    assert exchange.step(message) == step
    with pytest.raises(ValueError, match="over"):
        exchange.step(message)


@pytest.mark.parametrize("message", [b"", b"tim", b"\0tim", b"\0a\0b\0c", b"\0\xff\0x", b"\0a\0" + b"x" * 12288])
def test_plain_malformed(message: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        sasl.server("PLAIN").step(message)
    assert caught.value.status.code == "5.5.2"


def test_a_claim_hides_its_secret() -> None:
    assert "sesame" not in repr(sasl.Claim("password", "tim", "sesame"))
    assert repr(sasl.Claim("scram", "tim")) == "Claim(kind='scram', name='tim', secret='')"


# ---- LOGIN


@pytest.mark.parametrize("initial", [False, True])
def test_login(initial: bool) -> None:
    exchange = sasl.server("LOGIN")
    if not initial:
        assert exchange.step(None) == sasl.Challenge(b"Username:")
    assert exchange.step(b"tim") == sasl.Challenge(b"Password:")
    assert exchange.step(b"sesame") == sasl.Claim("password", "tim", "sesame")
    with pytest.raises(ValueError, match="over"):
        exchange.step(b"")


@pytest.mark.parametrize(("name", "password"), [(b"a\0", b"b"), (b"a", b"b\0"), (b"\xff", b""), (b"a", b"\xff")])
def test_login_malformed(name: bytes, password: bytes) -> None:
    exchange = sasl.server("LOGIN")
    with pytest.raises(PeerError):
        [exchange.step(name), exchange.step(password)]


def test_login_without_a_name() -> None:
    exchange = sasl.server("LOGIN")
    exchange.step(b"")
    assert isinstance(exchange.step(b"x"), sasl.Failure)


# ---- SCRAM


def test_scram_as_in_rfc_7677() -> None:
    exchange = scram_server()
    assert exchange.step(None) == sasl.Challenge(b"")
    assert exchange.step(FIRST) == sasl.Claim("scram", "user")
    server_first = f"r={CLIENT_NONCE}{SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode()
    assert exchange.verifier(PENCIL) == sasl.Challenge(server_first)
    assert exchange.step(FINAL) == sasl.Challenge(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert exchange.step(b"") == sasl.Proved("user")
    with pytest.raises(ValueError, match="over"):
        exchange.step(b"")


@pytest.mark.parametrize("name", ["user", "a,b=c", "üser", "user@example.com"])
@pytest.mark.parametrize("password", ["pencil", "パスワード"])
def test_scram_with_another_client(name: str, password: str) -> None:
    judge = scramp.ScramClient(["SCRAM-SHA-256"], name, password)
    exchange = scram_server("server-nonce")
    assert exchange.step(judge.get_client_first().encode()) == sasl.Claim("scram", name)
    judge.set_server_first(exchange.verifier(scram.make_verifier(password, SALT, 5000)).data.decode())
    final = exchange.step(judge.get_client_final().encode())
    assert isinstance(final, sasl.Challenge)
    judge.set_server_final(final.data.decode())
    assert exchange.step(b"") == sasl.Proved(name)


def test_scram_with_a_wrong_password_and_with_nobody() -> None:
    firsts = []
    for verifier in (scram.make_verifier("other", SALT), None):
        judge = scramp.ScramClient(["SCRAM-SHA-256"], "user", "pencil", c_nonce="abc")
        exchange = scram_server()
        exchange.step(judge.get_client_first().encode())
        firsts.append(exchange.verifier(verifier).data.decode())
        judge.set_server_first(firsts[-1])
        assert exchange.step(judge.get_client_final().encode()) == sasl.Failure("the proof does not hold")
        with pytest.raises(ValueError, match="over"):
            exchange.step(b"")
    shapes = {re.sub("s=[^,]*", lambda match: f"s={len(match[0])}", first) for first in firsts}
    assert len(shapes) == 1, "a name nobody has must not be told from one somebody has"


def test_nobody_is_not_let_in_even_with_the_fake_verifiers_keys() -> None:
    exchange = scram_server()
    exchange.step(FIRST)
    exchange.verifier(None)
    exchange._verifiers = (PENCIL,)
    exchange._first = f"r={CLIENT_NONCE}{SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    assert isinstance(exchange.step(FINAL), sasl.Failure)


@pytest.mark.parametrize(
    ("first", "step"),
    [
        (b"y,,n=user,r=x", sasl.Claim("scram", "user")),
        (b"n,a=user,n=user,r=x", sasl.Claim("scram", "user")),
        (b"n,,n=user,r=x,ext=1", sasl.Claim("scram", "user")),
        (b"n,,n=a=2Cb=3Dc,r=x", sasl.Claim("scram", "a,b=c")),
        (b"n,a=root,n=user,r=x", sasl.Failure("the authorization identity is another than the name")),
        (b"p=tls-unique,,n=user,r=x", sasl.Failure("channel binding is not offered")),
        (b"n,,m=ext,n=user,r=x", sasl.Failure("a mandatory extension that is not known")),
        (b"n,,n=,r=x", sasl.Failure("the name is empty or too long")),
    ],
)
def test_scram_client_first(first: bytes, step: sasl.Step) -> None:
    assert scram_server().step(first) == step


@pytest.mark.parametrize(
    "first",
    [
        b"", b"n", b"n,", b"n,,", b"n,,n=user", b"n,,r=x,n=user", b"n,,n=user,r=", b"n,,n=user,r=\xc3\xa9",
        b"x,,n=user,r=x",         b"n,user,n=user,r=x", b"n,,n=us=er,r=x", b"n,,n=user=2c,r=x",
        b"n,,n=user=,r=x", b"\xff,,n=user,r=x",
        b"n,a=x=,n=user,r=x", b"n,,n=user,r=" + b"x" * 257,
    ],
)  # fmt: skip
def test_scram_client_first_malformed(first: bytes) -> None:
    with pytest.raises(PeerError):
        scram_server().step(first)


PROOF = FINAL.rpartition(b",p=")[2]


@pytest.mark.parametrize(
    ("final", "reason"),
    [
        (FINAL.replace(b"c=biws", b"c=eSws"), "channel binding"),
        (FINAL.replace(b"c=biws", b"c=cD10bHMtdW5pcXVlLCw="), "channel binding"),
        (FINAL.replace(b"r=rO", b"r=xO"), "nonce"),
        (FINAL.replace(b"k0,", b"k0,ext=1,"), "proof"),
        (FINAL.replace(b"p=dHzb", b"p=eHzb"), "proof"),
    ],
)
def test_scram_client_final_that_fails(final: bytes, reason: str) -> None:
    exchange = scram_server()
    exchange.step(FIRST)
    exchange.verifier(PENCIL)
    step = exchange.step(final)
    assert isinstance(step, sasl.Failure)
    assert reason in step.reason


@pytest.mark.parametrize(
    "final",
    [
        b"",
        b"c=biws",
        b"c=biws,p=" + PROOF,
        b"c=biws,r=x,p=",
        b"c=biws,r=x,p=AAAA",
        b"c=biws,r=x,p=*",
        b"p=" + PROOF,
        b"\xff",
    ],
)
def test_scram_client_final_malformed(final: bytes) -> None:
    exchange = scram_server()
    exchange.step(FIRST)
    exchange.verifier(PENCIL)
    with pytest.raises(PeerError):
        exchange.step(final)


def test_scram_has_an_order() -> None:
    exchange = scram_server()
    with pytest.raises(ValueError, match="no name was claimed"):
        exchange.verifier(PENCIL)
    exchange.step(FIRST)
    with pytest.raises(ValueError, match="verifier"):
        exchange.step(FINAL)


def test_scram_ends_with_an_empty_message() -> None:
    exchange = scram_server()
    exchange.step(FIRST)
    exchange.verifier(PENCIL)
    exchange.step(FINAL)
    with pytest.raises(PeerError):
        exchange.step(b"x")


def test_a_client_that_could_bind_is_served_while_no_plus_is_offered() -> None:
    exchange = scram_server()
    exchange.step(FIRST.replace(b"n,,", b"y,,"))
    exchange.verifier(PENCIL)
    step = exchange.step(FINAL)
    assert step == sasl.Failure("the channel binding does not match the first message"), "its c= says n"


# ---- tokens


@pytest.mark.parametrize(
    ("mechanism", "message", "step"),
    [
        ("XOAUTH2", b"user=tim@x.example\x01auth=Bearer ya29.a-_~+/0==\x01\x01",
         sasl.Claim("token", "tim@x.example", "ya29.a-_~+/0==")),
        ("XOAUTH2", b"user=\x01auth=bearer t\x01\x01", sasl.Failure("the name is empty or too long")),
        ("OAUTHBEARER", b"n,a=tim@x.example,\x01host=a\x01port=587\x01auth=Bearer t\x01\x01",
         sasl.Claim("token", "tim@x.example", "t")),
        ("OAUTHBEARER", b"y,,\x01AUTH=BEARER t\x01\x01", sasl.Claim("token", "", "t")),
        ("OAUTHBEARER", b"n,a=a=2Cb,\x01auth=Bearer t\x01\x01", sasl.Claim("token", "a,b", "t")),
        ("OAUTHBEARER", b"n,a=,\x01auth=Bearer t\x01\x01", sasl.Failure("the name is empty or too long")),
        ("OAUTHBEARER", b"p=tls-unique,,\x01auth=Bearer t\x01\x01", sasl.Failure("channel binding is not offered")),
        ("OAUTHBEARER", b"n,,\x01auth=\x01\x01", sasl.Challenge(b'{"status":"invalid_token"}')),
        ("OAUTHBEARER", b"n,,\x01host=a\x01\x01", sasl.Challenge(b'{"status":"invalid_token"}')),
    ],
)  # fmt: skip
def test_tokens(mechanism: str, message: bytes, step: sasl.Step) -> None:
    exchange = sasl.server(mechanism)
    assert exchange.step(None) == sasl.Challenge(b"")
    assert exchange.step(message) == step


@pytest.mark.parametrize(
    ("mechanism", "message"),
    [
        *[("XOAUTH2", message) for message in (
            b"", b"\x01", b"\x01\x01", b"user=a\x01\x01", b"user=a\x01auth=Bearer t", b"user=a\x01auth=Bearer t\x01",
            b"user=a\x01auth=Basic t\x01\x01", b"user=a\x01auth=Bearer \x01\x01",
            b"user=a\x01user=a\x01auth=Bearer t\x01\x01",
            b"user=a\x01auth=Bearer t\x01x=y\x01\x01", b"user\x01auth=Bearer t\x01\x01",
            b"user=a\x01auth=Bearer t\n\x01\x01",
            b"user=a\x01auth=Bearer t t\x01\x01", b"user=a\x01auth=Bearer t\x01\x01\x01",
        )],
        *[("OAUTHBEARER", message) for message in (
            b"", b"n,,", b"n,\x01\x01\x01", b"n,,\x01", b"n,,auth=Bearer t\x01\x01", b"x,,\x01auth=Bearer t\x01\x01",
            b"n,tim,\x01auth=Bearer t\x01\x01", b"n,a==,\x01auth=Bearer t\x01\x01", b"n,,\x01auth=Basic t\x01\x01",
        )],
    ],
)  # fmt: skip
def test_tokens_malformed(mechanism: str, message: bytes) -> None:
    with pytest.raises(PeerError):
        sasl.server(mechanism).step(message)


@pytest.mark.parametrize(
    ("mechanism", "first", "scope", "error", "answer"),
    [
        (
            "XOAUTH2",
            b"user=a\x01auth=Bearer t\x01\x01",
            "mail",
            b'{"status":"401","schemes":"bearer","scope":"mail"}',
            b"",
        ),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer t\x01\x01", "mail", b'{"status":"invalid_token","scope":"mail"}', b"\x01"),
    ],
)
def test_a_refused_token(mechanism: str, first: bytes, scope: str, error: bytes, answer: bytes) -> None:
    exchange = sasl.server(mechanism)
    assert isinstance(exchange, sasl.Bearer)
    exchange.step(first)
    assert exchange.refuse(scope) == sasl.Challenge(error)
    assert exchange.step(answer) == sasl.Failure("the token was refused")
    with pytest.raises(ValueError, match="over"):
        exchange.step(b"")


def test_a_bearer_of_its_own_is_none() -> None:
    with pytest.raises(NotImplementedError):
        bearer.Bearer().step(b"")
    with pytest.raises(NotImplementedError):
        bearer.Bearer().refuse()


def test_a_message_has_a_bound() -> None:
    with pytest.raises(PeerError, match="too long"):
        steps.decode(b"x" * 12289)
