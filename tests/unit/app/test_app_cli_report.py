"""hatoba report as people call it: words, JSON, CSV, exit status, next steps."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.dns_server import DnsServer

from hatoba.app import cli, offline
from hatoba.mailauth.dmarc.aggregate import form, write
from hatoba.mailauth.tlsrpt import report as tlsrpt
from hatoba.reports import kinds, made
from hatoba.store import base, blobs, reports
from hatoba.store.rows import ReportRow
from hatoba.store.settings import Database, Settings


class Done:
    """What a verb printed and how it ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]
SIGNED = form.DkimAuth("home.example", "s", "pass")
DMARC = form.Report(
    "=HYPERLINK()", "noreply@else.example", "r1", 86_400, 172_799, form.Published("home.example", "none"),
    (
        form.Row("192.0.2.1", 3, "none", "pass", "fail", "home.example", auth_dkim=(SIGNED,)),
        form.Row("192.0.2.2", 4, "none", "fail", "fail", "home.example"),
    ),
)  # fmt: skip
FAILED = tlsrpt.Failure("certificate-expired", 1, receiving_host="mx")
TLS = tlsrpt.Report(
    "Elsewhere", "tls@else.example", "t1", 86_400, 172_799,
    (tlsrpt.Policy("sts", "home.example", 9, 1, (), (), (FAILED,)),),
)  # fmt: skip


@pytest.fixture
def hatoba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.delenv("HATOBA_CONFIG", raising=False)
    monkeypatch.setenv("HATOBA_DATA", str(tmp_path / "data"))

    def run(*words: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            cli.main(["report", *words])
        out, err = capsys.readouterr()
        return Done(ended.value.code if isinstance(ended.value.code, int) else 0, out, err)

    return run


@contextmanager
def register(data: Path) -> Iterator[base.Register]:
    """The directory's database below DATA."""
    opened = base.of(data, Settings(), Database(), blobs.Settings()).register()
    yield opened
    opened.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "a.xml.gz").write_bytes(write.packed(DMARC))
    (folder / "b.json").write_bytes(tlsrpt.write(TLS))
    return folder


def test_import_list_show(hatoba: Run, files: Path) -> None:
    done = hatoba("import", str(files))
    assert (done.status, done.out) == (0, "2 reports kept, 0 known already.\n")
    (files / "c.txt").write_text("no report")
    done = hatoba("import", str(files), "--json")
    assert done.status == 1
    assert [(Path(each["file"]).name, each["new"], each["known"], bool(each["error"])) for each in done.json] == [
        ("a.xml.gz", 0, 1, False),
        ("b.json", 0, 1, False),
        ("c.txt", 0, 0, True),
    ]
    assert "there is no JSON in it" in hatoba("import", str(files / "c.txt")).err
    listed = hatoba("list", "--json").json
    assert sorted((each["kind"], each["count"], each["bad"]) for each in listed) == [("dmarc", 7, 4), ("tls", 10, 1)]
    assert hatoba("list", "--kind", "tls", "--json").json[0]["reporter"] == "Elsewhere"
    assert hatoba("list", "--domain", "Home.Example", "--limit", "1", "--json").json != []
    assert hatoba("list", "--domain", "other.example", "--json").json == []
    assert "1970-01-02T00:00:00Z" in hatoba("list").out
    number = hatoba("list", "--kind", "dmarc", "--json").json[0]["id"]
    shown = hatoba("show", number[:12]).out
    assert "192.0.2.1" in shown
    assert "home.example=pass" in shown
    assert hatoba("show", number, "--json").json["report"]["report_id"] == "r1"
    assert "certificate-expired" in hatoba("show", "tls-").out


def test_what_is_not_there(hatoba: Run, files: Path) -> None:
    hatoba("import", str(files))
    assert (hatoba("show", "none").status, hatoba("show", "none").err.strip()[:6]) == (1, "Error:")
    assert "no report named" in hatoba("show", "none").err
    with register(files.parent / "data") as home:
        rows = [ReportRow(f"tls-{n}", 1, kinds.TLS, "x", "y", 0, 0) for n in range(2)]
        home.note(lambda tx: sum(reports.add(tx, row) for row in rows))
    assert "several reports" in hatoba("show", "tls-").err


def test_summary(hatoba: Run, files: Path) -> None:
    assert (
        "No report of the last 30 days"
        in hatoba("import", str(files / "a.xml.gz")).out + hatoba("summary", "--domain", "x").out
    )
    hatoba("import", str(files))
    told = hatoba("summary", "--no-names", "--json").json
    assert told["dmarc"][0]["passed"] == 3
    assert [each["ip"] for each in told["dmarc"][0]["sources"]] == ["192.0.2.2", "192.0.2.1"]
    assert told["tls"][0]["hosts"] == {"mx": 1}
    people = hatoba("summary", "--no-names").out
    assert "certificate-expired 1" in people
    assert "Sources of home.example" in people
    rows = list(csv.reader(io.StringIO(hatoba("summary", "--no-names", "--csv").out)))
    assert ["dmarc", "home.example", "192.0.2.2", "", "4", "4", "0", "0"] in rows
    assert ["tls", "home.example", "certificate-expired", "", "", "1", "", ""] in rows
    rows = list(csv.reader(io.StringIO(hatoba("list", "--csv", "--kind", "dmarc").out)))
    assert rows[1][4] == "'=HYPERLINK()"  # no formula for who opens it in a spreadsheet


def test_names_of_sources(hatoba: Run, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hatoba("import", str(files))
    with DnsServer({"2.2.0.192.in-addr.arpa": {"PTR": ["out.bulk.example."]}}) as server:
        monkeypatch.setenv("HATOBA_DNS_SERVERS", server.address)
        told = hatoba("summary", "--json").json
    assert {each["ip"]: each["name"] for each in told["dmarc"][0]["sources"]} == {
        "192.0.2.2": "out.bulk.example",
        "192.0.2.1": "",
    }


def test_reports_of_ours(hatoba: Run, files: Path) -> None:
    hatoba("import", str(files))
    sent = made.Outgoing("out.example", tls=TLS, done=("mailto:a@out.example",), letters=("0",))
    due = made.Outgoing("out.example", DMARC, why="https://x: refused")
    with register(files.parent / "data") as home:
        now = offline.now()
        rows = [
            ReportRow("dmarc-sent-1", now + 10**7, kinds.DUE[kinds.DMARC], "out.example", "h", 0, 0, made.data(due)),
            ReportRow("tls-sent-1", now, kinds.SENT[kinds.TLS], "out.example", "h", 0, 0, made.data(sent)),
            ReportRow("tls-sent-2", now, kinds.SENT[kinds.TLS], "out.example", "h", 0, 0, b"rubbish"),
        ]
        home.note(lambda tx: sum(reports.add(tx, row) for row in rows))
    states = {each["id"]: each["state"] for each in hatoba("list", "--json").json}
    assert states["dmarc-sent-1"] == "waits: https://x: refused"
    assert states["tls-sent-1"] == "mailto:a@out.example"
    assert states["tls-sent-2"] == "its data cannot be read"
    assert len(hatoba("list", "--kind", "sent", "--json").json) == 2
    assert "certificate-expired" in hatoba("show", "tls-sent-1").out
    assert hatoba("summary", "--domain", "out.example", "--json", "--no-names").json["dmarc"] == []


def test_addresses(hatoba: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No address takes reports" in hatoba("address").out
    refused = hatoba("address", "x@home.example")
    assert (refused.status, "account add" in refused.err) == (1, True)
    monkeypatch.setenv("HATOBA_REPORTS_INBOX", "tls@home.example")
    assert hatoba("address", "--json").json == [{"address": "tls@home.example", "by": "settings"}]


def test_send_needs_a_running_hatoba(hatoba: Run, files: Path) -> None:
    hatoba("import", str(files))
    done = hatoba("send")
    assert (done.status, "hatoba run" in done.err) == (1, True)
    assert hatoba("send", "--day", "tomorrow").status == 2
