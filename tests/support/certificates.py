"""Chains of certificates made for a test: root, issuer, leaf = certificates.chain("mx.example.org")

Used by the tests of DANE.
Never writes a file; keys are P-256 and made anew, but for those handed in.
Fails with what cryptography raises.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
FROM, TO = 1_700_000_000, 1_900_000_000


class Made(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def spki(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def make(
    name: str,
    issuer: Made | None = None,
    *,
    names: Sequence[str] = (),
    authority: bool | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    span: tuple[int, int] = (FROM, TO),
    key: Key | None = None,
) -> Made:
    """One certificate; without an issuer it signs itself. `authority`: basic constraints, None leaves them out."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(span[0], UTC))
        .not_valid_after(datetime.fromtimestamp(span[1], UTC))
    )
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signer = issuer.key if issuer else key
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Made(builder.sign(signer, algorithm), key)


def chain(*names: str) -> tuple[Made, Made, Made]:
    """Root, issuer and a leaf with these DNS names."""
    root = make("Root", authority=True)
    issuer = make("Issuer", root, authority=True)
    return root, issuer, make("leaf", issuer, names=names, authority=False)
