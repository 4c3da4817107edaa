"""Reports summed up: by domain, by source, by kind of failure, by who complains."""

import msgspec
from tests.support.reporter import START, row
from tests.support.told import REPORT, arf, dmarc, tls

from hatoba.reports import figures, kinds, reading
from hatoba.store.rows import ReportRow


def test_summary() -> None:
    other = msgspec.structs.replace(REPORT, org_name="B", rows=(row("198.51.100.2", count=5), row("198.51.100.3")))
    letters = (dmarc(), dmarc(other), tls(), arf(), arf(number="c2"), arf("auth-failure", "f1"))
    told = figures.summed(row for each in letters for row in reading.read(each, START, most=1 << 20))
    (dmarc_,) = told.dmarc
    assert (dmarc_.reports, dmarc_.reporters, dmarc_.letters, dmarc_.passed, dmarc_.dkim, dmarc_.spf) == (
        2,
        2,
        11,
        3,
        3,
        0,
    )
    assert (dmarc_.quarantined, dmarc_.rejected) == (2, 9)
    assert [(each.ip, each.failed) for each in dmarc_.sources] == [
        ("198.51.100.2", 7),
        ("198.51.100.3", 1),
        ("198.51.100.1", 0),
    ]
    (tls_,) = told.tls
    assert (tls_.successes, tls_.failures, tls_.types) == (9, 1, {"certificate-expired": 1})
    (complaints,) = told.complaints
    assert (complaints.complaints, complaints.failures, complaints.to) == (2, 1, {"else.example": 2})
    damaged = ReportRow("x", 1, kinds.DMARC, "home.example", "", 0, 0, b"no json")
    assert figures.summed([damaged]).dmarc == []
    assert figures.brief(figures.content(damaged)) == (0, 0)
