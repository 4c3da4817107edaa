"""iprev: the names that a client's address has in DNS, and whether one of them leads back to it. # RFC 8601 §3

Asked once a connection; fills in `case.client` for other checks and for Authentication-Results.
Never refuses anybody: who wants that looks at `client.iprev`.
Fails never.
"""

import ipaddress
from collections.abc import Sequence

from hatoba.intake import asking
from hatoba.intake.asking import Asking
from hatoba.intake.case import Case
from hatoba.mailauth import questions
from hatoba.mailauth.questions import Question
from hatoba.model.outcome import Verdict

_NAMES = 5  # of one address that are looked up


class Iprev:
    name = "iprev"
    anyway = True

    def at_connect(self, case: Case) -> Asking[Sequence[Verdict]]:
        try:
            address = ipaddress.ip_address(case.source.ip)
        except ValueError:
            return ()
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        pointers = yield from asking.dns(address.reverse_pointer, "PTR")
        client = case.client
        if not pointers.records:
            client.iprev = "temperror" if pointers == questions.TROUBLE else "permerror"
            return ()
        names = [str(name) for name in pointers.records[:_NAMES]]
        rtype: questions.Type = "A" if address.version == 4 else "AAAA"
        answers = yield tuple(Question(name, rtype) for name in names)
        client.ptr = tuple(
            name for name, answer in zip(names, answers, strict=True) if _leads_back(answer.records, address)
        )
        troubled = any(answer.status == "trouble" for answer in answers)
        client.iprev = "pass" if client.ptr else "temperror" if troubled else "fail"
        return ()


def _leads_back(records: Sequence[str], address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(ipaddress.ip_address(record) == address for record in records)
