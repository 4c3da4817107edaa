"""Aggregate reports written: the XML of either form, its gzip, and the letter that carries it. # RFC 9990 §3

Called by the room that sends reports to the domains that asked for them.
Never decides who gets a report (see destinations) and never draws a name: ids are handed in.
Fails never on values: what XML cannot hold is left out.
"""

import gzip
import re
from collections.abc import Iterable
from xml.sax.saxutils import escape  # writes text only: nothing is parsed here

from hatoba.mailauth.dmarc.aggregate.form import DkimAuth, Published, Report, Row, SpfAuth
from hatoba.mailauth.dmarc.aggregate.read import NAMESPACE
from hatoba.message import build, encode

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9._-]")
_SCOPES = ("mfrom", "helo")


def xml(report: Report) -> bytes:
    """The document, in UTF-8; elements in the order of the schema of its form."""
    new = report.form == "2.0"
    opening = f'<feedback xmlns="{NAMESPACE}">' if new else "<feedback>"
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', opening, "  <version>1.0</version>"]
    lines += _metadata(report, new)
    lines += _published(report.published, new)
    for row in report.rows:
        lines += _record(row, new)
    lines.append("</feedback>")
    return ("\n".join(lines) + "\n").encode()


def filename(report: Report, receiver: str, unique: str = "") -> str:
    """receiver!policy-domain!begin!end[!unique].xml.gz # RFC 9990 §3.5.2, RFC 7489 §7.2.1.1"""
    pieces = [receiver, report.published.domain, str(report.begin), str(report.end)]
    pieces += [unique] if unique else []
    return "!".join(_NOT_IN_NAME.sub("_", piece) for piece in pieces) + ".xml.gz"


def subject(report: Report, receiver: str) -> str:
    """# RFC 9990 §3.5.2"""
    return f"Report Domain: {report.published.domain} Submitter: {receiver} Report-ID: {report.report_id}"


def packed(report: Report) -> bytes:
    """The gzip of the document; the same for the same report."""
    return gzip.compress(xml(report), mtime=0)


def body(report: Report, receiver: str, seed: str) -> build.Part:
    """The body of the letter: a text for people and the packed report. `seed` makes the boundary."""
    name = filename(report, receiver, seed)
    about = build.text(
        f"This is an aggregate DMARC report from {receiver} about {report.published.domain}.\n"
        f"Report-ID: {report.report_id}\n"
    )
    attached = build.Part(
        f"application/gzip; {encode.parameter('name', name)}",
        build.base64_lines(packed(report)),
        "base64",
        (("Content-Disposition", f"attachment; {encode.parameter('filename', name)}"),),
    )
    return build.multipart("mixed", [about, attached], seed)


def _metadata(report: Report, new: bool) -> list[str]:
    inside = [
        ("org_name", report.org_name), ("email", report.email), ("extra_contact_info", report.extra_contact_info),
        ("report_id", report.report_id),
    ]  # fmt: skip
    lines = _elements(inside, 4, always=("org_name", "email", "report_id"))
    lines += ["    <date_range>", f"      <begin>{report.begin}</begin>", f"      <end>{report.end}</end>"]
    lines.append("    </date_range>")
    lines += _elements([("error", error) for error in report.errors], 4)
    lines += _elements([("generator", report.generator)] if new else [], 4)
    return ["  <report_metadata>", *lines, "  </report_metadata>"]


def _published(policy: Published, new: bool) -> list[str]:
    inside = [("domain", policy.domain)]
    if new:
        inside.append(("discovery_method", policy.discovery_method))
        inside += [("p", policy.p), ("sp", policy.sp), ("np", policy.np), ("fo", policy.fo)]
        inside += [("adkim", policy.adkim), ("aspf", policy.aspf), ("testing", policy.testing)]
    else:
        inside += [("adkim", policy.adkim), ("aspf", policy.aspf), ("p", policy.p), ("sp", policy.sp or policy.p)]
        inside += [("pct", str(100 if policy.pct is None else policy.pct)), ("fo", policy.fo)]
    return ["  <policy_published>", *_elements(inside, 4, always=("domain",)), "  </policy_published>"]


def _record(row: Row, new: bool) -> list[str]:
    disposition = row.disposition if new or row.disposition != "pass" else "none"
    evaluated = _elements([("disposition", disposition), ("dkim", row.dkim), ("spf", row.spf)], 8)
    for reason in row.reasons:
        said = _elements([("type", reason.type), ("comment", reason.comment)], 10)
        evaluated += ["        <reason>", *said, "        </reason>"]
    lines = ["  <record>", "    <row>", *_elements([("source_ip", row.source_ip), ("count", str(row.count))], 6)]
    lines += ["      <policy_evaluated>", *evaluated, "      </policy_evaluated>", "    </row>", "    <identifiers>"]
    named = [("envelope_to", row.envelope_to), ("envelope_from", row.envelope_from), ("header_from", row.header_from)]
    lines += _elements(named, 6, always=("header_from",))
    lines += ["    </identifiers>", "    <auth_results>"]
    for dkim in row.auth_dkim:
        lines += ["      <dkim>", *_dkim(dkim), "      </dkim>"]
    for spf in row.auth_spf:
        lines += ["      <spf>", *_spf(spf), "      </spf>"]
    return [*lines, "    </auth_results>", "  </record>"]


def _dkim(found: DkimAuth) -> list[str]:
    inside = [("domain", found.domain), ("selector", found.selector), ("result", found.result)]
    return _elements([*inside, ("human_result", found.human_result)], 8, always=("domain", "result"))


def _spf(found: SpfAuth) -> list[str]:
    inside = [("domain", found.domain), ("scope", found.scope if found.scope in _SCOPES else "")]
    inside += [("result", found.result), ("human_result", found.human_result)]
    return _elements(inside, 8, always=("domain", "result"))


def _elements(pairs: Iterable[tuple[str, str]], indent: int, *, always: tuple[str, ...] = ()) -> list[str]:
    """One line for each; those without a value are left out unless they must be there."""
    return [
        f"{' ' * indent}<{name}>{escape(_NO_XML.sub('', value))}</{name}>"
        for name, value in pairs
        if value or name in always
    ]
