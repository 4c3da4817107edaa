"""Tokens: words, numbers, strings in both forms, comments, and where none fits."""

import pytest

from hatoba.sieve import faults, lexer


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in lexer.tokens(text)][:-1]


def fault(text: str) -> str:
    with pytest.raises(faults.SieveError) as caught:
        list(lexer.tokens(text))
    return str(caught.value)


def test_words_and_tags_are_in_lower_case() -> None:
    assert kinds("IF :Contains keep;") == [("word", "if"), ("tag", "contains"), ("word", "keep"), (";", ";")]


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("12", 12), ("1k", 1024), ("2M", 2 << 20), ("3G", 3 << 30), ("0007", 7)]
)
def test_numbers(text: str, number: int) -> None:
    assert next(lexer.tokens(text)).number == number


def test_a_number_that_is_too_large_or_has_a_wrong_unit() -> None:
    assert fault("\n9999999999G") == "line 2: the number 9999999999G is too large"
    assert "too large" in fault("9" * 5000)
    assert "no unit" in fault("100q")


@pytest.mark.parametrize(
    ("text", "string"),
    [
        ('"a\\"b\\\\c\\d"', 'a"b\\cd'),
        ('"two\nlines"', "two\r\nlines"),
        ("text:\none\ntwo\n.\n", "one\r\ntwo\r\n"),
        ("text: # why\r\n..dot\r\n...two\r\n.x\r\n.\r\n", ".dot\r\n..two\r\n.x\r\n"),
        ("TEXT:\t\n.\n", ""),
        ("text:\nlast\n.", "last\r\n"),
    ],
)
def test_strings(text: str, string: str) -> None:
    assert kinds(text) == [("string", string)]


def test_comments_are_passed_over_and_lines_counted() -> None:
    tokens = list(lexer.tokens("# one ; \n/* two\n * keep; **/ keep /*;*/ ;"))
    assert [(token.text, token.line) for token in tokens] == [("keep", 3), (";", 3), ("", 3)]


def test_lines_within_strings_count() -> None:
    assert [token.line for token in lexer.tokens('"a\nb" text:\nx\n.\nkeep')] == [1, 2, 5, 5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keep\n/* open", "line 2: a comment has no end"),
        ('"open', "line 1: a string has no end"),
        ("text:\nopen", 'line 1: the text after "text:" has no end'),
        ("keep : x", "line 1: a colon stands without"),
        ("keep @", 'line 1: the character "@" cannot stand here'),
        ("\n\nkeep;\x00", "line 3: a NUL"),
    ],
)
def test_where_no_token_fits(text: str, said: str) -> None:
    assert fault(text).startswith(said)
