"""Letters from example.org as the world sends them: signed, sealed by a list, forged; and the zone they live in.

Used by the tests of intake and doors and by the stories.
Never asks a server: `ZONE` is a dict as tests.support.zone and, by `records`, as tests.support.dns_server take it.
"""

import time
from typing import Any

from tests.support import signed

from hatoba.mailauth.arc import chain, seal
from hatoba.mailauth.dkim import keys, sign
from hatoba.mailauth.results import read
from hatoba.mailauth.results.finding import Results
from hatoba.message import headers

IP = "192.0.2.25"  # example.org's host
ELSEWHERE = "198.51.100.7"
NOW = int(time.time())  # seconds: signatures from the future count for nothing

Zone = dict[str, dict[str, Any]]


def zone(policy: str = "v=DMARC1; p=reject") -> Zone:
    """example.org with its key and this DMARC policy ("" for none); list.example seals with the same key."""
    key = [keys.record(signed.ed25519_key()).encode()]
    return {
        "example.org": {"TXT": [b"v=spf1 ip4:192.0.2.25 -all"], "MX": [(10, "mail.example.org")]},
        "mail.example.org": {"A": [IP]},
        "25.2.0.192.in-addr.arpa": {"PTR": ["mail.example.org"]},
        "e._domainkey.example.org": {"TXT": key},
        "e._domainkey.list.example": {"TXT": key},
        "_dmarc.example.org": {"TXT": [policy.encode()]} if policy else {},
    }


def records(zone: Zone) -> dict[str, dict[str, list[str]]]:
    """The same for a real DNS server."""

    def text(rtype: str, record: Any) -> str:
        if rtype == "TXT":
            return " ".join(f'"{record[at : at + 250].decode()}"' for at in range(0, len(record), 250))
        return f"{record[0]} {record[1]}." if rtype == "MX" else f"{record}." if rtype == "PTR" else str(record)

    return {
        name: {rtype: [text(rtype, each) for each in found] for rtype, found in types.items()}
        for name, types in zone.items()
    }


def letter(body: bytes = b"Dear Bob,\r\n.\r\nthis is it.\r\n", author: bytes = b"alice@example.org") -> bytes:
    return (
        b"From: Alice <" + author + b">\r\nTo: bob@example.org\r\nSubject: a letter\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n" + body
    )


def signer(domain: str = "example.org") -> sign.Signer:
    return sign.Signer(domain, "e", signed.ed25519_key())


def genuine(content: bytes | None = None, domain: str = "example.org") -> bytes:
    """Signed by example.org."""
    content = letter() if content is None else content
    return sign.sign(content, [signer(domain)], now=NOW) + content


def forwarded(saw: bytes = b"dmarc=pass header.from=example.org", *, footer: bytes = b"-- \r\na list\r\n") -> bytes:
    """Changed and sealed by list.example, which says what it saw before that."""
    content = genuine() + footer
    results = b"list.example; " + saw
    return seal.seal(content, signer("list.example"), chain.Chain("none"), results, now=NOW) + content


def told(content: bytes, authserv_id: str = "mx.example.org") -> Results:
    """The one Authentication-Results of ours, read back."""
    found = [read.parse(value) for value in headers.scan(content).all(b"authentication-results")]
    (ours,) = [each for each in found if each.authserv_id == authserv_id]
    return ours


def words(content: bytes) -> dict[str, str]:
    """method → result, of methods that stand once."""
    return {finding.method: finding.result for finding in told(content).findings}
