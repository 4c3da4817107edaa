"""Alias files of Postfix, both forms: what is taken, what is told; a circle in the file costs its own lines."""

from collections.abc import Callable

import pytest

from hatoba.directory import changes, importing, roster
from hatoba.directory.directory import Directory
from hatoba.directory.importing import Report
from hatoba.model.address import Address

NOW = 1_700_000_000_000
Open = Callable[..., Directory]

ALIASES = """\
# /etc/aliases
postmaster: root
root:       alice, bob@example.org
MAILER-DAEMON: postmaster

nobody: /dev/null
"info desk": alice@example.org
sales: alice,
   bob
   , x@elsewhere.example
owner-sales: alice
bob: \\bob, bob@phone.example
ftp: |"/usr/bin/vacation ftp"
archive: /var/mail/archive
team: :include:/etc/team, alice
gone: :fail: Moved away
hole: :blackhole:
sales: bob
broken line
ghost: carol
"""


def take(directory: Directory, text: str, **options: object) -> Report:
    return importing.take(directory, text, NOW, **options)  # type: ignore[arg-type] # by name


def to(directory: Directory, address: str) -> list[str]:
    return [str(leaf.address) for leaf in directory.expand(Address.parse(address)).leaves]


def test_aliases_form(opened: Open) -> None:
    directory = opened()
    report = take(directory, ALIASES, domain="example.org")
    assert report.form == "aliases"
    assert sorted(report.added) == sorted(
        f"{name}@example.org"
        for name in (
            "postmaster",
            "root",
            "mailer-daemon",
            "nobody",
            "info desk",
            "sales",
            "owner-sales",
            "bob",
            "team",
            "gone",
            "hole",
        )
    )
    why = {problem.line: problem.why for problem in report.problems}
    assert "program" in why[13]
    assert "mailbox file" in why[14]
    assert "reads a file" in why[15]
    assert "stood in line 8" in why[18]
    assert "colon" in why[19]
    assert "carol@example.org" in why[20]
    assert sorted(why) == [13, 14, 15, 18, 19, 20]
    assert to(directory, "mailer-daemon@example.org") == ["alice@example.org", "bob@example.org", "bob@phone.example"]
    assert to(directory, '"info desk"@example.org') == ["alice@example.org"]
    sales = roster.show(directory, "sales@example.org")
    assert sales.list is not None
    assert sales.list.owner == "owner-sales@example.org"
    assert report.notes == ["sales@example.org is a list now, its bounces go to owner-sales@example.org"]
    assert [str(status) for status in directory.expand(Address("gone", "example.org")).said] == ["5.1.1 Moved away"]
    assert [leaf.kind for leaf in directory.expand(Address("nobody", "example.org")).leaves] == ["discarded"]


VIRTUAL = """\
example.org     anything
new.example     anything
@new.example    @example.org
info@example.org  alice@example.org bob@example.org
info@new.example\talice@example.org
all@example.org alice@example.org, bob@example.org, x@elsewhere.example
@example.org    bob@example.org
alice           bob
user@unknown.example alice@example.org
"""


def test_virtual_form(opened: Open) -> None:
    directory = opened()
    changes.add_domain(directory, "new.example", "local", NOW)
    report = take(directory, VIRTUAL, domain="example.org")
    assert report.form == "virtual"
    assert report.added == [
        "@new.example", "info@example.org", "info@new.example", "all@example.org", "@example.org", "alice@example.org",
    ]  # fmt: skip
    why = {problem.line: problem.why for problem in report.problems}
    assert sorted(why) == [1, 2, 9]
    assert "hatoba domain add new.example" in why[2]
    assert "hatoba domain add unknown.example" in why[9]
    assert to(directory, "anybody@new.example") == ["bob@example.org"]
    assert to(directory, "alice@example.org") == ["bob@example.org"]


def test_a_circle_costs_its_own_lines(opened: Open) -> None:
    directory = opened()
    report = take(
        directory, "a@example.org b@example.org\nb@example.org a@example.org\nc@example.org bob@example.org\n"
    )
    assert report.added == ["c@example.org"]
    assert [(problem.line, "circle" in problem.why) for problem in report.problems] == [(1, True), (2, True)]


def test_what_is_there_stays_unless_it_is_to_be_replaced(opened: Open) -> None:
    directory = opened()
    text = "info@example.org alice@example.org\n"
    assert take(directory, text).added == ["info@example.org"]
    again = take(directory, "info@example.org bob@example.org\n")
    assert (again.added, [problem.why for problem in again.problems]) == (
        [],
        ["info@example.org is an alias here already"],
    )
    assert take(directory, "info@example.org bob@example.org\n", replace=True).added == ["info@example.org"]
    assert to(directory, "info@example.org") == ["bob@example.org"]


def test_a_dry_run_changes_nothing(opened: Open) -> None:
    directory = opened()
    assert take(directory, "info@example.org alice@example.org\n", dry=True).added == ["info@example.org"]
    assert roster.listed(directory) == []


def test_names_want_a_domain(opened: Open) -> None:
    report = take(opened(), "info: alice\n")
    assert report.added == []
    assert "--domain" in report.problems[0].why
    assert "not taken" in "\n".join(importing.lines(report))


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n", "   \n"])
def test_an_empty_file(opened: Open, text: str) -> None:
    report = take(opened(), text)
    assert (report.added, report.problems) == ([], [])
