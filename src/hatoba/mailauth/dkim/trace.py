"""DKIM results as findings for Authentication-Results, one a signature. # RFC 8601 §2.7.1, RFC 6008 §4

Called by the rooms that check letters, after dkim.verify.
Never holds a text of the signer that was not matched against its grammar.
Fails never.
"""

from collections.abc import Iterable

from hatoba.mailauth.dkim.verify import Result
from hatoba.mailauth.results.finding import Finding, Property


def findings(results: Iterable[Result]) -> tuple[Finding, ...]:
    """In the order of the signatures; dkim=none for a letter without any."""
    return tuple(map(finding, results)) or (Finding("dkim", "none"),)


def finding(result: Result) -> Finding:
    """What is known of one signature."""
    known = (
        ("d", result.domain),
        ("i", result.identity if result.identity.isascii() else ""),
        ("s", result.selector),
        ("a", result.algorithm),
        ("b", result.b),
    )
    said = [f"{result.bits}-bit key"] if result.bits and result.algorithm.startswith("rsa") else []
    said += ["testing"] if result.testing else []
    properties = tuple(Property("header", name, value) for name, value in known if value)
    return Finding("dkim", result.result, properties, result.reason, ", ".join(said))
