"""The state of an ARC chain as a finding for Authentication-Results. # RFC 8617 §4.1.1, §10.2

Called by the rooms that check letters, after arc.chain.
Never repeats what the sealers attest.
Fails never.
"""

from hatoba.mailauth.arc.chain import Chain
from hatoba.mailauth.results.finding import Finding, Property


def finding(chain: Chain, remote_ip: str = "") -> Finding:
    """`remote_ip`: the client that handed the letter in, for the reports of whoever set the chain's policy."""
    properties = [Property("smtp", "remote-ip", remote_ip)] if remote_ip else []
    if chain.result == "pass":
        properties.append(Property("header", "oldest-pass", str(chain.oldest_pass)))
    said = f"i={chain.instance}" if chain.instance else ""
    if chain.sealers:
        said += f" sealed by {chain.sealers[-1].domain}"
    return Finding("arc", chain.result, tuple(properties), chain.reason, said)
