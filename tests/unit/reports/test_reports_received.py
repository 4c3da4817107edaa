"""Reports of others: letters to a report address are read once they lie in their mailbox, whatever they hold."""

import gzip
import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.support.reporter import DAY, START, Node, row
from tests.support.told import BOX, REPORT, TLS, arf, dmarc, tls

from hatoba.directory import changes, reporting
from hatoba.directory.entries import BadEntry
from hatoba.mailauth.dmarc.aggregate import form, write
from hatoba.mailauth.tlsrpt import report as tlsrpt
from hatoba.message import build
from hatoba.reports import aside, complaint, figures, kinds, reading
from hatoba.store import base, reports
from hatoba.store.rows import ReportRow

Make = Callable[..., Node]


def kept(register: base.Register) -> list[ReportRow]:
    return sorted(reports.listed(register.reader, kinds.RECEIVED, 0, 0), key=lambda one: one.id)


@pytest.fixture
def box(make: Make) -> Node:
    """A node that takes reports at BOX."""
    node = make(dmarc=False, tls=False, unpacked=1 << 20)
    changes.add_account(node.directory, BOX, "correct horse battery", b"0123456789abcdef", 2)
    reporting.mark(node.directory, BOX)
    return node


def refused(node: Node) -> str:
    """Why the last letter was not read."""
    with capture_logs() as logs:
        assert node.turn() == 0
    (found,) = [log for log in logs if log["event"] == "report not read"]
    return str(found["reason"])


def test_reports_are_kept_once(box: Node, register: base.Register) -> None:
    assert box.office.active
    paths = [box.deliver(each, BOX) for each in (dmarc(), tls(), arf(), arf("auth-failure", "f1"))]
    assert box.turn() == 4
    for each in (dmarc(subject="again"), tls(), arf()):
        box.deliver(each, BOX)
    assert box.turn() == 0
    found = {row.kind: row for row in kept(register)}
    assert set(found) == set(kinds.RECEIVED)
    assert len(kept(register)) == 4
    assert {row.domain for row in found.values()} == {"home.example"}
    told = found[kinds.DMARC]
    assert (told.reporter, told.begins, told.ends, told.at) == ("Elsewhere", 86_400, 172_799, START)
    assert figures.content(told) == REPORT
    assert figures.content(found[kinds.TLS]) == TLS
    said = figures.content(found[kinds.COMPLAINT])
    assert isinstance(said, complaint.Complaint)
    assert (said.type, said.to, said.message_id, said.subject) == (
        "abuse",
        ("else.example",),
        "m1@home.example",
        "Offer",
    )
    assert all(path.is_file() for path in paths)


def test_one_whose_letter_was_moved_by_its_reader_is_found(box: Node, register: base.Register) -> None:
    path = box.deliver(dmarc(), BOX)
    path.rename(path.parent.parent / "cur" / f"{path.name}:2,S")
    assert box.turn() == 1


def test_letters_go_when_the_settings_say_so(box: Node, register: base.Register) -> None:
    box.settings = msgspec.structs.replace(box.settings, letters="remove")
    read, unread = box.deliver(dmarc(), BOX), box.deliver(b"Subject: hello\r\n\r\nHello.\r\n", BOX)
    with capture_logs():
        box.turn()
    assert not read.exists()
    assert unread.exists()
    assert len(kept(register)) == 1


def test_other_letters_are_not_looked_at(box: Node, register: base.Register) -> None:
    box.deliver(dmarc(), "alice@home.example")
    with capture_logs() as logs:
        assert box.turn() == 0
    assert logs == []
    assert kept(register) == []


def test_subaddresses_and_the_settings_inbox(make: Make, register: base.Register) -> None:
    node = make(dmarc=False, tls=False, inbox=("Alice+tls@home.example", "no address"))
    node.deliver(tls(), "alice+tls@home.example")
    assert node.turn() == 1


def test_an_alias_leads_to_the_mailbox(box: Node, register: base.Register) -> None:
    box.settings = msgspec.structs.replace(box.settings, inbox=("tls-reports@home.example",))
    box.deliver(tls(), "alice@home.example", rewrites=[["alias", "tls-reports@home.example", "alice@home.example"]])
    box.deliver(dmarc(), "alice@home.example", rewrites=[["alias", "else@home.example", "alice@home.example"]])
    assert box.turn() == 1
    assert [row.kind for row in kept(register)] == [kinds.TLS]


def bomb() -> bytes:
    return gzip.compress(b'<?xml version="1.0"?><feedback>' + b" " * (4 << 20))


def quine() -> bytes:
    """A gzip that holds a gzip that holds a gzip."""
    made = b"<feedback/>"
    for _ in range(6):
        made = gzip.compress(made)
    return made


def zipped(octets: bytes, times: int = 1) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(times):
            archive.writestr(f"{number}.xml", octets)
    return file.getvalue()


def letter(octets: bytes, type_: str) -> bytes:
    part = build.Part(type_, build.base64_lines(octets), "base64")
    return build.message([("From", "x@else.example")], build.multipart("mixed", [build.text("Hello"), part], "s"))


ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE feedback [<!ENTITY a "aaaaaaaaaa">'
    b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><feedback><org_name>&b;</org_name></feedback>'
)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (letter(bomb(), "application/gzip"), "too large"),
        (letter(zipped(b"<a>" + b"x" * (3 << 20)), "application/zip"), "too large"),
        (letter(zipped(b"<a>" + b"x" * (200 << 10), 9), "application/zip"), "too large"),
        (letter(quine(), "application/gzip"), "archives lie within archives"),
        (letter(ENTITIES, "text/xml"), "DTD"),
        (letter(gzip.compress(b"no report"), "application/gzip"), "no JSON"),
        (letter(b'{"report-id":"x","policies":7}', "application/json"), "no policies"),
        (b"Subject: hello\r\n\r\nHello.\r\n", "no JSON"),
        (arf().replace(b"Feedback-Type: abuse\r\n", b""), "no Feedback-Type"),
        (dmarc(msgspec.structs.replace(REPORT, published=form.Published("other.example"))), "no domain of this node"),
        (b"", "no JSON"),
    ],
    ids=[
        "gzip bomb",
        "zip bomb",
        "many files",
        "nest",
        "entities",
        "no xml",
        "no policies",
        "letter",
        "arf",
        "foreign",
        "empty",
    ],
)
def test_what_cannot_be_read_stays_a_letter(box: Node, register: base.Register, octets: bytes, why: str) -> None:
    path = box.deliver(octets, BOX)
    started = time.process_time()
    assert why in refused(box)
    assert time.process_time() - started < 30
    assert path.is_file()
    assert kept(register) == []
    assert box.turn() == 0  # nor is it tried again
    box.deliver(dmarc(), BOX)
    assert box.turn() == 1


def test_wrong_types_are_no_hindrance(box: Node) -> None:
    box.deliver(letter(zipped(write.xml(REPORT)), "application/octet-stream"), BOX)
    box.deliver(letter(gzip.compress(tlsrpt.write(TLS)), "text/plain"), BOX)
    assert box.turn() == 2


def test_forged_reports_are_not_kept(box: Node, register: base.Register) -> None:
    box.deliver(dmarc(), BOX, auth="spf=fail smtp.mailfrom=else.example; dmarc=fail header.from=else.example")
    assert "forged" in refused(box)
    box.deliver(tls(), BOX, auth="spf=pass smtp.mailfrom=else.example; dkim=none; dmarc=none header.from=else.example")
    assert "DKIM" in refused(box)
    box.deliver(tls(), BOX, auth="dkim=pass header.d=else.example; dmarc=pass header.from=else.example")
    assert box.turn() == 1


def test_only_so_many_a_day(box: Node, register: base.Register) -> None:
    box.settings = msgspec.structs.replace(box.settings, daily=3)
    for number in range(5):
        box.deliver(dmarc(msgspec.structs.replace(REPORT, report_id=f"r{number}")), BOX)
    with capture_logs() as logs:
        assert box.turn() == 3
    assert sum("reports.daily" in str(log.get("reason")) for log in logs) == 2
    box.now += DAY
    box.deliver(dmarc(msgspec.structs.replace(REPORT, report_id="r9")), BOX)
    assert box.turn() == 1


def test_a_letter_that_is_gone_is_no_trouble(box: Node) -> None:
    box.deliver(dmarc(), BOX).unlink()
    assert "not in its mailbox" in refused(box)


def test_foreign_reports_where_they_are_wanted(box: Node, register: base.Register) -> None:
    box.settings = msgspec.structs.replace(box.settings, foreign=True)
    box.deliver(dmarc(msgspec.structs.replace(REPORT, published=form.Published("Other.Example"))), BOX)
    assert box.turn() == 1
    assert kept(register)[0].domain == "other.example"


def test_subdomains_are_ours(box: Node) -> None:
    box.deliver(dmarc(msgspec.structs.replace(REPORT, published=form.Published("news.home.example"))), BOX)
    assert box.turn() == 1


def test_marks(box: Node) -> None:
    assert box.directory.report_addresses() == {BOX}
    with pytest.raises(BadEntry, match="account add"):
        reporting.mark(box.directory, "nobody@home.example")
    with pytest.raises(BadEntry, match="not marked"):
        reporting.unmark(box.directory, "alice@home.example")
    assert reporting.mark(box.directory, "Alice@home.example") == "alice@home.example"
    assert reporting.unmark(box.directory, BOX) == BOX
    assert box.directory.report_addresses() == {"alice@home.example"}
    assert reporting.unmark(box.directory, "alice@home.example")
    assert box.directory.report_addresses() == frozenset()


def test_a_report_of_very_many_rows_is_summed_up() -> None:
    rows = tuple(
        row(f"10.{n >> 8}.{n & 255}.1", count=n % 7 + 1, dkim="pass" if n % 2 else "fail") for n in range(6000)
    )
    (found,) = reading.read(write.packed(msgspec.structs.replace(REPORT, rows=rows)), START, most=64 << 20)
    told = figures.content(found)
    assert isinstance(told, form.Report)
    assert len(told.rows) == reading.ROWS + 2
    assert sum(each.count for each in told.rows) == sum(each.count for each in rows)
    assert figures.brief(told)[1] == sum(each.count for each in rows if each.dkim == "fail")


def test_large_reports_are_read_aside(box: Node, register: base.Register, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple(row(f"10.1.{n >> 8}.{n & 255}", count=2) for n in range(1500))
    large = msgspec.structs.replace(REPORT, rows=rows)
    assert len(write.xml(large)) > aside.LIGHT
    box.deliver(dmarc(large), BOX)
    with monkeypatch.context() as patch:
        patch.setattr(reading, "read", None)  # not in this process
        assert box.turn() == 1
    assert figures.brief(figures.content(kept(register)[0])) == (3000, 3000)
    box.deliver(letter(gzip.compress(b"<feedback>" + b"<record/>" * 70_000), "application/gzip"), BOX)
    assert "XML is broken" in refused(box)


def test_one_that_takes_too_long_stays_a_letter(box: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "LIGHT", 10)
    monkeypatch.setattr(aside, "PATIENCE", 0.01)
    box.deliver(dmarc(), BOX)
    assert "not read within" in refused(box)
    monkeypatch.setattr("sys.executable", "/bin/false")
    monkeypatch.setattr(aside, "PATIENCE", 60.0)
    box.deliver(dmarc(), BOX)
    assert "its reader ended with 1" in refused(box)


def test_a_tls_report_in_bare_json_is_kept_for_each_domain() -> None:
    policies = (*TLS.policies, tlsrpt.Policy("tlsa", "mx.b.example", 1), tlsrpt.Policy("sts", "home.example", 2))
    found = reading.read(tlsrpt.write(msgspec.structs.replace(TLS, policies=policies)), START, most=1 << 20)
    assert sorted(each.domain for each in found) == ["home.example", "mx.b.example"]
    assert len({each.id for each in found}) == 2


def test_dates_and_names_out_of_all_bounds() -> None:
    odd = msgspec.structs.replace(REPORT, org_name="", email="", report_id="", begin=10**14, end=-5)
    (found,) = reading.read(write.xml(odd), START, most=1 << 20)
    assert (found.begins, found.ends, found.reporter) == (0, 0, "")
    (again,) = reading.read(write.xml(odd), START + 5, most=1 << 20)
    assert again.id == found.id


def test_maildir_names_with_signs_of_the_shell(tmp_path: Path) -> None:
    from hatoba.store import maildir

    maildir.create(tmp_path / "m")
    (tmp_path / "m" / "cur" / "1.[x]R0.h:2,S").write_bytes(b"a\nb\r\n")
    path = maildir.found(tmp_path / "m", "1.[x]R0.h")
    assert path is not None
    assert maildir.read(path, 100) == b"a\r\nb\r\n"
    assert maildir.found(tmp_path / "m", "1.*") is None
    with pytest.raises(ValueError, match="larger than 3"):
        maildir.read(path, 3)
