"""Sieve on arbitrary scripts and letters: only SieveError leaves compile, nothing leaves run, and both end soon."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.sieving import LETTER, NOW, answering

from hatoba.sieve import actions, engine, extensions, faults, grammar, limits, parser, questions, script, situation

WORDS = [*grammar.COMMANDS, *grammar.TESTS, "nonsense"]
TAGS = sorted({tag.name for form in (*grammar.COMMANDS.values(), *grammar.TESTS.values()) for tag in form.tags})
STRINGS = [
    "", "*", "?*", "from", "to", "subject", "a@b.example", "INBOX", "x", "${x}", "${1}", "${global.x}", "\\\\Seen",
    "eq", "count", "i;octet", "i;ascii-numeric", "mailto:a@b.example", "text/plain", "+0900", "date", "year",
    "(a|b)*", "[", "${hex:ff 00}", "${unicode:1F600}", "online", "冬", "\r\n",
]  # fmt: skip
REQUIRE = "require [" + ", ".join(f'"{name}"' for name in extensions.ALL) + "];\n"

strings = st.sampled_from(STRINGS).map(lambda text: f'"{text}"')
arguments = st.one_of(
    st.sampled_from(TAGS).map(lambda name: f":{name}"),
    st.integers(0, 3).map(str),
    strings,
    st.lists(strings, min_size=1, max_size=3).map(lambda many: "[" + ", ".join(many) + "]"),
)
tests = st.recursive(
    st.builds(
        lambda name, given: f"{name} {' '.join(given)}",
        st.sampled_from([*grammar.TESTS]),
        st.lists(arguments, max_size=4),
    ),
    lambda inner: st.one_of(
        inner.map(lambda test: f"not {test}"),
        st.lists(inner, min_size=1, max_size=3).map(lambda many: f"anyof ({', '.join(many)})"),
    ),
    max_leaves=3,
)
commands = st.recursive(
    st.builds(
        lambda name, given: f"{name} {' '.join(given)};", st.sampled_from(WORDS), st.lists(arguments, max_size=4)
    ),
    lambda inner: st.one_of(
        st.builds(lambda test, block: f"if {test} {{ {block} }}", tests, inner),
        inner.map(lambda block: f"foreverypart {{ {block} }}"),
        st.builds(lambda one, other: f"{one}\n{other}", inner, inner),
    ),
    max_leaves=6,
)
ABOUT = situation.Situation(NOW, "fuyu@example.net", "aki@example.org", limits=limits.Limits(steps=2000), trace=True)


def compiled(text: str | bytes) -> script.Script | None:
    try:
        return script.compile(text)
    except faults.SieveError as error:
        told = error.faults
    assert told
    assert all(fault.text and "\n" not in fault.text for fault in told)
    return None


def ended(found: script.Script, letter: bytes) -> actions.Result:
    result = questions.run(engine.run(found, letter, ABOUT), answering({questions.Included("x"): "keep;"}))
    if result.fault is not None:
        assert result.actions == (actions.Keep(implicit=True),)
        assert "\n" not in str(result.fault)
    return result


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    compiled(text)


@given(st.binary(max_size=200))
def test_any_octets(octets: bytes) -> None:
    compiled(octets)


@settings(max_examples=300)
@given(commands)
def test_scripts_of_known_words(text: str) -> None:
    if (found := compiled(REQUIRE + text)) is not None:
        ended(found, LETTER)


FIXED = [
    'if header :matches "subject" "*" { set "x" "${1}"; fileinto "${x}"; }',
    'foreverypart { if header :mime :anychild :param "name" :contains "content-type" "" { extracttext "x"; break; } }',
    'if address :detail :matches ["from", "to", "cc"] "*" { addheader "X-D" "${1}"; deleteheader "X-D"; }',
    'if date :value "ge" "date" "iso8601" "2000" { setflag "${0}"; keep :flags "${0}"; }',
    'if body :text :matches "*a*" { if body :content "" :regex "a+" { discard; } }',
    'if envelope :all :matches "from" "*" { notify :message "${1}" "mailto:a@b.example"; }',
    'if header :matches "subject" "*" { vacation :subject "${1}" :addresses "a@b.example" "${1}"; }',
    'if duplicate :header "message-id" { reject "twice"; }',
    'if exists "from" { redirect "a@b.example"; addheader :last "X-F" "y"; keep; }',
]
SCRIPTS = [script.compile(REQUIRE + text) for text in FIXED]


@settings(max_examples=200)
@given(st.binary(max_size=400), st.sampled_from(SCRIPTS))
def test_any_letter(letter: bytes, found: script.Script) -> None:
    ended(found, letter)


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from([
            b"From: ", b"To: ", b"Subject: ", b"Date: ", b"Content-Type: multipart/mixed; boundary=b\r\n", b"\r\n",
            b"--b\r\n", b"--b--\r\n", b"a@b.example", b"=?utf-8?B?5Yas?=", b"\xff\xfe", b"<",
            b"Content-Type: message/rfc822\r\n", b"\"", b"charset=utf-7;", b"x" * 80,
            b"Content-Transfer-Encoding: base64\r\n", b"Mon, 3 Jan 2022 10:20:30 +9999",
        ]),
        max_size=30,
    ),
    st.sampled_from(SCRIPTS),
)  # fmt: skip
def test_any_letter_of_pieces(pieces: list[bytes], found: script.Script) -> None:
    ended(found, b"".join(pieces))


@given(commands)
def test_cutting_a_script_anywhere_is_a_fault_or_a_script(text: str) -> None:
    for cut in range(0, len(text), 7):
        compiled(text[:cut])


def test_hostile_scripts_end_soon() -> None:
    letter = b"Subject: " + b"a" * 2000 + b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    letter += b"--b\r\n\r\n" + b"a" * 500_000 + b"\r\n" + b"--b\r\n\r\nx\r\n" * 150 + b"--b--\r\n"
    loops = 'foreverypart { foreverypart { foreverypart { if body :matches "*a*a*a*b" { discard; } } } }'
    doubled = 'set "a" "aaaaaaaaaaaaaaaa";' + 'set "a" "${a}${a}${a}${a}";' * 2000
    keys = ", ".join(f'"*a?a{n}*"' for n in range(3000))
    texts = [
        loops,
        doubled,
        f'if header :matches "subject" [{keys}] {{ discard; }}' * 2,
        f'if body :raw :matches [{keys}] {{ discard; }}',
        'if body :raw :regex "(a*)*(a*)*(a*)*b" { discard; }' * 500,
        'if header :contains ["subject", "to"] ["a", "b"] {}' * 2000,
        "setflag [" + ", ".join(f'"f{n}"' for n in range(5000)) + "];",
        'foreverypart { extracttext "x"; foreverypart { extracttext "y"; set :encodeurl "z" "${x}${y}"; } }' * 20,
        'addheader "X-A" "b"; deleteheader "X-A";' * 3000,
    ]  # fmt: skip
    about = situation.Situation(NOW, "a@b.example", "c@d.example")
    for text in texts:
        start = time.process_time()
        result = questions.run(engine.run(script.compile(REQUIRE + text), letter, about))
        assert time.process_time() - start < 4, text[:60]
        assert result.steps <= limits.USUAL.steps + 300_000


def test_hostile_texts_are_read_soon() -> None:
    for text in (
        "[" * 200_000, "if " * 60_000, '"' * 200_001, "/*" * 100_000, '"' + "\\" * 200_001, "text:\n" * 30_000,
        '"${hex:' + "00 " * 60_000, "keep" * 60_000, "{" * 100_000, 'keep "${' + "a." * 100_000 + '}";', ":" * 200_000,
        "9" * 250_000, "#" * 250_000, "if anyof(" * 20_000,
    ):  # fmt: skip
        start = time.process_time()
        assert compiled(text) is None or text[0] == "#"
        assert compiled(REQUIRE + "keep;" + text) is None or text[0] == "#"
        assert time.process_time() - start < 3, text[:20]


def test_the_parser_never_goes_deeper_than_its_limit() -> None:
    deep = "not " * 31 + "true"
    assert parser.parse(f"if {deep} {{ }}", limits.Limits(nesting=32))
