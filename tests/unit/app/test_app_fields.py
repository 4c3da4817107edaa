"""Settings as a flat list: what is read off a Struct is what the room declared, and nothing goes undocumented."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from hatoba.app import fields
from hatoba.kit.units import Bytes, Seconds


class Door(msgspec.Struct, frozen=True):
    kind: Annotated[Literal["mx", "submission"], Meta(description="What it is for.")]
    port: Annotated[int, Meta(ge=0, description="Its port.", extra={"reloads": True})] = 25


class Inner(msgspec.Struct, frozen=True):
    wait: Annotated[Seconds, Meta(gt=0, description="How long.")] = 300.0
    room: Annotated[Bytes, Meta(description="How much.", extra={"reloads": True})] = 65536
    word: Annotated[str, Meta(description="A secret.", extra={"secret": True})] = ""


class Outer(msgspec.Struct, frozen=True):
    name: Annotated[str, Meta(description="Its name.")] = "x"
    names: Annotated[tuple[str, ...], Meta(description="More names.")] = ()
    table: Annotated[dict[str, int], Meta(description="Numbers by name.")] = {}
    flag: Annotated[bool, Meta(description="On or off.")] = True
    ratio: Annotated[float | None, Meta(description="A share, or none.")] = None
    door: Annotated[tuple[Door, ...], Meta(description="The doors.")] = ()
    inner: Annotated[Inner, Meta(description="Inside.")] = Inner()
    whole: Annotated[Inner | None, Meta(description="Reloaded whole.", extra={"reloads": True})] = None


class Undocumented(msgspec.Struct):
    bare: int = 1


def by_path() -> dict[str, fields.Field]:
    return {field.path: field for field in fields.leaves(Outer)}


def test_every_leaf_has_its_path() -> None:
    assert list(by_path()) == [
        "name", "names", "table", "flag", "ratio",
        "door", "door[].kind", "door[].port",
        "inner.wait", "inner.room", "inner.word",
        "whole.wait", "whole.room", "whole.word",
    ]  # fmt: skip


def test_what_was_declared_is_what_is_read() -> None:
    found = by_path()
    assert (found["inner.wait"].unit, found["inner.room"].unit, found["name"].unit) == ("duration", "bytes", "")
    assert (found["inner.wait"].default, found["inner.wait"].description) == (300.0, "How long.")
    assert [path for path, field in found.items() if field.secret] == ["inner.word", "whole.word"]
    assert found["door[].kind"].default is msgspec.NODEFAULT
    assert found["table"].default == {}
    assert (found["door"].many, found["door"].struct) == (True, Door)


def test_a_table_that_reloads_whole_makes_all_below_it_reload() -> None:
    reloading = [path for path, field in by_path().items() if field.reloads]
    assert reloading == ["door[].port", "inner.room", "whole.wait", "whole.room", "whole.word"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("name", "text"),
        ("names", "list of text"),
        ("table", "table"),
        ("flag", "true | false"),
        ("ratio", "number"),
        ("door", "list of tables"),
        ("door[].kind", '"mx" | "submission"'),
        ("door[].port", "number"),
        ("inner.wait", "duration"),
        ("inner.room", "size"),
    ],
)
def test_forms_are_in_a_readers_words(path: str, words: str) -> None:
    assert fields.form(by_path()[path]) == words


def test_a_field_without_a_description_is_our_mistake() -> None:
    with pytest.raises(TypeError, match=r"Undocumented\.bare has no description"):
        list(fields.of(Undocumented))
