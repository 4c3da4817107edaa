"""Expected: the records a domain should publish, from the facts alone.

Called by check, and by the command line where no network is to be asked.
Never asks the DNS: what only it knows (our addresses, where they are not set) comes in.
Fails never.
"""

import ipaddress
from collections.abc import Iterator, Sequence

from hatoba.mailauth.publish import zone
from hatoba.mailauth.publish.facts import Facts, Finding, Record

_PREFERENCE = 10
_DANE = "3 1 1"  # the key of the certificate itself, SHA-256  # RFC 7671 §5.1


def txt(name: str, text: str) -> Record:
    """A TXT record."""
    return Record(name, "TXT", zone.txt_data(text), text)


def spf(facts: Facts, addresses: Sequence[str]) -> str:
    """The SPF record: our addresses by number, which costs receivers no look-up. # RFC 7208 §4.6.4"""
    terms = [f"{'ip6' if ':' in address else 'ip4'}:{address}" for address in addresses]
    if not terms:
        terms = [f"a:{host}" for host in dict.fromkeys((facts.helo, *facts.mx))]
    return " ".join(["v=spf1", *terms, *facts.spf_terms, facts.spf_all])


def dmarc(facts: Facts) -> str:
    """The DMARC record. # RFC 9989 §4.7"""
    rua = f"; rua={','.join(facts.dmarc_rua)}" if facts.dmarc_rua else ""
    return f"v=DMARC1; p={facts.dmarc_policy}{rua}"


def reverse(address: str) -> str:
    """The name of an address in the reverse tree."""
    return ipaddress.ip_address(address).reverse_pointer


def findings(facts: Facts, addresses: Sequence[str] | None = None) -> list[Finding]:
    """Everything to publish, the needed first, nothing asked yet. `addresses`: those known, else those of the facts."""
    known = facts.addresses if addresses is None else tuple(addresses)
    return [*_delivery(facts), *_sending(facts, known), *_more(facts)]


def _delivery(facts: Facts) -> Iterator[Finding]:
    domain = facts.domain
    if not facts.here:
        return
    records = [Record(domain, "MX", f"{_PREFERENCE * (place + 1)} {host}.") for place, host in enumerate(facts.mx)]
    yield Finding("mx", "needed", tuple(records))


def _sending(facts: Facts, addresses: Sequence[str]) -> Iterator[Finding]:
    domain = facts.domain
    yield Finding("spf", "needed", (txt(domain, spf(facts, addresses)),))
    for key in facts.keys:
        if key.state not in ("retired",):
            yield Finding("dkim", "needed", (txt(f"{key.selector}._domainkey.{domain}", key.record),))
    yield Finding("dmarc", "needed", (txt(f"_dmarc.{domain}", dmarc(facts)),))
    for host in dict.fromkeys((*facts.mx, facts.helo)):
        records = tuple(Record(host, "AAAA" if ":" in each else "A", each) for each in addresses)
        yield Finding("address", "needed", records or (Record(host, "A", ""),))
    for address in addresses:
        yield Finding("ptr", "needed", (Record(reverse(address), "PTR", f"{facts.helo}."),))


def _more(facts: Facts) -> Iterator[Finding]:
    domain = facts.domain
    if facts.here and facts.sts != "none":
        records = [txt(f"_mta-sts.{domain}", f"v=STSv1; id={facts.sts_id}")]
        if facts.web:
            records.append(Record(f"mta-sts.{domain}", "CNAME", f"{facts.web}."))
        yield Finding("mta-sts", "advised", tuple(records))
    if facts.here and facts.tls_rua:
        yield Finding(
            "tls-rpt", "advised", (txt(f"_smtp._tls.{domain}", f"v=TLSRPTv1; rua={','.join(facts.tls_rua)}"),)
        )
    for service in facts.services:
        record = Record(f"_{service.name}._tcp.{domain}", "SRV", f"0 1 {service.port} {service.host}.")
        yield Finding("srv", "advised", (record,))
    if facts.web and facts.services:
        for label in ("autoconfig", "autodiscover"):
            yield Finding("autoconfig", "optional", (Record(f"{label}.{domain}", "CNAME", f"{facts.web}."),))
    if facts.here and facts.tlsa:
        for host in facts.mx:
            record = Record(f"_25._tcp.{host}", "TLSA", f"{_DANE} {facts.tlsa.hex()}")
            yield Finding("tlsa", "optional", (record,))
