"""What compile finds wrong, and says in words with a line."""

import pytest
from tests.support.sieving import complaints

from hatoba.sieve import faults, limits, script


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense;", "line 1: nonsense is no command"),
        ("if nonsense {}", "line 1: nonsense is no test"),
        ("header;", "line 1: header is a test, no command"),
        ("if keep {}", "line 1: keep is a command, no test"),
        ("\nelse { keep; }", "line 2: else stands behind no if or elsif"),
        ("keep; elsif true { }", "line 1: elsif stands behind no if or elsif"),
        ("if true {} else {} else {}", "line 1: else stands behind no if or elsif"),
        ("keep { }", "line 1: keep takes no block"),
        ("keep true;", "line 1: keep takes no test"),
        ("if true;", "line 1: if needs a block"),
        ("if (true) {}", "line 1: if needs one test, without parentheses"),
        ("if {}", "line 1: if needs one test, without parentheses"),
        ("if not (true) {}", "line 1: not needs one test, without parentheses"),
        ("if anyof true {}", "line 1: anyof needs a list of tests in parentheses"),
        ("redirect;", "line 1: redirect takes 1 argument without a tag, not 0"),
        ('setflag "a" "b" "c";', "line 1: setflag takes 1 or 2 arguments without a tag, not 3"),
        ("redirect 3;", "line 1: redirect takes a string, not 3"),
        ('redirect ["a@b.c"];', "line 1: redirect takes a string, not a list of strings"),
        ('redirect "a@b.c" :copy;', "line 1: redirect takes 1 argument without a tag, not 2"),
        ('if header "a" :is {}', "line 1: :is must stand before the arguments without a tag"),
        ('keep :copy;', "line 1: keep takes no :copy"),
        ('if header :is :contains "a" "b" {}', "line 1: header takes one of :is and :contains"),
        ('if header :is :is "a" "b" {}', "line 1: header takes one of :is and :is"),
        ("if size 3 {}", "line 1: size needs :over or :under"),
        ('vacation :days "x" "y";', "line 1: :days takes a number"),
        ('if header :comparator "i;none" "a" "b" {}', 'line 1: the comparator "i;none" is not known here'),
        ('if header :contains :comparator "i;ascii-numeric" "a" "b" {}',
         "line 1: the comparator i;ascii-numeric cannot do :contains"),
        ('if header :value "gr" "a" "b" {}', "line 1: :value takes one of gt, ge, lt, le, eq and ne"),
        ('keep; require "fileinto";', "line 1: require stands before all other commands"),
        ("keep\ndiscard;", "line 1: keep takes no test: a ; is missing before discard"),
        ('set "${x}" "y";', "line 1: the name of a variable holds no variable"),
        ('set "1" "y";', 'line 1: "1" is the value of a match, which cannot be set'),
        ('set "a.b" "y";', 'line 1: "a.b" is in the namespace a, which is none'),
        ('set "a-b" "y";', 'line 1: "a-b" is no name of a variable'),
        ('keep; redirect "${no.such}";', "line 1: a string names something in the namespace no, which is none"),
        ('redirect "${33}";', "line 1: a string names something beyond ${32}, the last value of a match"),
        ('redirect "${unicode:110000}";', "line 1: a string names something 110000, which is no character of Unicode"),
        ('redirect "no address";', 'line 1: "no address" is no address'),
        ('vacation :from "nobody" "x";', 'line 1: :from "nobody" is no address'),
        ('vacation :addresses ["a@b.c", "x y"] "x";', 'line 1: :addresses "x y" is no address'),
        ('vacation :create "x";', "line 1: :create needs :fcc"),
        ('vacation :mime "no header";', "line 1: the header of a :mime text has characters beyond ASCII, or lines that"
         " are no fields"),
        ('vacation :days 1 :seconds 2 "x";', "line 1: vacation takes one of :days and :seconds"),
        ('if header :last "a" "b" {}', "line 1: :last needs :index"),
        ('if header :index 0 "a" "b" {}', "line 1: :index counts from 1"),
        ('if header :anychild "a" "b" {}', "line 1: :anychild needs :mime"),
        ('if header :type "a" "b" {}', "line 1: :type needs :mime"),
        ('if address "subject" "a@b.c" {}', 'line 1: "subject" is no field that holds addresses'),
        ('if address ["to", "In-Reply-To"] "a@b.c" {}', 'line 1: "In-Reply-To" is no field that holds addresses'),
        ('fileinto :specialuse "Junk" "x";', 'line 1: "Junk" is no special use: a backslash and a word'),
        ("break;", "line 1: break stands in no foreverypart"),
        ('foreverypart { break :name "x"; }', 'line 1: no foreverypart around is called "x"'),
        ('extracttext "x";', "line 1: extracttext stands within foreverypart alone"),
        ('addheader "a b" "c";', 'line 1: "a b" is no name of a field'),
        ('addheader "X-A" "${hex:00}";', "line 1: a NUL stands in the value of a field"),
        ('notify "tel:1";', 'line 1: "tel:1" is no method of notify: the one method there is starts with mailto:'),
        ('notify :importance "4" "mailto:a@b.c";', "line 1: :importance is 1, 2 or 3"),
        ('notify :options "x" "mailto:a@b.c";', 'line 1: "x" is no option: name=value'),
        ('if envelope "auth" "x" {}', 'line 1: an envelope has from and to, no "auth"'),
        ('include "a/b";', 'line 1: "a/b" is no name of a script'),
        ('include "${x}";', "line 1: the name of an included script holds no variable"),
        ('set "a" "b"; global "a";', 'line 1: "a" was set before it was declared global'),
        ('global "global.a";', 'line 1: "global.a" is no name that could be global'),
        ('if ihave "${x}" {}', "line 1: ihave takes no variables"),
        ('fileinto :specialuse "\\\\Junk" :mailboxid "x" "y";',
         "line 1: :specialuse and :mailboxid cannot stand together"),
    ],
)  # fmt: skip
def test_one_fault(text: str, said: str) -> None:
    assert complaints(text) == [said]


def test_a_broken_expression_is_told() -> None:
    (said,) = complaints('if header :regex "a" "x(" {}')
    assert said.startswith('line 1: "x(" is no regular expression: ')


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('fileinto "x";', "fileinto"),
        ('if envelope "from" "x" {}', "envelope"),
        ('keep :flags "x";', "imap4flags"),
        ('redirect :copy "a@b.c";', "copy"),
        ('if header :value "eq" "a" "b" {}', "relational"),
        ('if address :user "to" "b" {}', "subaddress"),
        ('if header :comparator "i;ascii-numeric" "a" "b" {}', "comparator-i;ascii-numeric"),
        ('set "x" "y";', "variables"),
        ('error "x";', "ihave"),
    ],
)
def test_what_is_not_required_may_not_be_used(text: str, name: str) -> None:
    (said,) = complaints(text, require=False)
    assert said.endswith(f'needs require "{name}"')


def test_faults_are_told_together_and_in_order() -> None:
    text = 'nonsense;\nif true {\n  keep 3;\n}\nredirect "x";\nkeep;'
    assert [said.partition(":")[0] for said in complaints(text)] == ["line 1", "line 3", "line 5"]


def test_only_so_many_faults_are_told() -> None:
    assert len(complaints("nonsense;\n" * 100)) == 20


def test_an_unknown_extension_is_a_fault_of_its_line() -> None:
    assert complaints('require "fileinto";\nrequire ["copy", "vnd.x"];', require=False) == [
        'line 2: the extension "vnd.x" is not known here'
    ]


def test_a_caller_may_offer_less() -> None:
    (said,) = complaints('require "fileinto";', require=False, offered=["copy"])
    assert "fileinto" in said
    script.compile('require ["copy", "comparator-i;octet"];', offered=["copy"])


def test_what_an_extension_brings_along() -> None:
    script.compile('require "vacation-seconds"; vacation :seconds 60 "x";')
    script.compile('require "spamtestplus"; if spamtest :percent "1" {}')
    assert complaints('require "extracttext";', require=False) == [
        "line 1: extracttext needs variables and foreverypart to be required as well"
    ]


def test_a_script_says_what_it_uses() -> None:
    assert script.compile('require "vacation-seconds";').extensions == {"vacation", "vacation-seconds"}


@pytest.mark.parametrize("text", [b"\xff", "\ud800", b"keep;\r\n\r\n# \xe3\x81"])
def test_a_script_is_utf8(text: bytes | str) -> None:
    with pytest.raises(faults.SieveError, match="no UTF-8"):
        script.compile(text)
    assert script.compile("\ufeffkeep;".encode()).commands


@pytest.mark.parametrize(
    ("text", "bounds", "said"),
    [
        ("keep;" * 10, {"script": 20}, "larger than 20 octets"),
        ('foreverypart { foreverypart { foreverypart { } } }', {"loops": 2}, "more than 2 deep"),
        ('if header :regex "a" "aaaaaa" {}', {"pattern": 5}, "longer than 5"),
        ('set "abcdef" "x";', {"variable_name": 5}, "at most 5 characters"),
        ('set "a" "abcdef";', {"variable": 5}, "more than 5 characters"),
        ('addheader "A" "abcdef";', {"header": 5}, "more than 5 characters"),
        ('redirect "${3}";', {"match_values": 2}, "beyond ${2}"),
    ],
)  # fmt: skip
def test_limits_of_a_script(text: str, bounds: dict[str, int], said: str) -> None:
    (told,) = complaints(text, require="script" not in bounds, bounds=limits.Limits(**bounds))
    assert said in told


def test_many_variables_are_a_fault_before_they_are_set() -> None:
    text = "\n".join(f'set "v{n}" "x";' for n in range(258))
    assert complaints(text)[0] == "line 257: the script has more than 256 variables"


class TestIhave:
    def test_what_is_not_there_need_not_be_understood(self) -> None:
        script.compile('require "ihave"; if ihave "vnd.x" { x_command :y "z" { } } else { keep; }')
        script.compile('require "ihave"; if allof (ihave "vnd.x", x_test "z") { keep; }')
        script.compile('require "ihave"; if not ihave "vnd.x" { stop; } x_command;')

    def test_what_is_there_is_in_force_from_there_on(self) -> None:
        script.compile('require "ihave"; if ihave "fileinto" { fileinto "x"; } fileinto "y";')
        (said,) = complaints('require "ihave"; fileinto "y"; if ihave "fileinto" { }', require=False)
        assert "fileinto" in said

    def test_the_other_branch_is_not_looked_at(self) -> None:
        script.compile('require "ihave"; if ihave "fileinto" { keep; } elsif x { y; } else { z; }')
        assert complaints("if true { keep; } else { z; }")

    def test_how_strings_are_read_it_does_not_change(self) -> None:
        (said,) = complaints('require "ihave"; if ihave "variables" { } set "a" "b";', require=False)
        assert "variables" in said
