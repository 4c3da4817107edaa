"""DKIM beside dkimpy, interleaved, in CPU time of one thread: python -m bench.signatures [--sizes 1,10,100].

Part of `make bench`. Both sign and verify the same letter, relaxed/relaxed, keys loaded before; the DNS is a dict.
Never part of the tests. Each other's signatures are verified first: a figure for a wrong signature counts nothing.
Prints a row for each size and deed: the medians in µs a letter, the median and range of the paired ratios.
"""

import argparse
import base64
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import dkim as dkimpy
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from hatoba.app import processor
from hatoba.mailauth import questions
from hatoba.mailauth.dkim import keys, sign, verify
from hatoba.mailauth.questions import Answer, Question

DOMAIN = "example.org"
HEADER = (
    b"Received: from client.example.org (client.example.org [192.0.2.1])\r\n\tby mx.example.net with ESMTPS id 1;\r\n"
    b"\tTue, 24 Nov 2026 10:00:00 +0000\r\nFrom: Alice <alice@example.org>\r\nTo: Bob <bob@example.net>\r\n"
    b"Subject: =?utf-8?b?5Lya6K2w44Gu44GK55+l44KJ44Gb?=\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <20261124100000.1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 7bit\r\nList-Unsubscribe: <https://example.org/u/1>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n"
)
LINE = b"A line of a letter, with words of several lengths, that ends before column 78.\r\n"
SIGNED = [b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type", b"from"]


KEYS: dict[str, keys.PrivateKey] = {
    "RSA-2048": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}


class Deed(NamedTuple):
    """What both do. Each call is one letter."""

    name: str
    ours: Callable[[], object]
    theirs: Callable[[], object]


def letter(kilobytes: int) -> bytes:
    lines = -(-(kilobytes * 1024 - len(HEADER)) // len(LINE))
    return HEADER + LINE * max(lines, 1)


def deeds(content: bytes, kind: str, key: keys.PrivateKey) -> list[Deed]:
    """Sign and verify with one key."""
    record = keys.record(key).encode()
    signer = sign.Signer(DOMAIN, "s", key)
    now = int(time.time())

    def look(_question: Question) -> Answer:
        return Answer((record,))

    def dns(_name: bytes, timeout: int = 5) -> bytes:
        return record

    def our_verify(signed: bytes) -> str:
        return questions.run(verify.check(signed, now=now), look)[0].result

    made = sign.sign(content, [signer], now=now) + content
    theirs = _their_sign(content, key)
    assert dkimpy.verify(made, dnsfunc=dns)
    assert our_verify(theirs() + content) == "pass"
    return [
        Deed(f"sign {kind}", lambda: sign.sign(content, [signer], now=now), theirs),
        Deed(f"verify {kind}", lambda: our_verify(made), lambda: dkimpy.verify(made, dnsfunc=dns)),
    ]


def _their_sign(content: bytes, key: keys.PrivateKey) -> Callable[[], bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        form, algorithm = serialization.PrivateFormat.TraditionalOpenSSL, b"rsa-sha256"
        text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    else:
        raw = serialization.PrivateFormat.Raw
        text = key.private_bytes(serialization.Encoding.Raw, raw, serialization.NoEncryption())
        text, algorithm = base64.b64encode(text), b"ed25519-sha256"

    def their_sign() -> bytes:
        made: bytes = dkimpy.sign(
            content, b"s", DOMAIN.encode(), text, include_headers=SIGNED,
            canonicalize=(b"relaxed", b"relaxed"), signature_algorithm=algorithm,
        )  # fmt: skip
        return made

    return their_sign


def timed(call: Callable[[], object], seconds: float) -> float:
    """CPU µs a call, over calls that take about so long."""
    call()
    begun, count = time.thread_time(), 0
    while (took := time.thread_time() - begun) < seconds:
        call()
        count += 1
    return took / count * 1e6


def measure(deed: Deed, rounds: int, seconds: float) -> tuple[float, float, list[float]]:
    """(ours, theirs, the paired ratios theirs to ours), interleaved and in changing order."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        for first in (number % 2 == 0, number % 2 == 1):
            (ours if first else theirs).append(timed(deed.ours if first else deed.theirs, seconds))
    ratios = sorted(their / our for our, their in zip(ours, theirs, strict=True))
    return statistics.median(ours), statistics.median(theirs), ratios


def main() -> int:
    parser = argparse.ArgumentParser(description="DKIM beside dkimpy")
    parser.add_argument("--sizes", default="1,10,100", help="KB, comma separated")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.2, help="CPU for each measurement")
    options = parser.parse_args()
    hints = processor.hints()
    if hints:  # as the workers run: it counts when OpenSSL is loaded, which it is by now
        command = [sys.executable, "-m", "bench.signatures", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | hints)  # noqa: S606  ourselves again
    print("| | size | dkimpy µs | hatoba µs | ratio (paired: least to most) |")
    print("|---|---|---|---|---|")
    for size in (int(word) for word in options.sizes.split(",")):
        content = letter(size)
        for deed in (deed for kind, key in KEYS.items() for deed in deeds(content, kind, key)):
            ours, theirs, ratios = measure(deed, options.rounds, options.seconds)
            middle = statistics.median(ratios)
            spread = f"{ratios[0]:.1f} to {ratios[-1]:.1f}"
            print(f"| {deed.name} | {size} KB | {theirs:,.0f} | {ours:,.0f} | {middle:.1f} × ({spread}) |")
    bare = [f"{kind} {timed(partial(keys.sign, key, HEADER), 0.5):,.0f} µs" for kind, key in KEYS.items()]
    print(f"\nOf a hatoba signature the bare operation of OpenSSL takes: {', '.join(bare)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
