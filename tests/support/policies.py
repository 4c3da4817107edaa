"""Zones with SPF policies in them, and the question they are for: policies.ask(policies.policy("v=spf1 -all"))

Used by the tests of SPF.
Never asks a server: the zone is a dict, as in tests.support.zone.
Fails never.
"""

from typing import Any

from tests.support import zone

from hatoba.mailauth import questions
from hatoba.mailauth.spf import check
from hatoba.mailauth.spf.result import Result

IP = "192.0.2.25"
HELO = "mail.example.net"

Names = dict[str, dict[str, Any]]


def ask(names: Names, sender: str = "user@example.org", ip: str = IP, helo: str = HELO, **more: Any) -> Result:
    return questions.run(check.mail_from(ip, sender, helo, **more), zone.look(names))


def policy(text: str | bytes, **names: Any) -> Names:
    """A zone in which example.org has this policy; `other__example` is other.example."""
    own = {"TXT": [text if isinstance(text, bytes) else text.encode()]}
    return {"example.org": own | names.pop("own", {})} | {key.replace("__", "."): held for key, held in names.items()}
