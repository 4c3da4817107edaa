"""DANE chains: leaf and anchors, names, dates, and what may not issue."""

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from tests.support import certificates
from tests.support.certificates import Made, make

from hatoba.mailauth.tlsa import chain, records
from hatoba.mailauth.tlsa.chain import Verdict

NOW = 1_800_000_000
HOST = "mx.example.org"
ROOT, ISSUER, LEAF = certificates.chain(HOST)


def sha(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


def verify(
    record: tuple[int, int, int, bytes], *shown: Made, names: tuple[str, ...] = (HOST,), now: int | None = NOW
) -> Verdict:
    return chain.verify(records.usable([record]), [each.der for each in shown], names, now=now)


def anchor(made: Made) -> tuple[int, int, int, bytes]:
    return 2, 0, 1, sha(made.der)


def test_the_leaf_alone() -> None:
    old = make("", span=(1, 2))
    assert verify((3, 1, 1, sha(old.spki)), old, ROOT, names=("other.example",)).depth == 0
    found = verify((3, 1, 1, sha(LEAF.spki)), ISSUER, LEAF)
    assert (found.record, found.fault) == (None, "validation-failure")
    assert chain.verify([], [], [HOST], now=NOW).why == "the host showed no certificate"


@pytest.mark.parametrize(
    ("record", "depth"),
    [
        (anchor(ROOT), 2), (anchor(ISSUER), 1), ((2, 1, 1, sha(ISSUER.spki)), 1),
        ((2, 1, 2, hashlib.sha512(ROOT.spki).digest()), 2), ((2, 0, 0, ROOT.der), 2),
    ],
)  # fmt: skip
def test_an_anchor_in_the_chain(record: tuple[int, int, int, bytes], depth: int) -> None:
    assert verify(record, LEAF, ISSUER, ROOT).depth == depth
    assert verify(record, LEAF, ROOT, make("stranger"), ISSUER).depth == depth  # in any order, strangers among them


def test_an_anchor_that_only_the_dns_holds() -> None:
    assert verify((2, 0, 0, ROOT.der), LEAF, ISSUER).depth == 2
    assert verify((2, 1, 0, ROOT.spki), LEAF, ISSUER).depth == 2
    assert verify((2, 1, 0, ISSUER.spki), LEAF).depth == 1
    assert verify((2, 0, 1, sha(ROOT.der)), LEAF, ISSUER).record is None
    assert verify((2, 1, 0, make("x").spki), LEAF, ISSUER).fault == "certificate-not-trusted"


def test_the_leaf_is_no_anchor() -> None:
    alone = make("leaf", names=[HOST], authority=True)
    assert verify(anchor(alone), alone).record is None


def test_one_of_several_records() -> None:
    usable = records.usable([(3, 1, 1, bytes(32)), (2, 0, 1, bytes(32)), anchor(ROOT)])
    found = chain.verify(usable, [LEAF.der, ISSUER.der, ROOT.der], [HOST], now=NOW)
    assert found.record == records.Tlsa(*anchor(ROOT))


@pytest.mark.parametrize(
    ("names", "reference", "good"),
    [
        ((HOST,), ("MX.example.ORG.",), True), (("example.org",), (HOST, "example.org"), True),
        (("*.example.org",), (HOST,), True), (("*.org",), (HOST,), False), (("*.mx.example.org",), (HOST,), False),
        (("m*.example.org",), (HOST,), False), (("other.example",), (HOST,), False), ((HOST,), (), False),
    ],
)  # fmt: skip
def test_names(names: tuple[str, ...], reference: tuple[str, ...], good: bool) -> None:
    leaf = make("common.example", ISSUER, names=names)
    found = verify(anchor(ISSUER), leaf, ISSUER, names=reference)
    assert (found.record is not None) is good
    assert good or found.fault == "certificate-host-mismatch"


def test_a_common_name_counts_without_others() -> None:
    assert verify(anchor(ISSUER), make(HOST, ISSUER), ISSUER).record
    assert not verify(anchor(ISSUER), make(HOST, ISSUER, names=["a.example"]), ISSUER).record


def test_dates() -> None:
    leaf = make("leaf", ISSUER, names=[HOST], span=(NOW - 2, NOW - 1))
    assert verify(anchor(ISSUER), leaf, ISSUER).fault == "certificate-expired"
    assert verify(anchor(ISSUER), leaf, ISSUER, now=None).record
    assert verify(anchor(ISSUER), LEAF, ISSUER, now=certificates.FROM - 1).fault == "certificate-expired"


USAGE = dict.fromkeys(
    ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign",
     "crl_sign", "encipher_only", "decipher_only"), False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("authority", "extensions"),
    [
        (False, []),
        (None, []),
        (True, [(x509.KeyUsage(**USAGE), True)]),
        (True, [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]),
        (True, [(x509.NameConstraints([x509.DNSName("example.net")], None), True)]),
        (True, [(x509.NameConstraints(None, [x509.DNSName("example.org")]), True)]),
    ],
)
def test_who_may_not_issue(authority: bool | None, extensions: list[tuple[x509.ExtensionType, bool]]) -> None:
    issuer = make("Issuer", ROOT, authority=authority, extensions=extensions)
    leaf = make("leaf", issuer, names=[HOST])
    for record in (anchor(issuer), anchor(ROOT)):
        assert verify(record, leaf, issuer, ROOT).fault == "validation-failure"


def test_who_may_issue() -> None:
    issuer = make("Issuer", ROOT, authority=True, extensions=[
        (x509.KeyUsage(**{**USAGE, "key_cert_sign": True}), True),
        (x509.NameConstraints([x509.DNSName(".example.org")], [x509.DNSName("a.example.org")]), True),
    ])  # fmt: skip
    assert verify(anchor(ROOT), make("leaf", issuer, names=[HOST]), issuer, ROOT).record
    assert not verify(anchor(ROOT), make("leaf", issuer, names=[HOST, "a.example.org"]), issuer, ROOT).record


def test_room_below_an_issuer() -> None:
    root = make("Root", extensions=[(x509.BasicConstraints(ca=True, path_length=0), True)])
    issuer = make("Issuer", root, authority=True)
    assert verify(anchor(root), make("leaf", root, names=[HOST]), root).record
    assert not verify(anchor(root), make("leaf", issuer, names=[HOST]), issuer, root).record


@pytest.mark.parametrize(
    ("purpose", "good"),
    [(ExtendedKeyUsageOID.SERVER_AUTH, True), (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, True),
     (ExtendedKeyUsageOID.CLIENT_AUTH, False)],
)  # fmt: skip
def test_purposes(purpose: x509.ObjectIdentifier, good: bool) -> None:
    leaf = make("leaf", ISSUER, names=[HOST], extensions=[(x509.ExtendedKeyUsage([purpose]), False)])
    assert (verify(anchor(ISSUER), leaf, ISSUER).record is not None) is good


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)])
def test_other_keys(key: certificates.Key) -> None:
    issuer = make("Issuer", authority=True, key=key)
    leaf = make("leaf", issuer, names=[HOST])
    assert verify(anchor(issuer), leaf, issuer).record
    assert verify((2, 1, 0, issuer.spki), leaf).record
    forged = make("Issuer", authority=True)  # the same name, another key
    assert not verify(anchor(forged), leaf, forged).record


def test_broken_digests_do_not_count() -> None:
    key = rsa.generate_private_key(65537, 2048)
    issuer = make("Issuer", authority=True, key=key)
    leaf = make("leaf", issuer, names=[HOST])
    sha256, sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    text = leaf.certificate.tbs_certificate_bytes.replace(sha256, sha1)
    signature = key.sign(text, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  # the one that is to be refused
    old = leaf.der.replace(sha256, sha1).replace(leaf.certificate.signature, signature)
    assert isinstance(x509.load_der_x509_certificate(old).signature_hash_algorithm, hashes.SHA1)
    found = chain.verify(records.usable([anchor(issuer)]), [old, issuer.der], [HOST], now=NOW)
    assert found.fault == "certificate-not-trusted"


def test_circles_and_crowds_end() -> None:
    crowd = [make("Issuer", ROOT, authority=True, key=ISSUER.key) for _ in range(30)]
    assert verify((2, 0, 1, bytes(32)), LEAF, *crowd, ROOT).fault == "certificate-not-trusted"


@given(st.integers(0, 600), st.integers(0, 255))
def test_nothing_escapes(at: int, value: int) -> None:
    broken = bytearray(LEAF.der)
    broken[at % len(broken)] = value
    found = chain.verify(records.usable([anchor(ISSUER)]), [bytes(broken), ISSUER.der], [HOST], now=NOW)
    assert (found.record is None) is (bytes(broken) != LEAF.der)


def test_a_chain_of_rubbish() -> None:
    for shown in ([b""], [b"x", ISSUER.der], [LEAF.der, b"x"]):
        assert chain.verify(records.usable([anchor(ISSUER)]), shown, [HOST], now=NOW).record is None
