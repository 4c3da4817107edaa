"""docs/filtering-services.md: its settings are settings, its check of a signature holds, its objects are told."""

import json
import re
import time
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.letter_question import question

from hatoba.app import services
from hatoba.app.settings import Settings
from hatoba.net import hook

PAGE = (Path(__file__).parents[2] / "docs" / "filtering-services.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("toml"))
def test_the_recipes_are_settings(text: str) -> None:
    settings = msgspec.convert(tomllib.loads(text), Settings)
    named = services.named(settings)
    assert named.rspamd.url or named.clamd.address or named.milter or named.hook
    assert list(services.faults(settings)) == []


def test_the_check_of_a_signature_holds() -> None:
    names: dict[str, Any] = {}
    (text,) = blocks("python")
    exec(text, names)  # noqa: S102 # the page's own lines are what is tested
    now = int(time.time())
    header = hook.signature(b"secret", now, lambda: (b'{"form"', b":1}"))
    assert names["genuine"](header, b'{"form":1}', b"secret")
    assert not names["genuine"](header, b'{"form":2}', b"secret")
    assert not names["genuine"](hook.signature(b"secret", now - 400, lambda: (b"x",)), b"x", b"secret")


def test_the_objects_are_those_that_are_told_and_read() -> None:
    asked, answer = (json.loads(text) for text in blocks("json"))
    assert list(asked) == [*hook.facts(question()), "content"]
    read = hook.read(json.dumps(answer).encode())
    assert (read.action, read.score, read.remove) == ("reject", 2.5, ("x-internal",))
    assert read.status is not None
    assert read.status.text == answer["reason"]
