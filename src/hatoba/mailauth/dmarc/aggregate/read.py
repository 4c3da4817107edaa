"""Aggregate reports read: whatever carries the XML, and whatever dialect its writer speaks. # RFC 9990 §3

Called by the room that takes in reports about our domains, with what a stranger sent.
Never expands an entity, never builds a tree of the whole, and never goes on beyond its limits.
Fails with BadReport.
"""

import io
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from hatoba.mailauth.dmarc.aggregate.form import DkimAuth, Published, Reason, Report, Row, SpfAuth
from hatoba.message import unpack

NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"  # RFC 9990
ROWS = 100_000  # records of one report
_DEPTH = 20
_CHILD = 1 << 20  # octets of one record, or of anything else right below the root: so much is in memory as a tree
_TEXT = 1000  # characters of one value
_LISTED = 100  # reasons or results of one record
_NUMBER = re.compile(r"([0-9]{1,15})(?:\.[0-9]*)?")
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_AMPERSAND = re.compile("&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
_END = "</feedback>"
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")


class BadReport(ValueError):
    """This is no aggregate report; the message says why."""


def parse(octets: bytes, *, most: int = unpack.MOST) -> Report:
    """The report in a letter, a zip, a gzip or in bare XML. BadReport.

    `most`: octets of XML at most.
    """
    error = BadReport("there is no XML in it")
    try:
        for document in unpack.documents(octets, b"<", most=most):
            try:
                return parse_xml(document)
            except BadReport as bad:
                error = bad
    except unpack.BadPack as bad:
        raise BadReport(str(bad)) from None
    raise error


def parse_xml(octets: bytes) -> Report:
    """The report that an XML document is. BadReport.

    One that is not well-formed is read again once what careless writers do is mended: octets of another charset,
    control characters, a bare "&", rubbish behind the end.
    """
    try:
        return _read(octets)
    except (ParseError, ValueError, LookupError) as error:
        if isinstance(error, BadReport | DefusedXmlException):
            raise BadReport(str(error)) from None
        first = str(error)
    mended = _mended(octets)
    if mended == octets:
        raise BadReport(f"the XML is broken: {first}")
    try:
        return _read(mended)
    except (ParseError, ValueError, LookupError) as error:
        if isinstance(error, BadReport):
            raise
        raise BadReport(f"the XML is broken: {first}") from None


def _mended(octets: bytes) -> bytes:
    text = _DECLARATION.sub("", octets.decode("utf-8-sig", "replace").lstrip("\x00 \t\r\n"))
    end = text.rfind(_END) + len(_END)
    text = text[:end] if end >= len(_END) else text
    return _AMPERSAND.sub("&amp;", _NO_XML.sub("\ufffd", text)).encode()


def _read(octets: bytes) -> Report:
    """Takes the children of the root one by one; each is forgotten once it is read."""
    metadata = published = None
    rows: list[Row] = []
    form = "1.0"
    for element in _children(octets):
        name = _local(element)
        if element.tag.startswith(f"{{{NAMESPACE}}}"):
            form = "2.0"
        if name == "report_metadata" and metadata is None:
            metadata = element
        elif name == "policy_published" and published is None:
            published = element
        elif name == "record":
            if len(rows) == ROWS:
                raise BadReport("it has too many records")
            rows.append(_row(element))
    if metadata is None or published is None:
        raise BadReport("it has no report_metadata or no policy_published")
    policy = _published(published)
    if not policy.domain:
        raise BadReport("it does not say which domain it is about")
    if policy.discovery_method or policy.np or policy.testing:
        form = "2.0"
    span = _first(metadata, "date_range")
    return Report(
        _text(metadata, "org_name"), _text(metadata, "email"), _text(metadata, "report_id"),
        _number(span, "begin"), _number(span, "end"), policy, tuple(rows),
        _text(metadata, "extra_contact_info"), tuple(_value(each) for each in _all(metadata, "error")),
        _text(metadata, "generator"), "2.0" if form == "2.0" else "1.0",
    )  # fmt: skip


class _Source(io.BytesIO):
    """The octets, as long as no child of the root takes too many of them; `since`: those read since the last ended."""

    since = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.since += len(piece)
        if self.since > _CHILD:
            raise BadReport("one of its elements is too large")
        return piece


def _children(octets: bytes) -> Iterator[Element]:
    """The children of the root, each whole. BadReport; ParseError or ValueError from the parser."""
    depth = 0
    root: Element | None = None
    source = _Source(octets)
    for event, element in iterparse(source, ("start", "end"), forbid_dtd=True):
        if event == "start":
            depth += 1
            if root is None:
                root = element
                if _local(root) != "feedback":
                    raise BadReport("the XML is no feedback")
            if depth > _DEPTH:
                raise BadReport("its elements lie too deep")
            continue
        depth -= 1
        if depth == 1 and root is not None:
            yield element
            root.clear()
            source.since = 0


def _local(element: Element) -> str:
    """The name without its namespace."""
    return element.tag.rpartition("}")[2].lower()


def _all(parent: Element | None, name: str) -> list[Element]:
    if parent is None:
        return []
    return [child for child in parent if _local(child) == name][:_LISTED]


def _first(parent: Element | None, name: str) -> Element | None:
    return next(iter(_all(parent, name)), None)


def _value(element: Element | None) -> str:
    return "" if element is None else " ".join((element.text or "").split())[:_TEXT]


def _text(parent: Element | None, name: str) -> str:
    return _value(_first(parent, name))


def _word(parent: Element | None, name: str) -> str:
    return _text(parent, name).lower()


def _domain(parent: Element | None, name: str) -> str:
    return _word(parent, name).removesuffix(".")


def _number(parent: Element | None, name: str) -> int:
    """A number, fractions (OpenDMARC wrote them) cut off; 0 where there is none."""
    found = _NUMBER.fullmatch(_text(parent, name))
    return int(found[1]) if found else 0


def _published(element: Element) -> Published:
    pct = _NUMBER.fullmatch(_text(element, "pct"))
    return Published(
        _domain(element, "domain"), _word(element, "p"), _word(element, "sp"), _word(element, "np"),
        _word(element, "adkim"), _word(element, "aspf"), _word(element, "fo"), int(pct[1]) if pct else None,
        _word(element, "testing") or _word(element, "t"), _word(element, "discovery_method"),
    )  # fmt: skip


def _auth(found: Element, second: str) -> tuple[str, str, str, str]:
    return _domain(found, "domain"), _word(found, second), _word(found, "result"), _text(found, "human_result")


def _row(record: Element) -> Row:
    row, identifiers = _first(record, "row"), _first(record, "identifiers")
    results, evaluated = _first(record, "auth_results"), _first(row, "policy_evaluated")
    return Row(
        _word(row, "source_ip"), _number(row, "count"), _word(evaluated, "disposition") or "none",
        _word(evaluated, "dkim") or "fail", _word(evaluated, "spf") or "fail",
        _domain(identifiers, "header_from"), _domain(identifiers, "envelope_from"), _domain(identifiers, "envelope_to"),
        tuple(Reason(_word(each, "type"), _text(each, "comment")) for each in _all(evaluated, "reason")),
        tuple(DkimAuth(*_auth(each, "selector")) for each in _all(results, "dkim")),
        tuple(SpfAuth(*_auth(each, "scope")) for each in _all(results, "spf")),
    )  # fmt: skip
