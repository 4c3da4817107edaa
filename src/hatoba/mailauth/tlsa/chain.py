"""A host's certificates held against its TLSA records: DANE-EE by the leaf alone, DANE-TA by a path. # RFC 7671 §5

Called by delivery after the handshake, and by the probe commands.
Never asks a public CA: the records are the only trust there is.
Fails never: certificates that cannot be parsed match nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from hatoba.mailauth.tlsa import names
from hatoba.mailauth.tlsa.records import CERT, EE, FULL, SPKI, TA, Tlsa

Fault: TypeAlias = Literal[
    "", "validation-failure", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted"
]  # RFC 8460 §4.3

# What a certificate made by a stranger may raise; the last where warnings are errors.
UNREADABLE = (
    ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType, CryptographyDeprecationWarning,
)  # fmt: skip
_CERTIFICATES = 20  # of a chain that are looked at
_DEPTH = 10  # of a path
_WEAK = (hashes.MD5, hashes.SHA1)
_KNOWN = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.CERTIFICATE_POLICIES, ExtensionOID.NAME_CONSTRAINTS,
    }
)  # fmt: skip


class Verdict(NamedTuple):
    """`record` is the one that matched, None for none; `depth` where: 0 is the leaf, one more than the path for a key
    that stands in the DNS alone. `fault`: the word for a TLS report; `why`: a sentence."""

    record: Tlsa | None
    depth: int = -1
    fault: Fault = ""
    why: str = ""


class _Fault(Exception):
    """The path is no good; args are the Fault and the sentence."""


def verify(records: Sequence[Tlsa], chain: Sequence[bytes], reference: Sequence[str], *, now: int | None) -> Verdict:
    """Which record the chain (DER, leaf first, as the host sent it) satisfies. `records` are records.usable.

    `reference`: names of which the leaf must bear one, for usage 2 only; usage 3 binds the key to the host by itself,
    and neither names nor dates count (RFC 7671 §5.1). `now`: seconds since 1970; None leaves dates unchecked.
    """
    if not chain:
        return Verdict(None, fault="validation-failure", why="the host showed no certificate")
    for record in records:
        if record.usage == EE and record.matches(chain[0]):
            return Verdict(record, 0)
    anchors = [record for record in records if record.usage == TA]
    if not anchors:
        return Verdict(None, fault="validation-failure", why="the certificate matches no TLSA record")
    try:
        leaf = x509.load_der_x509_certificate(chain[0])
        found = _Path(leaf, _readable(chain[1:_CERTIFICATES]) + _given(anchors), anchors, now).find()
        _check_leaf(leaf, reference)
    except _Fault as fault:
        return Verdict(None, fault=fault.args[0], why=fault.args[1])
    except UNREADABLE as error:
        return Verdict(None, fault="validation-failure", why=f"a certificate cannot be read: {error}"[:200])
    return found


class _Path:
    """The search for a way from the leaf to a trust anchor of the records."""

    def __init__(
        self, leaf: x509.Certificate, others: list[x509.Certificate], anchors: list[Tlsa], now: int | None
    ) -> None:
        self._anchors = anchors
        self._now = None if now is None else datetime.fromtimestamp(now, UTC)
        self._leaf = leaf
        self._others = others
        self._keys = [(each, _key(each.data)) for each in anchors if (each.selector, each.matching) == (SPKI, FULL)]
        self._left = 200  # signatures that are verified in all
        self._fault = _Fault("certificate-not-trusted", "no path leads to a TLSA record's certificate")

    def find(self) -> Verdict:
        """The matching record. _Fault: the one found last, or that there is no path at all."""
        found = self._from(self._leaf, [self._leaf])
        if found is None:
            raise self._fault
        return found

    def _from(self, at: x509.Certificate, path: list[x509.Certificate]) -> Verdict | None:
        if not self._sound(at, depth=len(path) - 1):
            return None
        for record, key in self._keys:
            if key is not None and self._spend() and _signed_by(at, key) and not self._constrained(path):
                return Verdict(record, len(path))
        for issuer in self._others:
            if issuer in path or issuer.subject != at.issuer or len(path) >= _DEPTH:
                continue
            if not self._spend() or not _issued(at, issuer):
                continue
            longer = [*path, issuer]
            der = issuer.public_bytes(serialization.Encoding.DER)
            matched = next((each for each in self._anchors if each.matches(der)), None)
            if matched is not None:
                if self._sound(issuer, depth=len(path)) and not self._constrained(longer):
                    return Verdict(matched, len(path))
                continue
            found = self._from(issuer, longer)
            if found is not None:
                return found
        return None

    def _spend(self) -> bool:
        self._left -= 1
        return self._left >= 0

    def _sound(self, certificate: x509.Certificate, depth: int) -> bool:
        """Whether the dates, and for an issuer its right to issue, are in order. # RFC 5280 §6.1"""
        now = self._now
        if now is not None and not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            self._fault = _Fault("certificate-expired", "a certificate is past its dates, or not yet within them")
            return False
        unknown = [each.oid for each in certificate.extensions if each.critical and each.oid not in _KNOWN]
        if unknown or (depth > 0 and not _may_issue(certificate, depth)):
            self._fault = _Fault(
                "validation-failure", "a certificate of the path may not issue others, or asks for more"
            )
            return False
        return True

    def _constrained(self, path: list[x509.Certificate]) -> bool:
        """Whether an issuer's name constraints forbid a name of the leaf. # RFC 5280 §4.2.1.10"""
        if all(names.permitted(issuer, self._leaf) for issuer in path[1:]):
            return False
        self._fault = _Fault("validation-failure", "an issuer may not issue for this name")
        return True


def _given(anchors: list[Tlsa]) -> list[x509.Certificate]:
    """The certificates that stand whole in the DNS. # RFC 7671 §5.2.2"""
    return _readable(each.data for each in anchors if (each.selector, each.matching) == (CERT, FULL))


def _readable(ders: Iterable[bytes]) -> list[x509.Certificate]:
    """Those that can be parsed; a host may show others beside the path."""
    found = []
    for der in ders:
        try:
            found.append(x509.load_der_x509_certificate(der))
        except UNREADABLE:
            continue
    return found


_Key: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey


def _key(data: bytes) -> _Key | None:
    try:
        key = serialization.load_der_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, _Key) else None


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    return isinstance(key, _Key) and _signed_by(certificate, key)


def _signed_by(certificate: x509.Certificate, key: _Key) -> bool:
    """Whether the certificate's signature is of this key, by an algorithm that is not broken."""
    signature, text = certificate.signature, certificate.tbs_certificate_bytes
    try:
        if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, text)
            return True
        digest = certificate.signature_hash_algorithm
        if digest is None or isinstance(digest, _WEAK):
            return False
        how = certificate.signature_algorithm_parameters
        if isinstance(key, rsa.RSAPublicKey) and isinstance(how, padding.PKCS1v15 | padding.PSS):
            key.verify(signature, text, how, digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(how, ec.ECDSA):
            key.verify(signature, text, how)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _may_issue(certificate: x509.Certificate, depth: int) -> bool:
    """Whether a certificate is one of a CA, with room for `depth - 1` others between it and the leaf. # RFC 5280 §6.1.4

    One of version 1 cannot say so; only as the anchor itself, which the DNS names, it would ever be reached.
    """
    extensions = certificate.extensions
    try:
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return certificate.version is x509.Version.v1 and certificate.subject == certificate.issuer
    if not basic.ca or (basic.path_length is not None and depth - 1 > basic.path_length):
        return False
    try:
        return extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _check_leaf(leaf: x509.Certificate, reference: Sequence[str]) -> None:
    """_Fault unless the leaf is for a server of one of these names. # RFC 7672 §3.2.2, §3.2.3"""
    if not names.bears(leaf, reference):
        raise _Fault("certificate-host-mismatch", "the certificate bears another name")
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usage):
        raise _Fault("validation-failure", "the certificate is not for a server")
