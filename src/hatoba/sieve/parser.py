"""The syntax of a script: commands with their arguments, tests and blocks. # RFC 5228 §8.2

Called by script, before anything is known about the words.
Never asks whether a command exists; that is the check's part.
Fails with SieveError: every command that breaks the grammar is told; a limit, or what is no token, ends the reading.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from hatoba.sieve import faults, lexer
from hatoba.sieve.limits import Limits

_FOR_PEOPLE = {lexer.END: "the end of the script", lexer.STRING: "a string"}


class Argument(NamedTuple):
    """`kind`: "tag" (`text`), "number" (`number`), "string" or "strings" (`strings`; a list of one is a list)."""

    kind: str
    line: int
    text: str = ""
    number: int = 0
    strings: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind == "tag":
            return f":{self.text}"
        if self.kind == "number":
            return str(self.number)
        return faults.shown(self.strings[0]) if self.kind == "string" else "a list of strings"


class Command(msgspec.Struct, frozen=True):
    """A command, or a test (then `block` is None). `tests`: None where none stand there, not even ()."""

    name: str
    line: int
    arguments: tuple[Argument, ...] = ()
    tests: "tuple[Command, ...] | None" = None
    block: "tuple[Command, ...] | None" = None
    listed: bool = False  # its tests stand in parentheses


def parse(text: str, limits: Limits) -> tuple[Command, ...]:
    """The commands of a script."""
    return _Parser(lexer.tokens(text), limits).script()


class _Broken(Exception):
    """The command at hand breaks the grammar; what stands behind it may be read all the same."""

    def __init__(self, fault: faults.Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


class _Parser:
    def __init__(self, tokens: Iterator[lexer.Token], limits: Limits) -> None:
        self._tokens = tokens
        self._limits = limits
        self._now = next(tokens)
        self._depth = self._commands = self._strings = 0
        self._faults: list[faults.Fault] = []

    def script(self) -> tuple[Command, ...]:
        try:
            commands = self._commands_until(lexer.END)
        except faults.SieveError as error:  # of the lexer
            raise faults.SieveError((*self._faults, *error.faults)) from None
        if self._faults:
            raise faults.SieveError(tuple(self._faults))
        return commands

    def _commands_until(self, end: str) -> tuple[Command, ...]:
        found: list[Command] = []
        depth = self._depth
        while self._now.kind != end:
            if self._now.kind == lexer.END:
                self._tell(self._broken("a block has no end: } is missing").fault)
                break
            try:
                if self._now.kind == "}":
                    raise self._broken("a } closes no block")
                found.append(self._command())
            except _Broken as broken:
                self._tell(broken.fault)
                self._depth = depth
                self._skip()
        return tuple(found)

    def _tell(self, fault: faults.Fault) -> None:
        self._faults.append(fault)
        if len(self._faults) >= self._limits.faults:
            raise faults.SieveError(())  # those that are told already are enough

    def _skip(self) -> None:
        """To where the next command may begin: behind a semicolon or a block, or at the end of this block."""
        inside = 0
        if self._now.kind == "}" and not self._depth:
            self._advance()
            return
        while self._now.kind != lexer.END:
            kind = self._now.kind
            if kind == "}" and not inside:
                return
            inside += (kind == "{") - (kind == "}")
            self._advance()
            if not inside and kind in (";", "}"):
                return

    def _command(self) -> Command:
        word = self._word("a command")
        arguments = self._arguments()
        tests, listed = self._tests()
        if self._now.kind == ";":
            self._advance()
            return Command(word.text, word.line, arguments, tests, None, listed)
        if self._now.kind != "{":
            raise self._expected(f"; or a block after {word.text}")
        self._down()
        self._advance()
        block = self._commands_until("}")
        if self._now.kind == "}":
            self._advance()
        self._depth -= 1
        return Command(word.text, word.line, arguments, tests, block, listed)

    def _tests(self) -> tuple[tuple[Command, ...] | None, bool]:
        """One test, a list of tests in parentheses, or None."""
        if self._now.kind == lexer.WORD:
            return (self._test(),), False
        if self._now.kind != "(":
            return None, False
        self._advance()
        found = [self._test()]
        while self._now.kind == ",":
            self._advance()
            found.append(self._test())
        self._take(")")
        return tuple(found), True

    def _test(self) -> Command:
        self._down()
        word = self._word("a test")
        arguments = self._arguments()
        tests, listed = self._tests()
        self._depth -= 1
        return Command(word.text, word.line, arguments, tests, None, listed)

    def _arguments(self) -> tuple[Argument, ...]:
        found: list[Argument] = []
        while True:
            token = self._now
            if token.kind == lexer.TAG:
                found.append(Argument("tag", token.line, token.text))
            elif token.kind == lexer.NUMBER:
                found.append(Argument("number", token.line, number=token.number))
            elif token.kind == lexer.STRING:
                found.append(Argument("string", token.line, strings=(self._string(),)))
                continue
            elif token.kind == "[":
                found.append(Argument("strings", token.line, strings=self._list()))
                continue
            else:
                return tuple(found)
            self._advance()

    def _list(self) -> tuple[str, ...]:
        self._advance()
        found = [self._string()]
        while self._now.kind == ",":
            self._advance()
            found.append(self._string())
        self._take("]")
        return tuple(found)

    def _string(self) -> str:
        token = self._now
        self._take(lexer.STRING)
        self._strings += 1
        if self._strings > self._limits.strings:
            raise self._error(f"the script has more than {self._limits.strings} strings")
        return token.text

    def _word(self, what: str) -> lexer.Token:
        token = self._now
        if token.kind != lexer.WORD:
            raise self._expected(what)
        self._commands += 1
        if self._commands > self._limits.commands:
            raise self._error(f"the script has more than {self._limits.commands} commands and tests")
        self._advance()
        return token

    def _down(self) -> None:
        self._depth += 1
        if self._depth > self._limits.nesting:
            raise self._error(f"blocks and tests stand more than {self._limits.nesting} deep within each other")

    def _take(self, kind: str) -> None:
        if self._now.kind != kind:
            raise self._expected(_FOR_PEOPLE.get(kind, kind))
        if kind != lexer.END:
            self._advance()

    def _advance(self) -> None:
        self._now = next(self._tokens)

    def _expected(self, what: str) -> _Broken:
        token = self._now
        seen = _FOR_PEOPLE.get(token.kind, f":{token.text}" if token.kind == lexer.TAG else token.text)
        return self._broken(f"{what} is expected, not {seen}")

    def _broken(self, text: str) -> _Broken:
        return _Broken(faults.Fault(self._now.line, text))

    def _error(self, text: str) -> faults.SieveError:
        """A limit is reached: the rest is not read."""
        return faults.SieveError((faults.Fault(self._now.line, text),))
