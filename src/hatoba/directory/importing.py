"""Importing: alias files of other mail servers, in the forms of Postfix's aliases(5) and virtual(5), taken over.

Called by app for `hatoba alias import`.
Never opens a file: the text is an argument, and what it names (includes, programs, mailbox files) is only reported.
Fails in nothing but StoreTrouble: what cannot be taken is told with its line and the reason, the rest is added.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from hatoba.directory import aliases, roster
from hatoba.directory.aliases import Alias, Roll
from hatoba.directory.directory import Directory
from hatoba.directory.entries import BadEntry
from hatoba.model.address import Address

FORMS = ("aliases", "virtual")
_NAME = re.compile(r'("(?:[^"\\]|\\.)*"|[^\s:"]+)[ \t]*:')  # the left side of aliases(5)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(?:@[^\s,]+)?|[^\s,"]+')
_PAIR = re.compile(r"\\(.)")
_OWNER = "owner-"  # aliases(5): owner-list is where the bounces of list go
_ENDS = {"/dev/null": aliases.DISCARD, ":blackhole:": aliases.DISCARD}


class Problem(msgspec.Struct, frozen=True):
    """A line (counted from 1) that was not taken, or not wholly."""

    line: int
    text: str
    why: str


class Report(msgspec.Struct):
    """What came of a file. `added` are keys; `notes` tell of what was taken in another form than it stood there."""

    form: str
    added: list[str] = []
    problems: list[Problem] = []
    notes: list[str] = []


class _Line(msgspec.Struct, frozen=True):
    number: int
    text: str


def form_of(text: str) -> str:
    """Which of the two forms a file has: by its first line that says something."""
    for line in _logical(text):
        return "aliases" if _NAME.match(line.text) else "virtual"
    return "virtual"


def take(
    directory: Directory,
    text: str,
    now: int,
    *,
    form: str = "",
    domain: str = "",
    replace: bool = False,
    dry: bool = False,
) -> Report:
    """Adds what the file says, in one change. `domain` completes names without one. `dry` only tells what would be."""
    form = form or form_of(text)
    report = Report(form)
    made: dict[str, tuple[_Line, Alias]] = {}
    for line in _logical(text):
        try:
            alias = _alias(directory, line, form, domain, now, report)
        except BadEntry as error:
            report.problems.append(Problem(line.number, _shown(line), str(error)))
            continue
        if alias is None:
            continue
        if alias.key in made:
            before = made[alias.key][0].number
            report.problems.append(Problem(line.number, _shown(line), f"{alias.key} stood in line {before}"))
        elif not replace and directory.snapshot().aliases.get(alias.key) is not None:
            report.problems.append(Problem(line.number, _shown(line), f"{alias.key} is an alias here already"))
        else:
            made[alias.key] = line, alias
    if form == "aliases":
        _owners(made, report)
    _add(directory, made, replace, dry, report)
    report.problems.sort(key=lambda problem: problem.line)
    return report


def _add(directory: Directory, made: dict[str, tuple[_Line, Alias]], replace: bool, dry: bool, report: Report) -> None:
    """Leaves out what would lead in a circle, then adds the rest."""
    for alias, error in roster.faults(directory, [alias for _, alias in made.values()]):
        line, _ = made.pop(alias.key)
        report.problems.append(Problem(line.number, _shown(line), str(error)))
    those = [alias for _, alias in made.values()]
    if those and not dry:
        roster.add_all(directory, those, replace=replace)
    report.added = [alias.key for alias in those]


def _logical(text: str) -> Iterator[_Line]:
    """Lines with their continuations, which begin with white space; comments and empty lines are left out."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0] in " \t" and parts:
            parts.append(line.strip())
            continue
        if parts:
            yield _Line(begun, " ".join(parts))
        begun, parts = number, [line.strip()]
    if parts:
        yield _Line(begun, " ".join(parts))


def _alias(directory: Directory, line: _Line, form: str, domain: str, now: int, report: Report) -> Alias | None:
    name, values = _sides(line.text, form)
    if form == "virtual" and "@" not in name and "." in name:
        raise BadEntry(f"this declares a domain; run: hatoba domain add {name}")
    source = _completed(name, domain)
    targets = []
    for written in values:
        try:
            targets.append(_target(written, source, domain))
        except BadEntry as error:
            report.problems.append(Problem(line.number, _shown(line), str(error)))
    if not targets:
        return None
    return roster.shaped(directory, source, targets, now)


def _sides(text: str, form: str) -> tuple[str, list[str]]:
    """(name, targets) of a line. BadEntry."""
    if form == "aliases":
        found = _NAME.match(text)
        if not found:
            raise BadEntry("there is no name with a colon behind it")
        name, rest = found[1], text[found.end() :]
    else:
        name, _, rest = text.replace("\t", " ").partition(" ")
    return _unquoted(name), _values(rest)


def _values(text: str) -> list[str]:
    """The targets, which commas and white space part; a program or a refusal takes its words along."""
    stripped = text.strip()
    if stripped.startswith(("|", '"|', ":fail:")):
        return [stripped]
    return [found[0] for found in _TOKEN.finditer(stripped)]


def _target(written: str, source: str, domain: str) -> str:
    """A target of such a file as one of ours. BadEntry for what has no counterpart."""
    bare = _unquoted(written)
    if bare in _ENDS:
        return _ENDS[bare]
    if bare.startswith(":fail:"):
        return f"{aliases.REJECT} {bare.removeprefix(':fail:').strip()}"
    if bare.startswith("|"):
        raise BadEntry(f"{bare!r} runs a program: letters are not handed to programs here")
    if bare.startswith(":include:"):
        raise BadEntry(f"{bare!r} reads a file: put its addresses into the alias itself")
    if bare.startswith("/"):
        raise BadEntry(f"{bare!r} is a mailbox file: add an account in its place")
    if bare.startswith(":"):
        raise BadEntry(f"{bare!r} is unknown here")
    if bare.startswith("\\"):
        bare = bare[1:]
    return _completed(
        written if written.startswith('"') and '"@' in written else bare, domain or source.rpartition("@")[2]
    )


def _completed(name: str, domain: str) -> str:
    if "@" in name:
        return name
    if not domain:
        raise BadEntry(f"{name!r} has no domain; say which one completes it: --domain your.domain")
    return str(Address(name, domain))


def _unquoted(written: str) -> str:
    """Without its quotes; a quoted local part of an address keeps them."""
    if len(written) >= 2 and written[0] == written[-1] == '"':
        return _PAIR.sub(r"\1", written[1:-1])
    return written


def _owners(made: dict[str, tuple[_Line, Alias]], report: Report) -> None:
    """list and owner-list of aliases(5) become a list with that owner."""
    for name, (line, alias) in [*made.items()]:
        local, _, domain = name.rpartition("@")
        owner = f"{_OWNER}{local}@{domain}"
        if owner in made and len(alias.to) > 1:
            made[name] = line, msgspec.structs.replace(alias, list=Roll(owner))
            report.notes.append(f"{name} is a list now, its bounces go to {owner}")


def _shown(line: _Line) -> str:
    return line.text if len(line.text) <= 120 else f"{line.text[:117]}..."


def lines(report: Report) -> Sequence[str]:
    """The report in words."""
    said = [f"{len(report.added)} aliases taken from the file ({report.form} form)."]
    said += report.notes
    said += [f"line {problem.line}: {problem.text}\n    not taken: {problem.why}" for problem in report.problems]
    return said
