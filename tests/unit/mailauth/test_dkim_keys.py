"""Key records, each tag and fault of them; private keys taken and refused. # RFC 6376 §3.6.1, RFC 8301, RFC 8463"""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.support import signed

from hatoba.mailauth.dkim import keys
from hatoba.mailauth.dkim.signature import Unusable


def der(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, form: serialization.PublicFormat) -> str:
    return base64.b64encode(key.public_bytes(serialization.Encoding.DER, form)).decode()


def pem(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b""
) -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def filled(text: str) -> bytes:
    """`text` with the keys of this run in it."""
    public = signed.rsa_key().public_key()
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    of_rsa = keys.record(public).partition("p=")[2]
    return text.format(
        rsa=of_rsa,
        rsa_folded=f"{of_rsa[:60]} \r\n\t{of_rsa[60:]}",
        rsa_cut=of_rsa[:-8],
        ed=keys.record(signed.ed25519_key()).partition("p=")[2],
        pkcs1=der(public, serialization.PublicFormat.PKCS1),
        ec=der(curve, serialization.PublicFormat.SubjectPublicKeyInfo),
    ).encode()


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("p={rsa}", "rsa-sha256"),
        ("v=DKIM1; k=rsa; p={rsa};", "rsa-sha256"),
        (" v = DKIM1 ;k=rsa;h= sha1 : sha256 ;s=other : email;t=y:s:new;n=a note; x=unknown; p={rsa}", "rsa-sha256"),
        ("k=ed25519; s=*; p={ed}", "ed25519-sha256"),
        ("p={rsa_folded}", "rsa-sha256"),
        ("g=; p={rsa}", "rsa-sha256"),  # RFC 6376 §C.2 took g= away
        ("p={pkcs1}", "rsa-sha256"),
    ],
)
def test_usable_records(text: str, algorithm: str) -> None:
    record = keys.read(filled(text))
    assert keys.usable(record, algorithm) is record.key


def test_white_space_behind_the_last_semicolon_is_let_pass_or_not() -> None:
    assert keys.read(b"v=DKIM1; p=; ").key is None
    assert keys.read(b"v=DKIM1; p=;", strict=True).key is None
    with pytest.raises(Unusable):
        keys.read(b"v=DKIM1; p=; ", strict=True)


def test_flags() -> None:
    record = keys.read(filled("t=y:s; p={rsa}"))
    assert (record.testing, record.strict, record.bits) == (True, True, 2048)
    record = keys.read(filled("t=ys; p={rsa}"))
    assert (record.testing, record.strict) == (False, False)


@pytest.mark.parametrize(
    ("text", "result", "reason"),
    [
        ("", "permerror", "broken"),
        ("v=spf1 -all", "permerror", "version"),
        ("k", "permerror", "broken"),
        ("v=DKIM1", "permerror", "no key"),
        ("v=DKIM1; p=", "permerror", "revoked"),
        ("p=", "permerror", "revoked"),
        ("v=DKIM2; p={rsa}", "permerror", "version"),
        ("v=dkim1; p={rsa}", "permerror", "version"),
        ("p={rsa}; v=DKIM1", "permerror", "version"),
        ("k=rsa; v=DKIM1; p={rsa}", "permerror", "version"),
        ("p={rsa}; p={rsa}", "permerror", "twice"),
        ("k=dsa; p={rsa}", "permerror", "unknown kind"),
        ("k=RSA; p={rsa}", "permerror", "unknown kind"),
        ("h=sha1; p={rsa}", "permerror", "SHA-256"),
        ("h=; p={rsa}", "permerror", "SHA-256"),
        ("s=tlsrpt; p={rsa}", "permerror", "mail"),
        ("s=; p={rsa}", "permerror", "mail"),
        ("k=ed25519; p={ed}", "permerror", "another kind"),
        ("k=ed25519; p={rsa}", "permerror", "cannot be read"),
        ("p={ed}", "permerror", "cannot be read"),
        ("p={rsa_cut}", "permerror", "cannot be read"),
        ("p=not base64!", "permerror", "cannot be read"),
        ("p={ec}", "permerror", "another kind"),
        ("n=" + "x" * 17_000, "permerror", "too long"),
    ],
)  # fmt: skip
def test_useless_records(text: str, result: str, reason: str) -> None:
    with pytest.raises(Unusable) as caught:
        keys.usable(keys.read(filled(text)), "rsa-sha256")
    assert caught.value.result == result
    assert reason in caught.value.reason


def small_key() -> str:
    """A modulus of 1016 bits; that it has no known factors does not matter to whoever reads it."""
    numbers = rsa.RSAPublicNumbers(65537, (1 << 1016) - 3)
    return der(numbers.public_key(), serialization.PublicFormat.SubjectPublicKeyInfo)


def test_short_rsa_keys_are_not_acceptable() -> None:  # RFC 8301 §3.2
    try:
        text = small_key()
    except ValueError:
        pytest.skip("this library reads no key below 1024 bits")
    with pytest.raises(Unusable) as caught:
        keys.usable(keys.read(f"p={text}".encode()), "rsa-sha256")
    assert caught.value.result == "policy"


@pytest.mark.parametrize("key", [signed.rsa_key, signed.ed25519_key])
def test_a_key_its_record_and_its_pem_belong_together(key: type) -> None:
    private = key()
    again = keys.private(pem(private))
    made = keys.sign(again, b"text")
    record = keys.read(keys.record(private.public_key()).encode())
    usable = keys.usable(record, keys.algorithm(again))
    assert keys.verifies(usable, made, b"text")
    assert not keys.verifies(usable, made, b"Text")
    assert not keys.verifies(usable, made[:-1], b"text")
    assert not keys.verifies(usable, b"", b"text")


def test_private_keys_under_a_password() -> None:
    text = pem(signed.ed25519_key(), b"secret")
    assert isinstance(keys.private(text, b"secret", checked=True), ed25519.Ed25519PrivateKey)
    for password in (b"wrong", None):
        with pytest.raises(ValueError, match=r"."):
            keys.private(text, password)


def test_private_keys_that_are_none() -> None:
    for text in (b"", b"nonsense", pem(ec.generate_private_key(ec.SECP256R1()))):
        with pytest.raises(ValueError, match=r"."):
            keys.private(text)
