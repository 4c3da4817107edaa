"""Names of certificates: which host a leaf bears, and which an issuer may issue for. # RFC 7672 §3.2.3

Called by chain; also of use where MTA-STS asks for a host's name.
Never looks at a Common Name when there are DNS names.
Fails with ValueError on an extension that cannot be parsed.
"""

from collections.abc import Iterable

from cryptography import x509
from cryptography.x509.oid import NameOID


def bears(certificate: x509.Certificate, reference: Iterable[str]) -> bool:
    """Whether the certificate is for one of these hosts (A-labels); "*." in it stands for one label."""
    wanted = {name.lower().removesuffix(".") for name in reference}
    wanted |= {f"*.{parent}" for name in wanted if "." in (parent := name.partition(".")[2])}
    return any(name in wanted for name in presented(certificate))


def permitted(issuer: x509.Certificate, leaf: x509.Certificate) -> bool:
    """Whether the issuer's constraints on DNS names let it issue for all those of the leaf. # RFC 5280 §4.2.1.10"""
    try:
        limits = issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    names = [name.removeprefix("*.") for name in presented(leaf)]
    within, without = _subtrees(limits.permitted_subtrees), _subtrees(limits.excluded_subtrees)
    if within and not all(any(_below(name, tree) for tree in within) for name in names):
        return False
    return not any(_below(name, tree) for tree in without for name in names)


def presented(certificate: x509.Certificate) -> list[str]:
    """The DNS names of a certificate, in lower case; without any, its Common Name. # RFC 6125 §6.4.4"""
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = alternative.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        found = []
    if not found:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        found = [each.value for each in common if isinstance(each.value, str)]
    return [name.lower().removesuffix(".") for name in found]


def _subtrees(trees: Iterable[x509.GeneralName] | None) -> list[str]:
    return [tree.value.lower().removeprefix(".") for tree in trees or () if isinstance(tree, x509.DNSName)]


def _below(name: str, tree: str) -> bool:
    return not tree or name == tree or name.endswith(f".{tree}")
