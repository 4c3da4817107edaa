"""exp=: the domain's own text for a fail, and when there is none."""

from typing import Any

import pytest
from tests.support.policies import ask, policy

from hatoba.mailauth.questions import TROUBLE, Answer
from hatoba.mailauth.spf.settings import Settings


def explained(text: bytes | list[bytes] | Answer, sender: str = "user@example.org", **more: Any) -> str | None:
    texts: Any = [text] if isinstance(text, bytes) else text
    names = policy("v=spf1 -all exp=%{d}.why.example", example__org__why__example={"TXT": texts})
    found = ask(names, sender, receiver="mx.here.example", now=1700000000, **more)
    assert found.result == "fail"
    return found.explanation


def test_the_explanation_of_a_fail() -> None:
    assert explained(b"%{i} may not; see http://example.org/?s=%{S}") == (
        "192.0.2.25 may not; see http://example.org/?s=user%40example.org"
    )
    assert explained(b"%{c} %{r} %{t} %{h} %{p} %{v}", ip="2001:db8::1") == (
        "2001:db8::1 mx.here.example 1700000000 mail.example.net unknown ip6"
    )


@pytest.mark.parametrize("text", [[], [b"a", b"b"], b"%{x}", b"caf\xc3\xa9", b"x" * 501, b"tab\there", TROUBLE, b"%"])
def test_an_explanation_that_is_wrong_is_left_out(text: Any) -> None:
    assert explained(text) is None


def test_an_explanation_with_a_local_part_beyond_ascii_is_left_out() -> None:
    assert explained(b"%{l}", "送信@example.org") is None
    assert explained(b"%{o}", "送信@example.org") == "example.org"


def test_an_explanation_can_be_left_unasked_and_grows_no_further_than_set() -> None:
    assert explained(b"why", settings=Settings(explain=False)) is None
    assert explained(b"%{s}" * 30, settings=Settings(explanation_octets=479)) is None
    assert explained(b"%{s}" * 30, settings=Settings(explanation_octets=480)) is not None


def test_whose_explanation_it_is() -> None:
    texts = {f"{name}__example": {"TXT": [name.encode()]} for name in ("own", "other")}
    other = {"TXT": [b"v=spf1 -all exp=other.example"]}
    included = policy("v=spf1 include:p.example -all exp=own.example", p__example=other, **texts)
    assert ask(included).explanation == "own"
    redirected = policy("v=spf1 exp=own.example redirect=p.example", p__example=other, **texts)
    assert ask(redirected).explanation == "other"
    other["TXT"] = [b"v=spf1 -all"]
    assert ask(redirected).explanation is None
    assert ask(policy("v=spf1 ~all exp=own.example", **texts)).explanation is None
