"""wire.smtp.offer: the EHLO reply."""

from hatoba.wire.smtp import offer
from hatoba.wire.smtp.offer import Offer


def test_the_least() -> None:
    least = Offer("mx.example", smtputf8=False, chunking=False, dsn=False)
    assert offer.greeting(least).wire == (
        b"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 0\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
    )


def test_everything() -> None:
    most = Offer(
        "mx.example",
        size=10,
        tls=True,
        mechanisms=("PLAIN", "SCRAM-SHA-256"),
        requiretls=True,
        limits_rcptmax=100,
        futurerelease=3600,
        futurerelease_until="2030-01-01T00:00:00Z",
        deliverby=60,
        priority="MIXER",
        rrvs=True,
        xclient=("NAME", "ADDR"),
    )
    assert offer.lines(most)[4:] == [
        "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "STARTTLS", "AUTH PLAIN SCRAM-SHA-256", "REQUIRETLS",
        "LIMITS RCPTMAX=100", "FUTURERELEASE 3600 2030-01-01T00:00:00Z", "DELIVERBY 60", "MT-PRIORITY MIXER",
        "RRVS", "XCLIENT NAME ADDR",
    ]  # fmt: skip


def test_replace() -> None:
    changed = Offer("mx.example", tls=True).replace(tls=False, requiretls=True)
    assert changed == Offer("mx.example", requiretls=True)
    assert "FUTURERELEASE 5" in offer.lines(changed.replace(futurerelease=5))
