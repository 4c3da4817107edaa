"""Domains as mail names them: host names, IDNs turned into A-labels, address literals; one spelling for each.

Called by Address.parse; by rooms that read a domain alone (settings, the command line) through `parse`.
Never asks the DNS whether a domain exists, and never keeps the U-label form: `human` makes it again for the eye.
Fails with BadAddress that says where the text breaks the grammar.
"""

import ipaddress
import re
import unicodedata

import idna

DOMAIN_OCTETS = 255  # RFC 5321 §4.5.3.1.2
LABEL_OCTETS = 63  # RFC 1035 §2.3.4

# RFC 5321 §4.1.2: Domain = sub-domain *("." sub-domain), sub-domain = Let-dig [Ldh-str]
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*")
_SNUM = re.compile(r"[0-9]{1,3}")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what UTS 46 reads as a dot; Japanese keyboards type them
_JOINERS = "\u200c\u200d"


class BadAddress(ValueError):
    """The text is no address; the message says where it breaks the grammar."""


def parse(text: str, *, smtputf8: bool = True) -> str:
    """The domain in its one spelling: lower case, A-labels, or "[192.0.2.1]" / "[IPv6:2001:db8::1]". BadAddress.

    `smtputf8=False` refuses U-labels. # RFC 5321 §4.1.2, RFC 6531 §3.3
    """
    if text.startswith("["):
        return _literal(text)
    if len(text) <= DOMAIN_OCTETS and _NAME.fullmatch(text):
        return text.lower()
    if not text.isascii():
        if not smtputf8:
            raise BadAddress("the domain holds characters beyond ASCII; only SMTPUTF8 carries them")
        ascii_form = _a_labels(text)
        if len(ascii_form) <= DOMAIN_OCTETS and _NAME.fullmatch(ascii_form):
            return ascii_form
        text = ascii_form
    raise _fault(text)


def human(domain: str) -> str:
    """The domain with its U-labels, to show to people; as it stands where an A-label cannot be decoded."""
    if "xn--" not in domain:
        return domain
    try:
        return idna.decode(domain)
    except UnicodeError:
        return domain


def _fault(text: str) -> BadAddress:
    """Says what is wrong with a domain name in ASCII."""
    if not text:
        return BadAddress("the domain is missing")
    if len(text) > DOMAIN_OCTETS:
        return BadAddress(f"the domain is longer than {DOMAIN_OCTETS} octets")
    if text.endswith("."):
        return BadAddress("the domain ends with a dot")
    for label in text.split("."):
        if not label:
            return BadAddress("the domain has an empty label")
        if len(label) > LABEL_OCTETS:
            return BadAddress(f"a label of the domain is longer than {LABEL_OCTETS} octets")
        wrong = re.search(r"[^A-Za-z0-9-]", label)
        if wrong:
            return BadAddress(f"{wrong[0]!r} cannot stand in a domain")
    return BadAddress("a label of the domain begins or ends with a hyphen")


def _a_labels(text: str) -> str:
    """The domain with each U-label as its A-label. # RFC 5891 §5, mapped first by UTS 46, non-transitional

    IDNA 2008 is asked first. What it refuses for a character alone, registries have sold all the same (symbols such
    as a heart), and DNS holds those names; so the second try is the rule browsers apply, UTS 46 with its validity
    criteria. It stays safe: normalised, no joiner out of context, no leading mark, no mixed direction, hyphens where
    they belong, and what comes out is still checked as letters, digits and hyphens.
    """
    if len(text) > DOMAIN_OCTETS:
        raise BadAddress(f"the domain is longer than {DOMAIN_OCTETS} octets")
    if any(not part for part in _DOTS.split(text)):
        raise BadAddress("the domain has an empty label")
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except idna.InvalidCodepoint:
        return _by_uts46(text)
    except UnicodeError as error:  # IDNAError is one
        raise BadAddress(f"the domain is no IDN: {error}") from None


def _by_uts46(text: str) -> str:
    try:
        labels = [_lenient_label(label) for label in idna.uts46_remap(text, False, False).split(".")]
    except UnicodeError as error:
        raise BadAddress(f"the domain is no IDN: {error}") from None
    return ".".join(labels)


def _lenient_label(label: str) -> str:
    """One mapped label as A-label. UnicodeError when it breaks UTS 46 §4.1."""
    if label.isascii():
        return label.lower()
    if any(joiner in label for joiner in _JOINERS):
        raise UnicodeError("a joiner stands out of context")
    for character in label:
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"):
            raise UnicodeError(f"U+{ord(character):04X} cannot stand in a domain")
    idna.check_nfc(label)
    idna.check_hyphen_ok(label)
    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    return "xn--" + label.encode("punycode").decode("ascii").lower()


def _literal(text: str) -> str:
    """An address literal in its one spelling. # RFC 5321 §4.1.3"""
    if not text.endswith("]"):
        raise BadAddress("the address literal is not closed")
    inside = text[1:-1]
    tag, colon, value = inside.partition(":")
    if not colon:
        return f"[{_ipv4(inside)}]"
    if tag.lower() != "ipv6":
        # A General-address-literal needs a tag that IANA has registered: "IPv6" is the only one there is.
        raise BadAddress(f"the address literal has the unknown tag {tag[:20]!r}")
    return f"[IPv6:{_ipv6(value)}]"


def _ipv4(text: str) -> str:
    """Four decimal numbers; leading zeros count for nothing (Snum is decimal, never octal)."""
    numbers = text.split(".")
    if len(numbers) != 4 or not all(_SNUM.fullmatch(number) and int(number) <= 255 for number in numbers):
        raise BadAddress("the address literal is no IPv4 address, and no tag says what else it is")
    return ".".join(str(int(number)) for number in numbers)


def _ipv6(text: str) -> str:
    """All forms of RFC 5321, spelled as RFC 5952 asks.

    "::" for a single group is read too: RFC 5321 asks for two or more, RFC 4291 §2.2, which it cites, for one.
    """
    if not _IPV6.fullmatch(text):
        raise BadAddress("the address literal is no IPv6 address")
    head, colon, tail = text.rpartition(":")
    if "." in tail:
        text = head + colon + _ipv4(tail)
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise BadAddress("the address literal is no IPv6 address") from None
    mapped = address.ipv4_mapped
    return f"::ffff:{mapped}" if mapped else address.compressed  # the same on every Python: 3.13 changed str()
