"""CPU of one SPF check beside pyspf: python -m bench.spf_cost [--rounds N]

Run by hand and by `make bench`; DNS is a dict on both sides, so that only the checking is measured.
Never touches a network.
Prints µs of CPU a check for each policy: hatoba as it runs (records remembered), hatoba reading every record anew,
pyspf (which reads them anew each time).
"""

import argparse
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import spf as pyspf

from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Question
from hatoba.mailauth.spf import check, record

_NETWORKS = b" ".join(b"ip4:198.51.%d.0/24" % number for number in range(25))
ZONE: dict[str, dict[str, list[Any]]] = {
    "direct.example": {"TXT": [b"site-verification=abcdefgh", b"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"]},
    "hosted.example": {"TXT": [b"v=spf1 include:_spf.big.example ~all"]},
    "_spf.big.example": {"TXT": [b"v=spf1 include:_a.big.example include:_b.big.example include:_c.big.example ~all"]},
    "_a.big.example": {"TXT": [b"v=spf1 " + _NETWORKS + b" ~all"]},
    "_b.big.example": {"TXT": [b"v=spf1 " + _NETWORKS.replace(b"198.51", b"203.0") + b" ~all"]},
    "_c.big.example": {"TXT": [b"v=spf1 ip4:192.0.2.0/24 ~all"]},
    "hosts.example": {"TXT": [b"v=spf1 a mx -all"], "A": ["203.0.113.1"], "MX": [(10, "mx.hosts.example")]},
    "mx.hosts.example": {"A": ["192.0.2.25"]},
    "macro.example": {"TXT": [b"v=spf1 exists:%{ir}.%{l1r+-}._spf.%{d} -all"]},
    "25.2.0.192.user._spf.macro.example": {"A": ["127.0.0.2"]},
}  # fmt: skip
SENDERS = ("direct", "hosted", "hosts", "macro")


def look(question: Question) -> Answer:
    """hatoba's DNS."""
    found = ZONE.get(question.name, {}).get(question.type, ())
    return Answer(tuple(found)) if found else questions.NODATA


def ours(sender: str) -> str:
    return questions.run(check.mail_from("192.0.2.25", sender, "mail.example.org"), look).result


def theirs(sender: str) -> str:
    return str(pyspf.query(i="192.0.2.25", s=sender, h="mail.example.org", strict=True).check()[0])


def _look(name: str, rtype: str, *_: Any, **__: Any) -> Iterator[tuple[tuple[str, str], Any]]:
    """pyspf's DNS, over the same zone."""
    types: Mapping[str, list[Any]] = ZONE.get(name.lower(), {})
    for found in types.get(rtype, ()):
        value = socket.inet_pton(socket.AF_INET6, found) if rtype == "AAAA" else found
        yield (name, rtype), (value,) if rtype == "TXT" else value


def cost(work: Callable[[str], str], sender: str, rounds: int) -> float:
    """µs of CPU a call: the best of five runs."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(rounds):
            work(sender)
        best = min(best, time.process_time() - start)
    return best / rounds * 1e6


def anew(sender: str) -> str:
    record.forget()
    return ours(sender)


def main(rounds: int) -> None:
    pyspf.DNSLookup = _look
    print(f"{'policy':10}{'hatoba':>10}{'read anew':>12}{'pyspf':>10}   µs of CPU a check")
    for name in SENDERS:
        sender = f"user@{name}.example"
        assert ours(sender) == theirs(sender) == "pass", (ours(sender), theirs(sender))
        figures = [cost(work, sender, rounds) for work in (ours, anew, theirs)]
        print(f"{name:10}{figures[0]:10.1f}{figures[1]:12.1f}{figures[2]:10.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=400)
    main(parser.parse_args().rounds)
