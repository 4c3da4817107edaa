"""Reports about TLS: the JSON read from whatever carries it, and written with the letter around it. # RFC 8460 §4, §5

Called by the rooms that take in and send reports.
Never believes a report and never sends one.
Fails with BadReport when what was sent is none; a field that is missing or of another type is empty.
"""

import gzip
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from hatoba.message import build, encode, unpack

MOST = 16 << 20  # octets of one report
VALUES = 1_000_000  # of the JSON, as far as can be told without reading it
POLICIES = 10_000  # of one report
FAILURES = 100_000  # of one report
_TEXT = 2000  # characters of one value
_LINES = 1000  # of one policy
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9._-]")


class BadReport(ValueError):
    """This is no TLS report; the message says why."""


class Failure(msgspec.Struct, frozen=True, gc=False):
    """`result`: "starttls-not-supported", "certificate-expired", "sts-policy-invalid", … # RFC 8460 §4.3"""

    result: str
    count: int = 1
    sending_ip: str = ""
    receiving_host: str = ""
    receiving_helo: str = ""
    receiving_ip: str = ""
    information: str = ""
    reason: str = ""


class Policy(msgspec.Struct, frozen=True, gc=False):
    """`type`: "sts", "tlsa", "no-policy-found". `strings`: the policy's lines or records; `hosts`: its mx patterns."""

    type: str
    domain: str
    successes: int = 0
    failures: int = 0
    strings: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    details: tuple[Failure, ...] = ()


class Report(msgspec.Struct, frozen=True, gc=False):
    """Times in seconds since 1970; 0 where they cannot be read."""

    organization: str
    contact: str
    id: str
    begin: int
    end: int
    policies: tuple[Policy, ...] = ()


def parse(octets: bytes, *, most: int = MOST) -> Report:
    """The report in a letter, a gzip, a zip or in bare JSON. BadReport."""
    error = BadReport("there is no JSON in it")
    try:
        for document in unpack.documents(octets, b"{", most=most):
            try:
                return parse_json(document)
            except BadReport as bad:
                error = bad
    except unpack.BadPack as bad:
        raise BadReport(str(bad)) from None
    raise error


def parse_json(octets: bytes) -> Report:
    """The report that a JSON document is. BadReport."""
    if sum(map(octets.count, (b",", b"[", b"{"))) > VALUES:
        raise BadReport("it holds too many values")
    try:
        whole = msgspec.json.decode(octets.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadReport(f"the JSON is broken: {error}") from None
    listed = whole.get("policies") if isinstance(whole, dict) else None
    if not isinstance(listed, list) or not _text(whole, "report-id"):
        raise BadReport("it has no report-id or no policies")
    if len(listed) > POLICIES:
        raise BadReport("it has too many policies")
    span = _map(whole, "date-range")
    left = FAILURES
    policies = []
    for each in listed:
        if isinstance(each, dict):
            policies.append(_policy(each, left))
            left -= len(policies[-1].details)
    return Report(
        _text(whole, "organization-name"), _text(whole, "contact-info"), _text(whole, "report-id"),
        _moment(_text(span, "start-datetime")), _moment(_text(span, "end-datetime")), tuple(policies),
    )  # fmt: skip


def _policy(entry: dict[str, Any], left: int) -> Policy:
    policy, summary = _map(entry, "policy"), _map(entry, "summary")
    details = entry.get("failure-details")
    failures = [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []
    if len(failures) > left:
        raise BadReport("it has too many failures")
    return Policy(
        _text(policy, "policy-type").lower(), _text(policy, "policy-domain").lower().removesuffix("."),
        _number(summary, "total-successful-session-count"), _number(summary, "total-failure-session-count"),
        _texts(policy, "policy-string"), _texts(policy, "mx-host"), tuple(map(_failure, failures)),
    )  # fmt: skip


def _failure(entry: dict[str, Any]) -> Failure:
    return Failure(
        _text(entry, "result-type").lower(), _number(entry, "failed-session-count"), _text(entry, "sending-mta-ip"),
        _text(entry, "receiving-mx-hostname"), _text(entry, "receiving-mx-helo"), _text(entry, "receiving-ip"),
        _text(entry, "additional-information"), _text(entry, "failure-reason-code"),
    )  # fmt: skip


def _map(entry: dict[str, Any], name: str) -> dict[str, Any]:
    found = entry.get(name)
    return found if isinstance(found, dict) else {}


def _text(entry: dict[str, Any], name: str) -> str:
    found = entry.get(name)
    return str(found)[:_TEXT] if isinstance(found, str | int) and not isinstance(found, bool) else ""


def _texts(entry: dict[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts; some reporters write a single text in its place."""
    found = entry.get(name)
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return tuple(each[:_TEXT] for each in listed[:_LINES] if isinstance(each, str))


def _number(entry: dict[str, Any], name: str) -> int:
    found = entry.get(name)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 15:
        found = int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 53 else 0


def _moment(text: str) -> int:
    """A date-time of RFC 3339 as seconds since 1970; without a zone it is taken for UTC."""
    try:
        found = datetime.fromisoformat(text.strip())
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return 0


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write(report: Report) -> bytes:
    """The JSON. # RFC 8460 §4.4"""
    whole = {
        "organization-name": report.organization,
        "date-range": {"start-datetime": _date(report.begin), "end-datetime": _date(report.end)},
        "contact-info": report.contact,
        "report-id": report.id,
        "policies": [_written(policy) for policy in report.policies],
    }
    return msgspec.json.encode(whole)


def _written(policy: Policy) -> dict[str, Any]:
    said: dict[str, Any] = {"policy-type": policy.type, "policy-domain": policy.domain}
    if policy.strings:
        said["policy-string"] = policy.strings
    if policy.hosts:
        said["mx-host"] = policy.hosts
    counts = {"total-successful-session-count": policy.successes, "total-failure-session-count": policy.failures}
    entry: dict[str, Any] = {"policy": said, "summary": counts}
    if policy.details:
        entry["failure-details"] = [_detail(each) for each in policy.details]
    return entry


def _detail(failure: Failure) -> dict[str, Any]:
    pairs = {
        "result-type": failure.result,
        "sending-mta-ip": failure.sending_ip,
        "receiving-mx-hostname": failure.receiving_host,
        "receiving-mx-helo": failure.receiving_helo,
        "receiving-ip": failure.receiving_ip,
        "additional-information": failure.information,
        "failure-reason-code": failure.reason,
    }
    return {**{name: value for name, value in pairs.items() if value}, "failed-session-count": failure.count}


def filename(report: Report, sender: str, domain: str, unique: str) -> str:
    """sender!policy-domain!begin!end!unique.json.gz # RFC 8460 §5.1"""
    pieces = [sender, domain, str(report.begin), str(report.end), unique]
    return "!".join(_NOT_IN_NAME.sub("_", piece) for piece in pieces) + ".json.gz"


def fields(report: Report, sender: str, domain: str) -> Sequence[tuple[str, str]]:
    """The fields that the letter has beside those of any. # RFC 8460 §5.3"""
    return (
        ("TLS-Report-Domain", domain),
        ("TLS-Report-Submitter", sender),
        ("Subject", f"Report Domain: {domain} Submitter: {sender} Report-ID: <{report.id}>"),
    )


def body(report: Report, sender: str, domain: str, seed: str) -> build.Part:
    """The multipart/report; `seed` makes its boundary and the end of the file's name. # RFC 8460 §5.3"""
    name = filename(report, sender, domain, seed)
    about = build.text(f"This is an aggregate TLS report from {sender} about {domain}.\nReport-ID: <{report.id}>\n")
    attached = build.Part(
        f"application/tlsrpt+gzip; {encode.parameter('name', name)}",
        build.base64_lines(gzip.compress(write(report), mtime=0)),
        "base64",
        (("Content-Disposition", f"attachment; {encode.parameter('filename', name)}"),),
    )
    return build.multipart("report", [about, attached], seed, (("report-type", "tlsrpt"),))
