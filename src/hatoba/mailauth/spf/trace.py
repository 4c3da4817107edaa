"""SPF results in the header: a finding for Authentication-Results, and Received-SPF. # RFC 8601 §2.7.2, RFC 7208 §9.1

Called by the rooms that check letters, after spf.check.
Never writes what a stranger sent without quoting it.
Fails never.
"""

import re

from hatoba.mailauth.results.finding import Finding, Property
from hatoba.mailauth.spf.result import Result

_DOT_ATOM = re.compile(r"[0-9A-Za-z!#$%&'*+\-/=?^_`{|}~]+(?:\.[0-9A-Za-z!#$%&'*+\-/=?^_`{|}~]+)*")
_LONGEST = 320  # characters of a value; longer than any mailbox
_REASONS = {
    "pass": "designates {ip} as permitted sender",
    "fail": "does not designate {ip} as permitted sender",
    "softfail": "does not designate {ip} as permitted sender, and is not sure",
    "neutral": "says nothing about {ip}",
    "none": "has no SPF record",
    "permerror": "has an SPF record that cannot be interpreted",
    "temperror": "cannot be asked for its SPF record now",
}


def finding(result: Result, sender: str, helo: str) -> Finding:
    """What the check found, with the identity it is about; a local part beyond ASCII is left out."""
    if result.identity == "helo":
        held = Property("smtp", "helo", helo if helo.isascii() else result.domain)
    else:
        held = Property("smtp", "mailfrom", sender if sender.isascii() else result.domain)
    return Finding("spf", result.result, (held,), comment=result.why)


def received_spf(result: Result, ip: str, sender: str, helo: str, receiver: str) -> bytes:
    """A Received-SPF field with its CRLF, in ASCII. `receiver` is our own name."""
    comment = f"{receiver}: {_shown(result.domain)} {_REASONS[result.result].format(ip=ip)}"
    pairs = {
        "client-ip": ip,
        "envelope-from": sender,
        "helo": helo,
        "receiver": receiver,
        "identity": result.identity,
        "mechanism": result.term,
        "problem": result.why,
    }
    keys = [f"{key}={_value(value)}" for key, value in pairs.items() if value or key == "envelope-from"]
    text = f"Received-SPF: {result.result} ({comment})\r\n\t" + ";\r\n\t".join(keys) + "\r\n"
    return text.encode("ascii", "replace")


def _shown(domain: str) -> str:
    return re.sub(r"[^0-9A-Za-z._-]", "?", domain[:_LONGEST]) or "unknown"


def _value(value: str) -> str:
    """A dot-atom as it is, anything else as a quoted-string."""
    plain = re.sub(r"[^ -~]", "?", value[:_LONGEST])
    return plain if _DOT_ATOM.fullmatch(plain) else '"' + re.sub(r'(["\\])', r"\\\1", plain) + '"'
