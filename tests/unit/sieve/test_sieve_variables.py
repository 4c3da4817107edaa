"""Variables: set, modifiers, values of matches, encoded characters, extracttext."""

import pytest
from tests.support.sieving import run, value

from hatoba.sieve import limits


@pytest.mark.parametrize(
    ("modifiers", "given", "made"),
    [
        ("", "aBc", "aBc"),
        (":lower", "ABCÉ", "abcÉ"),  # ASCII alone
        (":upper", "abcß", "ABCß"),
        (":upperfirst :lower", "ABC", "Abc"),
        (":lower :upperfirst", "ABC", "Abc"),
        (":lowerfirst", "ABC", "aBC"),
        (":quotewildcard", "a*b?c\\\\", "a\\*b\\?c\\\\"),
        (":quoteregex", "a.b", "a\\.b"),
        (":encodeurl", "a b&é~", "a%20b%26%C3%A9~"),
        (":length", "日本", "2"),
        (":length :quotewildcard", "**", "4"),
        (":length", "", "0"),
        (":encodeurl :upper", "é/a", "%C3%A9%2FA"),
    ],
)
def test_modifiers(modifiers: str, given: str, made: str) -> None:
    assert value(f'set {modifiers} "x" "{given}";') == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("${a}", "1"),
        ("${A}", "1"),
        ("${none}", ""),
        ("${a${a}", "${a1"),
        ("${ a}", "${ a}"),
        ("$${a}}", "$1}"),
        ("${9}", ""),
        ("${hex:24}{a}", "1"),
        ("${hex: e5 86 ac}${unicode:0051ac 41}", "冬冬A"),
        ("${HEX:40", "${HEX:40"),
        ("${hex:400}", "${hex:400}"),
        ("${hex:4${hex:30}}", "${hex:40}"),
        ("${Unicode:Cool}", "${Unicode:Cool}"),
        ("${unicode:0000000000000040}", "@"),
    ],
)
def test_references(text: str, made: str) -> None:
    assert value(f'set "a" "1"; set "x" "{text}";') == made


def test_without_the_extension_a_reference_is_text() -> None:
    result = run('require ["editheader"]; addheader "X-V" "${a}";', require=False)
    assert result.edits[0].value == b" ${a}"


def test_values_of_the_last_match_that_held() -> None:
    text = 'if header :matches "subject" "* *" { } if header :matches "subject" "x*" { } '
    assert value(text + 'set "x" "${0}|${1}|${2}|${3}";') == "冰 hello|冰|hello|"
    assert value('if header :regex "subject" "(h)(x)?" { } set "x" "${0}|${1}|${2}";') == "h|h|"


def test_a_value_is_cut_at_its_limit_and_no_fault() -> None:
    bounds = limits.Limits(variable=10)
    assert value('set "y" "12345"; set "x" "${y}${y}${y}";', limits=bounds) == "1234512345"


def test_an_escape_is_not_cut_within() -> None:
    for most, made in ((12, "a%E5%86%AC"), (18, "a%E5%86%AC"), (19, "a%E5%86%AC%E5%86%AC"), (9, "a")):
        assert value('set :encodeurl "x" "a冬冬";', limits=limits.Limits(variable=most)) == made


def test_strings_and_variables_are_limited() -> None:
    text = 'set "a" "0123456789";' + 'set "a" "${a}${a}${a}${a}";' * 20
    assert run(text).fault is None
    result = run(text + f'redirect "{"${a}" * 20}";')
    assert str(result.fault) == "line 2: a string grows beyond 131072 characters"
    many = "".join(f'set "v{n}" "x"; setflag "w{n}" "x";' for n in range(200))
    assert str(run(many).fault) == "line 2: the script has more than 256 variables"


def test_octets_that_are_no_text_are_no_mailbox() -> None:
    result = run('set "m" "${hex:ff}rop"; fileinto "${m}";')
    assert result.fault is not None
    assert "is no name of a mailbox" in result.fault.text


LETTER = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Hello <b>you</b></p>"
    b"\r\n--b\r\nContent-Type: image/png\r\n\r\npixels\r\n--b--\r\n"
)


def test_extracttext() -> None:
    text = 'set "x" ""; foreverypart { extracttext :upper :first 9 "part"; set "x" "${x}[${part}]"; }'
    assert value(text, LETTER) == "[][ HELLO YO][]"
