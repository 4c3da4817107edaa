"""Guard: what a need asks of one host: TLS or not, which certificate; and whether a connection has shown it.

Called by dial before a host is spoken to, by opening after the handshake, by channel for each letter on an open line.
Never connects and never asks DNS. DANE comes before MTA-STS. # RFC 8461 §2, RFC 7672
Fails with Refused (from `of`): the host may not be used for this need.
"""

import hashlib
from typing import NamedTuple

from cryptography import x509

from hatoba.delivery.need import Need
from hatoba.mailauth.tlsa import chain as chains
from hatoba.mailauth.tlsa import names as names_
from hatoba.mailauth.tlsa import records
from hatoba.mailauth.tlsa.lookup import Dane
from hatoba.model.status import Status


class Refused(Exception):
    """A host cannot be used: what it said or did before the first letter. Ends in an Outcome when no host is left.

    `policy`: it was not spoken to, or not further, for what is asked of it here. `result` and `information` are for
    the TLS report, "" for what is none of its matters. # RFC 8460 §4.3
    """

    def __init__(
        self,
        status: Status,
        reply: str = "",
        *,
        handshake: bool = False,
        policy: bool = False,
        result: str = "",
        information: str = "",
    ) -> None:
        super().__init__(str(status))
        self.status = status
        self.reply = reply
        self.handshake = handshake  # TLS failed: under "may" the host is tried again in plain
        self.policy = policy
        self.result = result
        self.information = information


class Guard(NamedTuple):
    """`tls`: STARTTLS is said where it is offered; `required`: without it nothing goes.

    `pkix`: public CAs vouch for the certificate and the host's name; `soft`: that is only counted (MTA-STS testing);
    `names`: it must bear one of these instead of the host's. `by` says in words who asks.
    """

    by: str
    tls: bool = True
    required: bool = False
    pkix: bool = False
    soft: bool = False
    names: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    dane: Dane | None = None


class Proof(NamedTuple):
    """What a connection has shown. `chain` in DER, the host's own first; () without TLS.

    `pkix`: the handshake has verified chain and host name; `trusted`: the chain alone. `dane`: what was found for the
    host, None where that was not asked; `record`: the TLSA record that matched. `fault`: (word, why) of a certificate
    that failed softly.
    """

    host: str
    chain: tuple[bytes, ...] = ()
    pkix: bool = False
    trusted: bool = False
    dane: Dane | None = None
    record: records.Tlsa | None = None
    fault: tuple[str, str] = ("", "")


PLAIN = Guard("opportunistic", tls=False)
OPEN = Guard("opportunistic")


def of(need: Need, host: str, dane: Dane | None) -> Guard:
    """What is asked of `host`. `dane` is None where its TLSA records do not count (or it cannot have any). Refused."""
    guard = _asked(need, host, dane)
    return guard if dane is None else guard._replace(dane=dane)


def _asked(need: Need, host: str, dane: Dane | None) -> Guard:
    if dane is not None and dane.state == "trouble":
        raise _refused("4.4.3", f"DANE cannot be decided for {host}: {dane.why}", "dnssec-invalid")
    if need.level == "none" and not need.covered:
        return _local(need)
    if dane is not None and dane.state == "usable":
        return Guard(f"DANE at {host}", required=True)
    if need.only:
        raise _refused("4.7.4", f"DANE is required ({need.rule}), but {host} has {_lacks(dane)}", "dane-required")
    if dane is not None and dane.state == "unusable":  # RFC 7672 §2.2
        return Guard(f"DANE at {host}", required=True, pkix=need.covered)
    sts = need.sts
    if sts is not None and sts.mode == "enforce":
        if not sts.covers(host):  # RFC 8461 §4.1, §5
            text = f"the MTA-STS policy of {need.domain} (enforce) does not name {host}"
            raise _refused("4.7.0", text, "validation-failure")
        return Guard(f"MTA-STS (enforce) of {need.domain}", required=True, pkix=True)
    if need.covered:
        return _covered(need, host)
    if sts is not None and need.level == "may":
        covers = sts.covers(host)
        return Guard(f"MTA-STS (testing) of {need.domain}", pkix=covers, soft=True)
    return _local(need)


def _covered(need: Need, host: str) -> Guard:
    """REQUIRETLS: the MX record is authenticated by DNSSEC, or the host's name by MTA-STS. # RFC 8689 §4.2.1"""
    named = need.sts is not None and need.sts.covers(host)
    if need.mx and not (need.secure or need.pinned or named):
        text = f"REQUIRETLS: neither DNSSEC nor MTA-STS vouches for {host} as a mail host of {need.domain}"
        raise _refused("5.7.30", text, "")
    if need.level in ("none", "may", "encrypt"):
        return Guard("REQUIRETLS", required=True, pkix=True)
    return _local(need)


def _local(need: Need) -> Guard:
    """What the settings ask."""
    if need.level == "none":
        return Guard(f"no TLS ({need.rule})" if need.special else "", tls=False)
    if need.level == "may":
        return OPEN
    verify = need.level == "verify"
    return Guard(
        f"{need.level} ({need.rule})", required=True, pkix=verify and not need.names, names=need.names,
        fingerprints=need.fingerprints,
    )  # fmt: skip


def _lacks(dane: Dane | None) -> str:
    if dane is None:
        return "no TLSA records that DNSSEC vouches for"
    return "no TLSA records" if dane.state == "absent" else dane.why


def _refused(code: str, text: str, result: str) -> Refused:
    return Refused(Status(code, text), policy=True, result=result, information=text)


def seen(guard: Guard, host: str, chain: tuple[bytes, ...], now: int, known: tuple[str, str] = ("", "")) -> Proof:
    """What the handshake with `host` has shown. `now`: seconds since 1970, for the dates of a DANE-TA path.

    `known`: what was wrong with its certificate, where it was not verified again for that.
    """
    if not chain:
        return Proof(host, dane=guard.dane)
    pkix = guard.pkix and not known[0]
    proof = Proof(host, chain, pkix, pkix or bool(guard.names), guard.dane, fault=known)
    if guard.dane is None or guard.dane.state != "usable":
        return proof
    verdict = chains.verify(guard.dane.records, chain, guard.dane.names, now=now)
    if verdict.record is None:
        return proof._replace(fault=(verdict.fault or "validation-failure", verdict.why))
    return proof._replace(record=verdict.record)


def fault(guard: Guard, proof: Proof) -> tuple[str, str]:
    """(word for a TLS report, why) the connection does not meet the guard; ("", "") when it does."""
    if guard.required and not proof.chain:
        return "starttls-not-supported", "TLS is required"
    if guard.dane is not None and guard.dane.state == "usable" and proof.record is None:
        return proof.fault if proof.fault[0] else ("validation-failure", "the certificate matches no TLSA record")
    if guard.pkix and not guard.soft and not proof.pkix:
        return "certificate-not-trusted", "the certificate was not verified"
    if guard.names and not (proof.trusted and _bears(proof.chain, guard.names)):
        return "certificate-host-mismatch", f"the certificate bears none of {', '.join(guard.names)}"
    if guard.fingerprints and not (proof.chain and fingerprints(proof.chain[0]) & set(guard.fingerprints)):
        return "validation-failure", "the certificate has none of the fingerprints of the settings"
    return "", ""


def weigh(need: Need, proof: Proof) -> Guard | None:
    """What the need asks of the host of an open connection, if that has shown all of it; None when it has not."""
    if need.dane and proof.dane is None and named(proof.host):
        return None  # its records were not asked for when it was opened
    try:
        guard = of(need, proof.host, proof.dane if need.dane else None)
    except Refused:
        return None
    return None if fault(guard, proof)[0] else guard


def named(host: str) -> bool:
    """Whether the host has a name, below which TLSA records may stand: not an address, not a socket."""
    return not host.replace(".", "").isdigit() and ":" not in host


def words(guard: Guard, proof: Proof) -> str:
    """For the trace: who asked, and how the peer was authenticated; "" where nobody asked anything."""
    if guard.dane is not None and guard.dane.state != "absent":
        if proof.record is None:
            return f"{guard.by}: no usable TLSA record, certificate not checked"
        usage, selector, matching, _ = proof.record
        return f"{guard.by}: the certificate matches TLSA {usage} {selector} {matching}"
    if guard.soft:
        if not proof.chain:
            return f"{guard.by}: no TLS"
        if not guard.pkix:
            return f"{guard.by}: the policy does not name {proof.host}"
        return f"{guard.by}: {_checked(proof)}"
    if not guard.required:
        return "" if guard.by == OPEN.by else guard.by
    if guard.pkix:
        return f"{guard.by}: certificate verified for {proof.host}"
    if guard.names:
        return f"{guard.by}: certificate verified for {', '.join(guard.names)}"
    if guard.fingerprints:
        return f"{guard.by}: the fingerprint is one of the settings'"
    return f"{guard.by}: certificate not checked"


def _checked(proof: Proof) -> str:
    if proof.pkix:
        return f"certificate verified for {proof.host}"
    return f"{proof.fault[1]}, delivered all the same" if proof.fault[0] else "certificate not checked"


def fingerprints(certificate: bytes) -> set[str]:
    """SHA-256 of a certificate (DER) and of its public key, in lower-case hex."""
    key = records.spki(certificate)
    found = {hashlib.sha256(certificate).hexdigest()}
    return found | {hashlib.sha256(key).hexdigest()} if key else found


def _bears(chain: tuple[bytes, ...], wanted: tuple[str, ...]) -> bool:
    """Whether the host's certificate is for one of these names; ".example.org" stands for all below it."""
    try:
        certificate = x509.load_der_x509_certificate(chain[0])
        exact = [name for name in wanted if name[:1] != "."]
        if names_.bears(certificate, exact):
            return True
        borne = names_.presented(certificate)
    except (*chains.UNREADABLE, IndexError):
        return False
    return any(name.removeprefix("*").endswith(tail) for name in borne for tail in wanted if tail[:1] == ".")
