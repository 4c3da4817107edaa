"""Destinations of reports: one's own, and strangers' only when they agree."""

from tests.support import zone

from hatoba.mailauth import questions
from hatoba.mailauth.dmarc import destinations
from hatoba.mailauth.dmarc.record import Uri

AGREES = {"TXT": [b"v=DMARC1"]}


def allowed(*uris: str, of: zone.Zone | None = None) -> list[str]:
    engine = destinations.allowed("mail.example.org", [Uri(uri) for uri in uris])
    return [uri.uri for uri in questions.run(engine, zone.look(of or {}))]


def test_the_organization_itself_needs_no_leave() -> None:
    assert allowed("mailto:a@example.org", "mailto:b@reports.example.org") == [
        "mailto:a@example.org", "mailto:b@reports.example.org",
    ]  # fmt: skip


def test_strangers_must_agree() -> None:
    of: zone.Zone = {
        "mail.example.org._report._dmarc.yes.example": AGREES,
        "mail.example.org._report._dmarc.spf.example": {"TXT": [b"v=spf1 -all"]},
        "mail.example.org._report._dmarc.later.example": {"TXT": questions.TROUBLE},
    }
    hosts = ("yes.example", "no.example", "spf.example", "later.example")
    assert allowed(*(f"mailto:r@{host}" for host in hosts), of=of) == ["mailto:r@yes.example"]


def test_other_kinds_and_rubbish_are_left_out() -> None:
    assert (
        allowed("https://example.org/", "mailto:", "mailto:a@", "mailto:a@[192.0.2.1]", "mailto:a%0A@example.org") == []
    )


def test_not_more_than_ten() -> None:
    assert len(allowed(*(f"mailto:a{n}@example.org" for n in range(100)))) == destinations.MOST


def test_a_stranger_may_name_other_addresses_at_its_host() -> None:
    name = "mail.example.org._report._dmarc.yes.example"
    of: zone.Zone = {name: {"TXT": [b"v=DMARC1; rua=mailto:new@yes.example,mailto:x@other.example"]}}
    assert allowed("mailto:a@example.org", "mailto:old@yes.example", of=of) == [
        "mailto:a@example.org", "mailto:new@yes.example",
    ]  # fmt: skip
    of = {name: {"TXT": [b"v=DMARC1; rua=mailto:x@other.example"]}}
    assert allowed("mailto:old@yes.example", of=of) == ["mailto:old@yes.example"]
