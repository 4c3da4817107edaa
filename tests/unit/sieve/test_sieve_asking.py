"""What a script asks the caller: mailboxes, metadata, what was seen, scripts to include."""

import pytest
from tests.support.sieving import LETTER, holds, run

from hatoba.sieve import engine, limits, questions, script, situation
from hatoba.sieve.actions import Discard, FileInto, Keep, Reject
from hatoba.sieve.questions import Included, MailboxExists, MailboxIdExists, Metadata, Seen, SpecialUseExists

ANSWERS: dict[questions.Question, questions.Answer] = {
    MailboxExists("a/b"): True,
    MailboxIdExists("M1"): True,
    SpecialUseExists("\\Junk"): True,
    SpecialUseExists("\\Sent", "Out"): True,
    Metadata("INBOX", "/private/x"): "on",
    Metadata("", "/shared/y"): "",
}


@pytest.mark.parametrize(
    ("test", "held"),
    [
        ('mailboxexists ["INBOX", "a/b"]', True),
        ('mailboxexists ["INBOX", "c"]', False),
        ('mailboxexists "a//b"', False),
        ('metadata "${hex:ff}" "/private/x" "on"', False),
        ('metadataexists "a//b" "/private/x"', False),
        ('specialuse_exists "a//b" "\\\\Junk"', False),
        ('mailboxidexists "M1"', True),
        ('mailboxidexists ["M1", "M2"]', False),
        ('specialuse_exists "\\\\Junk"', True),
        ('specialuse_exists ["\\\\Junk", "\\\\Sent"]', False),
        ('specialuse_exists "Out" "\\\\Sent"', True),
        ('metadata "inbox" "/private/x" "ON"', True),
        ('metadata :contains "inbox" "/private/z" ""', False),
        ('servermetadata "/shared/y" ""', True),
        ('servermetadata :matches "/shared/z" "*"', False),
        ('metadataexists "INBOX" "/private/x"', True),
        ('metadataexists "INBOX" ["/private/x", "/private/z"]', False),
        ('servermetadataexists "/shared/y"', True),
        ('servermetadataexists ["/shared/y", "/shared/z"]', False),
        ('not mailboxexists "c"', True),
        ('anyof (mailboxexists "c", mailboxexists "INBOX")', True),
    ],
)
def test_what_is_asked(test: str, held: bool) -> None:
    assert holds(test, answers=ANSWERS) is held


def test_all_names_of_a_test_are_asked_at_once() -> None:
    compiled = script.compile('require "mailbox"; if mailboxexists ["a", "b"] { discard; }')
    asking = engine.run(compiled, LETTER, situation.Situation(0))
    assert next(asking) == (MailboxExists("a"), MailboxExists("b"))
    with pytest.raises(StopIteration) as end:
        asking.send((True, True))
    assert end.value.value.actions == (Discard(),)


def test_only_so_much_is_asked() -> None:
    names = ", ".join(f'"m{n}"' for n in range(201))
    result = run(f"if mailboxexists [{names}] {{}}")
    assert str(result.fault) == "line 2: the script asks for more than 200 things"


class TestDuplicate:
    def test_the_first_time_and_again(self) -> None:
        text = "if duplicate { discard; }"
        first = run(text)
        assert first.actions == (Keep(implicit=True),)
        (seen,) = first.seen
        assert seen.seconds == 7 * 86400
        again = run(text, answers={seen: True})
        assert again.actions == (Discard(),)
        assert again.seen == ()

    def test_with_last_the_time_begins_anew(self) -> None:
        text = "if duplicate :last :seconds 60 { discard; }"
        (seen,) = run(text).seen
        assert (seen.seconds, seen.last) == (60, True)
        assert run(text, answers={seen: True}).seen == (seen,)

    def test_the_source_of_an_id_does_not_matter_but_the_handle_does(self) -> None:
        keys = [
            run(f"if duplicate {tags} {{}}").seen[0].key
            for tags in ("", ':header "Message-ID"', ':uniqueid "<1@example.net>"', ':handle "h"', ':handle "i"')
        ]
        assert keys[0] == keys[1] == keys[2]
        assert len(set(keys)) == 3

    def test_within_one_run_the_answer_is_the_same(self) -> None:
        asked: list[questions.Question] = []
        result = run('if duplicate { discard; } if duplicate :header "message-id" { discard; }', asked=asked)
        assert result.actions == (Keep(implicit=True),)
        assert len(asked) == len(result.seen) == 1

    @pytest.mark.parametrize("tags", [':header "X-None"', ":seconds 0", ':header "a b"'])
    def test_without_an_id_or_a_time_nothing_is_a_duplicate(self, tags: str) -> None:
        asked: list[questions.Question] = []
        assert run(f"if duplicate {tags} {{ discard; }}", asked=asked).actions == (Keep(implicit=True),)
        assert asked == []

    def test_the_time_has_a_most(self) -> None:
        assert run("if duplicate :seconds 999999999 {}").seen[0].seconds == 90 * 86400


def library(**texts: str) -> dict[questions.Question, questions.Answer]:
    names = ("include", "variables", "fileinto", "reject", "copy", "editheader", "foreverypart", "mime", "ihave")
    head = f"require [{', '.join(f'{chr(34)}{name}{chr(34)}' for name in names)}];\n"
    return {Included(name): head + text for name, text in texts.items()}


class TestInclude:
    def test_an_included_script_acts_on_the_same_letter(self) -> None:
        result = run('include "a"; fileinto "c";', answers=library(a='fileinto "b";'))
        assert result.actions == (FileInto("b"), FileInto("c"))

    def test_a_site_has_scripts_of_its_own(self) -> None:
        answers: dict[questions.Question, questions.Answer] = {Included("a", personal=False): "discard;"}
        assert run('include :global "a";', answers=answers).actions == (Discard(),)
        assert str(run('include "a";', answers=answers).fault) == 'line 2: there is no script "a" to include'

    def test_return_goes_back_and_stop_ends_all(self) -> None:
        answers = library(r="return; discard;", s="stop;")
        assert run('include "r"; fileinto "x";', answers=answers).actions == (FileInto("x"),)
        assert run('include "s"; fileinto "x";', answers=answers).actions == (Keep(implicit=True),)
        assert run('return; fileinto "x";').actions == (Keep(implicit=True),)

    def test_one_that_may_be_missing(self) -> None:
        assert run('include :optional "none"; fileinto "x";').actions == (FileInto("x"),)

    def test_once(self) -> None:
        asked: list[questions.Question] = []
        answers = library(a='include :once "a"; fileinto "x";')
        result = run('include "a"; include :once "a";', answers=answers, asked=asked)
        assert result.actions == (FileInto("x"),)
        assert len(asked) == 1

    def test_variables_are_each_scripts_own_but_global_ones(self) -> None:
        answers = library(a='global "g"; set "l" "inner"; set "g" "${g}!"; set "global.h" "h";')
        text = 'global ["g", "h"]; set "l" "outer"; set "g" "1"; include "a"; fileinto "${l}-${g}-${h}-${global.g}";'
        assert run(text, answers=answers).actions == (FileInto("outer-1!-h-1!"),)

    def test_values_of_a_match_stay_where_they_were_made(self) -> None:
        answers = library(a='if header :matches "from" "*" { fileinto "in-${1}"; }')
        text = 'if header :matches "message-id" "<*@*" { } include "a"; fileinto :copy "${1}";'
        result = run(text, b"From: x\r\nMessage-ID: <9@y>\r\n\r\n", answers=answers)
        assert result.actions == (FileInto("in-x"), FileInto("9", copy=True))

    def test_within_a_loop_the_part_is_the_letter(self) -> None:
        letter = b"X: 0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: 1\r\n\r\nx\r\n--b--\r\n"
        answers = library(a='if header "x" "1" { addheader "Y" "z"; fileinto "part"; }')
        result = run('foreverypart { include "a"; } if header "x" "0" { fileinto "whole"; }', letter, answers=answers)
        assert result.actions == (FileInto("part"), FileInto("whole"))

    def test_a_break_does_not_leave_a_script(self) -> None:
        result = run('foreverypart { include "a"; }', answers=library(a="break;"))
        assert result.fault is not None
        assert "break stands in no foreverypart" in result.fault.text

    def test_reject_holds_for_the_whole_letter(self) -> None:
        assert run('include "a";', answers=library(a='reject "no";')).actions == (Reject("no"),)

    def test_a_compiled_script_may_be_given_too(self) -> None:
        answers: dict[questions.Question, questions.Answer] = {Included("a"): script.compile("discard;")}
        assert run('include "a";', answers=answers).actions == (Discard(),)

    def test_faults_say_where(self) -> None:
        result = run('include "a";', answers=library(a='\nerror "oh";'))
        assert str(result.fault) == "line 3: in the included script a: the script says: oh"
        result = run('include "a";', answers={Included("a"): "nonsense;"})
        assert str(result.fault) == 'line 2: the included script "a" cannot be used: line 1: nonsense is no command'

    def test_an_extension_is_required_by_each_script(self) -> None:
        result = run('include "a";', answers={Included("a"): 'fileinto "x";'})
        assert result.fault is not None
        assert 'needs require "fileinto"' in result.fault.text

    def test_depth_and_number_are_limited(self) -> None:
        answers = library(a='include "a";')
        assert "more than 10 deep" in str(run('include "a";', answers=answers).fault)
        many = 'include "b";' * 31
        assert "more than 30 scripts" in str(run(many, answers=library(b="keep;")).fault)
        assert run('include "b";' * 30, answers=library(b="keep;")).fault is None


def test_a_script_that_does_too_much_is_stopped() -> None:
    result = run('include "a";', answers=library(a='if header :contains "to" ["x", "y"] {}' * 100),
                 limits=limits.Limits(steps=50))  # fmt: skip
    assert str(result.fault).endswith("the script does too much: more than 50 steps")
    assert result.actions == (Keep(implicit=True),)


def test_seen_is_forgotten_where_the_run_failed() -> None:
    assert run('if duplicate {} error "x";').seen == ()
    assert isinstance(run("if duplicate {}").seen[0], Seen)
