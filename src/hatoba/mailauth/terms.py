"""Term lists: "v=STSv1; id=…; …", the grammar that MTA-STS and TLS-RPT records share. # RFC 8461 §3.1, RFC 8460 §3

Called by mtasts and tlsrpt.record.
Never knows what a term means beyond the version in front.
Fails with BadTerms: a syntax error, anywhere in the record.
"""

import re

OCTETS = 8192  # a longer text is no record of ours
_WSP = " \t"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_EXTENSION = re.compile(r"[!-:<>-~]+")  # VCHAR without ";" and "="


class BadTerms(ValueError):
    """The record breaks the grammar; the message says where."""


def claims(text: bytes, version: str) -> bool:
    """Whether a TXT record is one of this kind: its version stands in front, then a ";" or the end."""
    first = text.partition(b";")[0].rstrip(b" \t")
    return len(text) <= OCTETS and first == b"v=" + version.encode("ascii")


def parse(text: bytes, version: str) -> list[tuple[str, str]]:
    """(name, value) of every term behind the version, in order. BadTerms."""
    if not claims(text, version):
        raise BadTerms(f"it does not begin with v={version}")
    try:
        parts = text.decode("ascii").split(";")[1:]
    except UnicodeDecodeError:
        raise BadTerms("it holds octets beyond ASCII") from None
    if parts and not parts[-1].strip(_WSP):
        parts.pop()
    terms = []
    for part in parts:
        name, sign, value = part.strip(_WSP).partition("=")
        if not sign or not _NAME.fullmatch(name):
            raise BadTerms(f"{part.strip()[:40]!a} is no name with a value")
        if not value:
            raise BadTerms(f"{name}= is empty")
        terms.append((name, value))
    return terms


def check_extensions(terms: list[tuple[str, str]], known: str) -> None:
    """BadTerms unless each value is one that an extension may have; the term `known` is checked by its owner."""
    for name, value in terms:
        if name != known and not _EXTENSION.fullmatch(value):
            raise BadTerms(f"{name}= holds a character that it must not")
