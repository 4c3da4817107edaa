"""Where a letter goes: keep, fileinto, redirect, discard, reject; what excludes what; faults keep the letter."""

import pytest
from tests.support.sieving import run

from hatoba.sieve import actions, limits
from hatoba.sieve.actions import Discard, FileInto, Keep, Redirect, Reject

IMPLICIT = Keep(implicit=True)


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("", (IMPLICIT,)),
        ("stop; discard;", (IMPLICIT,)),
        ("keep;", (Keep(),)),
        ("keep; keep;", (Keep(),)),
        ("discard;", (Discard(),)),
        ("discard; keep; discard;", (Discard(), Keep())),
        ('fileinto "a/b";', (FileInto("a/b"),)),
        ('fileinto "inbox/x";', (FileInto("INBOX/x"),)),
        ('fileinto "Inbox"; keep;', (Keep(),)),
        ('fileinto :copy "INBOX";', (Keep(),)),
        ('fileinto "a"; fileinto "b"; fileinto "a";', (FileInto("a"), FileInto("b"))),
        ('fileinto :copy "a";', (FileInto("a", copy=True), IMPLICIT)),
        ('fileinto :create :specialuse "\\\\Junk" "Spam";', (FileInto("Spam", create=True, special_use="\\Junk"),)),
        ('fileinto :mailboxid "M1" "a";', (FileInto("a", mailbox_id="M1"),)),
        ('redirect "a@b.example";', (Redirect("a@b.example"),)),
        ('redirect "Aki <a@B.example>"; redirect "A@b.example";', (Redirect("A@b.example"),)),
        ('redirect :copy "a@b.example";', (Redirect("a@b.example", copy=True), IMPLICIT)),
        ('reject "no";', (Reject("no"),)),
        ('ereject "no";', (Reject("no", extended=True),)),
        ('discard; reject "no";', (Discard(), Reject("no"))),
        ('if false { discard; } elsif true { fileinto "e"; } else { keep; }', (FileInto("e"),)),
        ('if true { } else { discard; } if false { discard; } else { fileinto "e"; }', (FileInto("e"),)),
    ],
)
def test_what_is_done(text: str, done: tuple[actions.Action, ...]) -> None:
    result = run(text)
    assert result.fault is None
    assert result.actions == done


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('keep; reject "no";', "reject cannot stand beside keep"),
        ('redirect "a@b.c"; ereject "no";', "ereject cannot stand beside redirect"),
        ('reject "no"; fileinto "a";', "the letter is rejected already: nothing else can be done with it"),
        ('reject "no"; ereject "no";', "ereject cannot stand beside reject"),
        ('fileinto "a//b";', '"a//b" is no name of a mailbox'),
        ('fileinto "";', '"" is no name of a mailbox'),
        ('fileinto "a\tb";', '"a b" is no name of a mailbox'),
        ('set "a" "x y"; redirect "${a}";', '"x y" is no address to redirect to'),
        ('set "u" "x"; fileinto :specialuse "${u}" "a";', '"x" is no special use of a mailbox'),
        ('error "stop here";', "the script says: stop here"),
    ],
)
def test_a_fault_keeps_the_letter_and_does_nothing_else(text: str, said: str) -> None:
    result = run(f'setflag "x"; addheader "X-A" "b";\n{text}', sender="")
    assert result.fault is not None
    assert (result.fault.line, result.fault.text) == (3, said)
    assert result.actions == (IMPLICIT,)
    assert result.edits == ()
    assert result.seen == ()


def test_only_so_many_actions_and_redirects() -> None:
    files = "".join(f'fileinto "m{n}";' for n in range(33))
    assert str(run(files).fault) == "line 2: the script has more than 32 actions"
    redirects = "".join(f'redirect "a{n}@b.example";' for n in range(6))
    assert str(run(redirects).fault) == "line 2: the script has more than 5 redirects"
    assert run(redirects, limits=limits.Limits(redirects=6)).fault is None


def test_a_result_knows_whether_the_letter_stays() -> None:
    assert run("").kept
    assert run('fileinto "x";').kept
    assert not run("discard;").kept
    assert not run('redirect "a@b.example";').kept


def test_the_trace_tells_each_line() -> None:
    result = run('if header "subject" "x" {\n keep;\n}\nelsif true {\n fileinto "y";\n stop;\n}', trace=True)
    assert [(step.line, step.text) for step in result.trace] == [
        (2, "header: no"),
        (6, 'fileinto "y"'),
        (7, "stop"),
    ]
    assert run("keep;").trace == ()
    assert len(run('setflag "x";' * 10, trace=True, limits=limits.Limits(trace=4)).trace) == 4


class TestFlags:
    def test_flags_of_the_letter(self) -> None:
        result = run('addflag "\\\\seen"; addflag ["Junk \\\\Flagged", "junk"]; removeflag "\\\\SEEN"; fileinto "a"; '
                     'setflag "B"; fileinto :flags "C" "b"; keep;')  # fmt: skip
        assert result.actions == (FileInto("a", ("Junk", "\\Flagged")), FileInto("b", ("C",)), Keep(("B",)))

    def test_they_hold_for_the_implicit_keep_too(self) -> None:
        assert run('setflag "\\\\Seen";').actions == (Keep(("\\Seen",), implicit=True),)

    def test_the_last_flags_count(self) -> None:
        assert run('keep :flags "a"; keep :flags "b";').actions == (Keep(("b",)),)

    def test_what_is_no_flag_is_passed_over(self) -> None:
        assert run('keep :flags ["\\\\Recent", "a(b", "", "é", "$ok", "\\\\Draft"];').actions == (
            Keep(("$ok", "\\Draft")),
        )

    def test_flags_in_variables(self) -> None:
        result = run('setflag "v" "a b"; addflag "v" "c"; removeflag "v" "A"; keep :flags "${v}";')
        assert result.actions == (Keep(("b", "c")),)

    @pytest.mark.parametrize(
        ("test", "held"),
        [
            ('hasflag "b A"', True),
            ('hasflag "v" "x"', True),
            ('hasflag ["v", "w"] "y"', False),
            ('hasflag :contains "v" "junk forw"', True),
            ('hasflag :matches "v" "gnus*"', True),
            ('hasflag :regex "v" "^gnus"', True),
            ('hasflag :count "eq" "2"', True),
            ('hasflag :count "ge" :comparator "i;ascii-numeric" ["v", "none"] "2"', True),
        ],
    )
    def test_hasflag(self, test: str, held: bool) -> None:
        result = run(f'setflag "a B"; set "v" "x gnus-forward"; if {test} {{ discard; }} else {{ keep; }}')
        assert isinstance(result.actions[0], Discard if held else Keep)

    def test_only_so_many(self) -> None:
        flags = " ".join(f"f{n}" for n in range(101))
        assert str(run(f'addflag "{flags}";').fault) == "line 2: a letter has more than 100 flags"
