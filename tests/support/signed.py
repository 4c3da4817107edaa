"""Keys and letters for the tests of DKIM and ARC: the keys are made once a run, their records stand in zone().

Used by tests/unit/mailauth and tests/property.
Never signs anything itself.
"""

from collections.abc import Callable
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from tests.support import zone as zones

from hatoba.mailauth import questions
from hatoba.mailauth.dkim import keys, verify
from hatoba.mailauth.questions import Answer, Question

NOW = 1_500_000_000  # the judges read the clock, and refuse what is from the future
DOMAIN = "example.org"
LETTER = (
    b"Received: from client.example.org (client.example.org [192.0.2.1])\r\n"
    b"\tby mx.example.net with ESMTPS id 1;\r\n\tTue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"From: Alice <alice@example.org>\r\n"
    b"To: bob@example.net\r\n"
    b"Subject: a  letter\r\n\twith a fold\r\n"
    b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"\r\n"
    b"Dear  Bob, \r\n\r\n\tthis is it.\r\n\r\n\r\n"
)


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def zone(**more: str | Answer) -> Callable[[Question], Answer]:
    """The keys "r" (RSA) and "e" (Ed25519) of example.org; `more`: selector → record or Answer, or over these."""
    records: dict[str, str | Answer] = {"r": keys.record(rsa_key()), "e": keys.record(ed25519_key()), **more}
    return zones.look(
        {
            f"{selector}._domainkey.{DOMAIN}": {"TXT": said if isinstance(said, Answer) else [said.encode()]}
            for selector, said in records.items()
        }
    )


def check(
    content: bytes,
    look: Callable[[Question], Answer] | None = None,
    *,
    now: int = NOW,
    settings: verify.Settings | None = None,
) -> tuple[verify.Result, ...]:
    """What the verifier says of this letter."""
    return questions.run(verify.check(content, now=now, settings=settings), look or zone())


def words(content: bytes, look: Callable[[Question], Answer] | None = None) -> list[str]:
    """The result words alone."""
    return [found.result for found in check(content, look)]
