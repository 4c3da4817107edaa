"""Syntax: commands, arguments, tests and blocks, and what breaks them."""

import pytest

from hatoba.sieve import faults, limits, parser


def parse(text: str, **bounds: int) -> tuple[parser.Command, ...]:
    return parser.parse(text, limits.Limits(**bounds))


def fault(text: str, **bounds: int) -> str:
    with pytest.raises(faults.SieveError) as caught:
        parse(text, **bounds)
    return str(caught.value)


def test_a_command_with_arguments_tests_and_a_block() -> None:
    (command,) = parse('if anyof (not true, header :is ["a", "b"] "c") { keep; stop; }')
    assert command.name == "if"
    assert command.tests is not None
    (anyof,) = command.tests
    assert anyof.listed
    assert anyof.tests is not None
    assert [test.name for test in anyof.tests] == ["not", "header"]
    assert [argument.kind for argument in anyof.tests[1].arguments] == ["tag", "strings", "string"]
    assert anyof.tests[1].arguments[1].strings == ("a", "b")
    assert command.block is not None
    assert [inner.name for inner in command.block] == ["keep", "stop"]


def test_an_empty_script_is_one() -> None:
    assert parse(" # nothing\n") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keep", "line 1: ; or a block after keep is expected, not the end of the script"),
        ("keep\n}", "line 2: ; or a block after keep is expected, not }"),
        ("keep; }", "line 1: a } closes no block"),
        ("if true {\nkeep;", "line 2: a block has no end: } is missing"),
        ("if anyof(true,) {}", "line 1: a test is expected, not )"),
        ("if anyof(true {}", "line 1: ) is expected, not {"),
        ('redirect ["a" "b"];', "line 1: ] is expected, not a string"),
        ("redirect [];", "line 1: a string is expected, not ]"),
        ("redirect [1];", "line 1: a string is expected, not 1"),
        ('"keep";', "line 1: a command is expected, not a string"),
        (":keep;", "line 1: a command is expected, not :keep"),
    ],
)
def test_what_breaks_the_grammar(text: str, said: str) -> None:
    assert fault(text) == said


def test_faults_are_told_together() -> None:
    text = """keep
    ;
    if true {
        redirect [];
        keep; }
    if anyof(true,) { keep; discard; }
    "x" { keep; }
    if true { discard }
    }
    keep;
    """
    assert fault(text).splitlines() == [
        "line 4: a string is expected, not ]",
        "line 6: a test is expected, not )",
        "line 7: a command is expected, not a string",
        "line 8: ; or a block after discard is expected, not }",
        "line 9: a } closes no block",
    ]
    assert fault('keep;\n"x";\n"open').splitlines()[0] == "line 2: a command is expected, not a string"
    assert len(fault('"x";\n' * 100).splitlines()) == 20


def test_limits() -> None:
    assert "32 deep" in fault("if true {" * 33)
    assert "3 deep" in fault("if not not not not true {}", nesting=3)
    assert "more than 2 commands" in fault("keep; keep; keep;", commands=2)
    assert "more than 2 strings" in fault('redirect ["a", "b", "c"];', strings=2)
    assert len(parse("if true {" * 31 + "}" * 31)) == 1
