"""Rows counted by delivery become the policies of a report, and nothing unreadable stops it."""

from hatoba.mailauth.tlsrpt import report, tally
from hatoba.mailauth.tlsrpt.tally import Seen

STS = ("version: STSv1", "mode: enforce", "mx: mx.example.org", "max_age: 86400")


def test_rows_of_one_policy_are_one_entry() -> None:
    good = Seen("sts", "example.org", STS, ("mx.example.org",))
    bad = Seen(
        "sts", "example.org", STS, ("mx.example.org",), "certificate-expired", "192.0.2.1", "mx.example.org",
        "198.51.100.2", "", "past its dates", "x",
    )  # fmt: skip
    plain = Seen("no-policy-found", "example.org")
    rows = [(tally.data(good), 7), (tally.data(plain), 1), (tally.data(bad), 2), (b"{}", 3), (b"\xff", 4)]
    sts, none = tally.policies(rows)
    assert (sts.type, sts.domain, sts.successes, sts.failures) == ("sts", "example.org", 7, 2)
    assert sts.strings == STS
    assert sts.details == (
        report.Failure(
            "certificate-expired", 2, "192.0.2.1", "mx.example.org", "", "198.51.100.2", "past its dates", "x"
        ),
    )
    assert (none.type, none.successes, none.failures) == ("no-policy-found", 1, 0)
    whole = report.Report("us", "mailto:a@b.example", "1", 0, 86400, (sts, none))
    assert report.parse_json(report.write(whole)) == whole


def test_policies_that_differ_stand_apart() -> None:
    older, newer = Seen("sts", "example.org", STS), Seen("sts", "example.org", (*STS, "mx: b.example.org"))
    found = tally.policies([(tally.data(older), 1), (tally.data(newer), 5)])
    assert [policy.successes for policy in found] == [5, 1]


def test_equal_results_have_one_key() -> None:
    one, same = Seen("tlsa", "mx.example.org", ("3 1 1 ab",)), Seen("tlsa", "mx.example.org", ("3 1 1 ab",))
    assert tally.key(tally.data(one)) == tally.key(tally.data(same))
    other = Seen("tlsa", "mx.example.org", ("3 1 1 ac",))
    assert tally.key(tally.data(one)) != tally.key(tally.data(other))
    assert len(tally.key(b"")) == 16


def test_lines_are_bounded() -> None:
    assert tally.lines("version: STSv1\r\nmode: none\r\n\r\n") == ("version: STSv1", "mode: none")
    assert len(tally.lines("x\n" * 1000)) == tally.STRINGS
    assert len(tally.lines("y" * 9000)[0]) == 500
