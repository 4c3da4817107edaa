"""Reads the settings: defaults, then one TOML file, then HATOBA_* variables; remembers where each value came from.

Called at every start, by SIGHUP and by `hatoba config`.
Never stops at the first mistake: it collects Problems, each with file, line, key and the fix.
Fails with BadSettings.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import NODEFAULT

from hatoba.app import fields, toml_lines
from hatoba.app.problems import BadSettings, Problem, nearest
from hatoba.app.settings import Settings
from hatoba.kit import units

PLACES = (Path("/etc/hatoba/hatoba.toml"),)
# Not settings: the path of the file itself, passwords for `hatoba send`, what a restart hands over, what tests read.
NOT_SETTINGS = {
    "HATOBA_CONFIG", "HATOBA_SEND_PASSWORD", "HATOBA_MIGRATE_PASSWORD", "HATOBA_HANDOVER",
    "HATOBA_SHARED", "HATOBA_CRASH_ROUNDS", "HATOBA_CRASH_SEED",
}  # fmt: skip
_UNITS = {"duration": units.seconds, "bytes": units.bytes_}


class Loaded(msgspec.Struct, frozen=True):
    """The settings and, for each dotted path that was set, the source: "hatoba.toml:12" or "HATOBA_QUEUE_EXPIRE"."""

    settings: Settings
    sources: dict[str, str]
    file: str  # "" when there is none


class _Reader:
    """Turns raw values into the Struct's own, collecting problems and sources on the way."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.sources: dict[str, str] = {}

    def struct(self, kind: type, raw: Mapping[str, Any], prefix: str, origin: "_Origin") -> dict[str, Any]:
        known = {field.name: field for field in fields.of(kind)}
        out: dict[str, Any] = {}
        for name, value in raw.items():
            path = prefix + name
            if name not in known:
                fix = nearest(name, known)
                self.problems.append(origin.problem(path, f"there is no setting {name!r} here", fix))
            else:
                self.field(known[name], value, path, origin, out)
        for field in known.values():
            if field.default is msgspec.NODEFAULT and field.name not in raw:
                fix = f"Add {field.name} = {fields.form(field)}."
                self.problems.append(origin.problem(prefix + field.name, "this key is needed", fix))
        return out

    def field(self, field: fields.Field, value: Any, path: str, origin: "_Origin", out: dict[str, Any]) -> None:
        if field.struct is not None and field.many:
            if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                self.problems.append(origin.problem(path, "must be tables", f"Write [[{path}]] above each one."))
                return
            built = [self.struct(field.struct, item, f"{path}[{i}].", origin) for i, item in enumerate(value)]
            out[field.name] = built
            self.sources |= {f"{path}[{i}]": origin.source(f"{path}[{i}]") for i in range(len(built))}
            self.sources[path] = origin.source(f"{path}[0]")
        elif field.struct is not None:
            if not isinstance(value, dict):
                self.problems.append(origin.problem(path, "must be a table", f"Write [{path}] and its keys below."))
                return
            out[field.name] = self.struct(field.struct, value, f"{path}.", origin)
        else:
            self.leaf(field, value, path, origin, out)

    def leaf(self, field: fields.Field, value: Any, path: str, origin: "_Origin", out: dict[str, Any]) -> None:
        try:
            if field.unit and isinstance(value, str):
                value = _UNITS[field.unit](value)
            out[field.name] = msgspec.to_builtins(msgspec.convert(value, field.type, strict=origin.strict))
            self.sources[path] = origin.source(path)
        except (msgspec.ValidationError, ValueError) as error:
            text = str(error).removesuffix(" - at `$`")
            such = example(field)
            fix = f"Give it as {fields.form(field)}" + (f", for example {such}." if such else ".")
            self.problems.append(origin.problem(path, text[:1].lower() + text[1:], fix))


class _Origin:
    """Where raw values come from: the file with its lines, or the environment."""

    def __init__(self, file: str, lines: dict[str, int], names: dict[str, str], strict: bool) -> None:
        self.file, self.lines, self.names, self.strict = file, lines, names, strict

    def line(self, path: str) -> int:
        while path and path not in self.lines:
            path = above(path)
        return self.lines.get(path, 0)

    def source(self, path: str) -> str:
        return self.name(path) or f"{self.file}:{self.line(path)}"

    def name(self, path: str) -> str:
        """The variable that set `path`, a value inside it or the list around it; "" for a file."""
        while path and path not in self.names:
            path = above(path)
        return self.names.get(path, "")

    def problem(self, path: str, text: str, fix: str) -> Problem:
        name = self.name(path)
        if name:
            inside = path.removeprefix(next(key for key, other in self.names.items() if other == name))
            return Problem("environment", 0, name + inside, text, fix)
        return Problem(self.file, self.line(path), path, text, fix)


def above(path: str) -> str:
    """The path around `path`: "a.b[0].c", "a.b[0]", "a.b", "a", ""."""
    return path.rpartition("[" if path.endswith("]") else ".")[0]


def example(field: fields.Field) -> str:
    """A value as it would stand in the file; "" where the form says it already."""
    if field.default is NODEFAULT or field.default in (None, (), {}, ""):
        return ""
    if field.unit == "duration":
        return f'"{units.show_seconds(field.default or 300)}"'
    if field.unit == "bytes":
        return f'"{units.show_bytes(int(field.default or 1_000_000))}"'
    return toml(field.default)


def toml(value: Any) -> str:
    """`value` as TOML writes it, in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, msgspec.Struct):
        return toml(msgspec.structs.asdict(value))
    return "" if value is None else str(value)


def find(explicit: str | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file: --config, HATOBA_CONFIG, then the usual places; None when there is none."""
    named = explicit or environ.get("HATOBA_CONFIG")
    if named:
        return Path(named)
    return next((path for path in PLACES if path.is_file()), None)


def _from_file(reader: _Reader, path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadSettings([Problem(str(path), line, "", "is not UTF-8 text", "Save the file as UTF-8.")]) from error
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
        raise BadSettings([Problem(str(path), 0, "", why, "Check the path given.")]) from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = next((int(word) for word in str(error).replace(",", " ").split() if word.isdigit()), 0)
        fix = "The file must be TOML: key = value, text in double quotes."
        raise BadSettings([Problem(str(path), line, "", str(error), fix)]) from error
    return reader.struct(Settings, raw, "", _Origin(str(path), toml_lines.places(text), {}, strict=True))


def variables() -> dict[str, fields.Field]:
    """{"HATOBA_QUEUE_EXPIRE": Field}: every setting that one variable can set."""
    plain = (field for field in fields.leaves(Settings) if "[]" not in field.path)
    return {"HATOBA_" + field.path.replace(".", "_").upper(): field for field in plain}


def _environment_value(field: fields.Field, written: str) -> Any:
    """Lists and tables may stand as TOML; a plain word list is split at commas."""
    listed = fields.form(field).startswith("list")
    if not listed and not written.startswith("{"):
        return written
    try:
        return tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        return [part.strip() for part in written.split(",") if part.strip()]


def _from_environment(reader: _Reader, environ: Mapping[str, str], into: dict[str, Any]) -> None:
    known = variables()
    for name in sorted(environ):
        if not name.startswith("HATOBA_") or name in NOT_SETTINGS:
            continue
        field = known.get(name)
        if field is None:
            text = "no setting has this name"
            reader.problems.append(Problem("environment", 0, name, text, nearest(name, known)))
            continue
        *tables, _ = field.path.split(".")
        table = into
        for part in tables:
            table = table.setdefault(part, {})
        origin = _Origin("", {}, {field.path: name}, strict=False)
        reader.field(field, _environment_value(field, environ[name]), field.path, origin, table)


def load(explicit: str | None = None, environ: Mapping[str, str] | None = None) -> Loaded:
    """The effective settings. Raises BadSettings with every problem found."""
    environ = os.environ if environ is None else environ
    reader = _Reader()
    path = find(explicit, environ)
    raw = _from_file(reader, path) if path else {}
    _from_environment(reader, environ, raw)
    if reader.problems:
        raise BadSettings(reader.problems)
    return Loaded(msgspec.convert(raw, Settings), reader.sources, str(path or ""))


def values(settings: Any, prefix: str = "") -> Iterator[tuple[str, fields.Field, Any]]:
    """(path, field, value) of every value in force, elements of [[tables]] with their index."""
    for field in fields.of(type(settings)):
        value = getattr(settings, field.name)
        path = prefix + field.name
        if field.struct is None or value is None:
            yield path, field, value
        elif field.many:
            for index, element in enumerate(value):
                yield from values(element, f"{path}[{index}].")
        else:
            yield from values(value, f"{path}.")


def source(loaded: Loaded, path: str) -> str:
    """Where the value at `path` came from: a file and line, a variable, or "default"."""
    while path:
        if path in loaded.sources:
            return loaded.sources[path]
        path = above(path)
    return "default"


def written(field: fields.Field, value: Any) -> str:
    """`value` as it would stand in the file, durations and sizes in words."""
    if value is None:
        return ""
    if field.unit == "duration":
        return units.show_seconds(value)
    if field.unit == "bytes":
        return units.show_bytes(value)
    return toml(value)


def encode(settings: Settings) -> dict[str, Any]:
    """The settings as JSON types, secrets included: for the workers only."""
    encoded: dict[str, Any] = msgspec.to_builtins(settings)
    return encoded


def reloaded(old: Settings, new: Settings) -> tuple[Settings, list[str]]:
    """What SIGHUP makes of new settings: those that can change while running do; the keys that wait for a start."""
    before, after = encode(old), encode(new)
    waiting = list(_merge(Settings, before, after, "", False))
    return msgspec.convert(before, Settings), waiting


def differing(old: Settings, new: Settings) -> list[str]:
    """The keys whose values are others, or are there in one of the two only."""
    before, after = ({path: value for path, _, value in values(one)} for one in (old, new))
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def _merge(struct: type, into: dict[str, Any], fresh: dict[str, Any], prefix: str, reloads: bool) -> Iterator[str]:
    """Takes over what reloads; yields the paths of what differs and does not."""
    for field in fields.of(struct, prefix, reloads):
        if field.struct is not None and not field.many:
            yield from _merge(field.struct, into[field.name], fresh[field.name], f"{field.path}.", field.reloads)
        elif into[field.name] != fresh[field.name]:
            if field.reloads:
                into[field.name] = fresh[field.name]
            else:
                yield field.path
