"""The settings as a flat list of fields: path, type, default, description, read off the rooms' own Structs.

Called by config (to read and check values) and by reference (to write docs/settings.md).
Never holds a setting's value or name of its own: what a room declares is what exists.
Fails with TypeError on a field without a description, so that none can stay undocumented.
"""

import types
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import NODEFAULT
from msgspec.inspect import Metadata


class Field(NamedTuple):
    """One setting. `path` is dotted ("queue.expire"); a field of a [[table]] has "[]" in it ("listener[].port")."""

    path: str
    name: str
    type: Any  # what msgspec.convert takes
    default: Any
    description: str
    unit: str  # "duration", "bytes" or ""
    struct: type | None  # the Struct of a [table], the element's Struct of a [[table]]
    many: bool  # a [[table]]
    secret: bool  # never printed: Meta(extra={"secret": True})
    reloads: bool  # taken over on SIGHUP: Meta(extra={"reloads": True})


def _struct_of(annotation: Any) -> tuple[type | None, bool]:
    """The Struct an annotation is, or is a tuple of."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation, False
    if typing.get_origin(annotation) is tuple:
        element = typing.get_args(annotation)[0]
        struct, _ = _struct_of(element)
        return struct, struct is not None
    if isinstance(annotation, types.UnionType):
        for arm in typing.get_args(annotation):
            struct, many = _struct_of(arm)
            if struct is not None:
                return struct, many
    return None, False


def _notes(annotation: Any) -> tuple[str, dict[str, Any]]:
    """(description, extra) written at an annotation."""
    info = msgspec.inspect.type_info(annotation)
    description = ""
    extra: dict[str, Any] = {}
    while isinstance(info, Metadata):
        description = description or (info.extra_json_schema or {}).get("description", "")
        extra |= info.extra or {}
        info = info.type
    if isinstance(info, msgspec.inspect.UnionType):
        for arm in info.types:
            if isinstance(arm, Metadata):
                extra |= arm.extra or {}
    return description, extra


def of(struct: type, prefix: str = "", reloads: bool = False) -> Iterator[Field]:
    """The fields of one Struct, tables included but not entered; `reloads`: the table around them is reloaded whole."""
    for info in msgspec.structs.fields(struct):
        description, extra = _notes(info.type)
        if not description:
            raise TypeError(f"{struct.__module__}.{struct.__name__}.{info.name} has no description")
        default = info.default
        if default is NODEFAULT and info.default_factory is not NODEFAULT:
            default = info.default_factory()
        inner, many = _struct_of(info.type)
        yield Field(
            prefix + info.name,
            info.name,
            info.type,
            default,
            description,
            extra.get("unit", ""),
            inner,
            many,
            bool(extra.get("secret")),
            reloads or bool(extra.get("reloads")),
        )


def leaves(struct: type, prefix: str = "", reloads: bool = False) -> Iterator[Field]:
    """Every field that carries a value, depth first; [[tables]] are entered once, with "[]" in the path."""
    for field in of(struct, prefix, reloads):
        if field.struct is None:
            yield field
        elif field.many:
            yield field
            yield from leaves(field.struct, f"{field.path}[].", field.reloads)
        else:
            yield from leaves(field.struct, f"{field.path}.", field.reloads)


def form(field: Field) -> str:
    """The type in a reader's words: "duration", "size", "text", one of "a" | "b", list of text …"""
    if field.unit:
        return {"duration": "duration", "bytes": "size"}[field.unit]
    if field.many:
        return "list of tables"
    return _form(msgspec.inspect.type_info(field.type))


def _form(info: msgspec.inspect.Type) -> str:
    if isinstance(info, Metadata):
        return _form(info.type)
    if isinstance(info, msgspec.inspect.LiteralType):
        return " | ".join(f'"{value}"' for value in info.values)
    if isinstance(info, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        return f"list of {_form(info.item_type)}"
    if isinstance(info, msgspec.inspect.UnionType):
        return " or ".join(_form(arm) for arm in info.types if not isinstance(arm, msgspec.inspect.NoneType))
    words: dict[type, str] = {
        msgspec.inspect.StrType: "text",
        msgspec.inspect.IntType: "number",
        msgspec.inspect.FloatType: "number",
        msgspec.inspect.BoolType: "true | false",
        msgspec.inspect.DictType: "table",
    }
    return words.get(type(info), type(info).__name__.removesuffix("Type").lower())
