"""DMARC in the header: a finding for Authentication-Results. # RFC 8601 §2.2, RFC 9989 §5.3.6

Called by the rooms that check letters, after dmarc.check.
Never writes what a stranger sent but domains in A-labels.
Fails never.
"""

from hatoba.mailauth.dmarc.result import Result
from hatoba.mailauth.results.finding import Finding, Property


def finding(result: Result, disposition: str = "") -> Finding:
    """What the check found. `disposition`: what is done with the letter, if that is to be told."""
    properties = [Property("header", "from", result.author)] if result.author else []
    said = []
    if result.domain:
        properties.append(Property("policy", "dmarc", result.policy))
        said.append(f"p={result.published}")
        if disposition:
            said.append(f"dis={disposition}")
    if result.why:
        said.append(result.why)
    return Finding("dmarc", result.result, tuple(properties), comment=" ".join(said))
