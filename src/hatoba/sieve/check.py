"""Check: whether each command, test and argument of a script is one, and is allowed by what the script requires.

Called by script, with what the parser found.
Never stops at the first fault of meaning: it goes on with the next command and tells them together.
Fails never itself: faults are gathered, `script` raises them.
"""

from hatoba.sieve import extensions, faults, grammar, rules, texts
from hatoba.sieve.limits import Limits
from hatoba.sieve.matching import comparators, match
from hatoba.sieve.node import Node
from hatoba.sieve.parser import Argument, Command
from hatoba.sieve.place import Place


class Bad(Exception):
    """The command at hand has a fault."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.fault = faults.Fault(line, text)


_ENDS = ("stop", "error", "return")


class Check:
    """One script on its way to nodes."""

    def __init__(self, offered: frozenset[str], limits: Limits) -> None:
        self.place = Place(limits)
        self.faults: list[faults.Fault] = []
        self._offered = offered
        self._limits = limits

    def script(self, commands: tuple[Command, ...]) -> tuple[Node, ...]:
        """The nodes of a whole script; not to be run when there are faults."""
        start = 0
        while start < len(commands) and commands[start].name == "require":  # RFC 5228 §3.2: before all others
            self._require(commands[start])
            start += 1
        for name, others in extensions.TOGETHER.items():
            missing = [other for other in others if other not in self.place.enabled]
            if name in self.place.enabled and missing:
                self._fault(commands[0].line, f"{name} needs {' and '.join(missing)} to be required as well")
        return self.block(commands[start:])

    def block(self, commands: tuple[Command, ...]) -> tuple[Node, ...]:
        """The commands of a block, or all of a script behind `require`."""
        found: list[Node] = []
        before = ""
        settled = False  # a branch before is the one that is taken, says an ihave
        for command in commands:
            if len(self.faults) >= self._limits.faults:
                break
            try:
                if command.name in ("elsif", "else") and before not in ("if", "elsif"):
                    raise Bad(command.line, f"{command.name} stands behind no if or elsif")
                if command.name == "if":
                    settled = False
                node, known = self._command(command, settled)
            except Bad as bad:
                self.faults.append(bad.fault)
                before = command.name
                continue
            before = command.name
            found.append(node)
            if known and not settled and command.name in ("if", "elsif"):
                settled = True
                if node.block and node.block[-1].name in _ENDS:
                    break  # the script ends there for want of an extension: what follows may use it
        return tuple(found)

    def _fault(self, line: int, text: str) -> None:
        self.faults.append(faults.Fault(line, text))

    def _require(self, command: Command) -> None:
        try:
            self._shape(command, grammar.CONTROLS["require"])
            if len(command.arguments) != 1 or command.arguments[0].kind not in ("string", "strings"):
                raise Bad(command.line, "require takes one list of strings")
        except Bad as bad:
            self.faults.append(bad.fault)
            return
        for name in command.arguments[0].strings:
            if not self._enable(name):
                self._fault(command.arguments[0].line, f"the extension {faults.shown(name)} is not known here")

    def _enable(self, name: str) -> bool:
        if name not in self._offered and name not in extensions.ALWAYS:
            return False
        self.place.enabled.add(name)
        if implied := extensions.IMPLIED.get(name):
            self.place.enabled.add(implied)
        return True

    def _command(self, command: Command, settled: bool) -> tuple[Node, bool | None]:
        """The node, and what an ihave says of its condition. `settled`: it is never run, and is not looked at."""
        name, line = command.name, command.line
        if settled and name in ("elsif", "else"):
            return Node(name, line, tests=(Node("false", line),) if name == "elsif" else ()), False
        form = grammar.COMMANDS.get(name)
        if form is None:
            what = "is a test, no command" if name in grammar.TESTS else "is no command"
            raise Bad(line, f"{name} {what}")
        if name == "require":
            raise Bad(line, "require stands before all other commands")
        self._allowed(name, form, line)
        self._shape(command, form)
        tests, known = self._condition(command)
        if known is False and form.block:
            return Node(name, line, tests=tests), known
        node = self._node(command, form, tests)
        self._rules(node)
        if not form.block:
            return node, known
        self.place.enter(node)
        try:
            inside = self.block(command.block or ())
        finally:
            self.place.leave(node)
        return Node(name, line, node.chosen, node.tagged, node.numbers, node.arguments, 0, tests, inside), known

    def _condition(self, command: Command) -> tuple[tuple[Node, ...], bool | None]:
        if not command.tests:
            return (), None
        node, known = self._test(command.tests[0])
        return (node,), known

    def _test(self, test: Command) -> tuple[Node, bool | None]:
        """The node, and its value where an ihave settles it."""
        form = grammar.TESTS.get(test.name)
        if form is None:
            what = "is a command, no test" if test.name in grammar.COMMANDS else "is no test"
            raise Bad(test.line, f"{test.name} {what}")
        self._allowed(test.name, form, test.line)
        self._shape(test, form)
        if test.name == "ihave":
            return self._ihave(self._node(test, form, ()))
        if test.name == "not":
            inner, known = self._test((test.tests or ())[0])
            return Node("not", test.line, tests=(inner,)), None if known is None else not known
        if form.tests == grammar.MANY:
            return self._several(test)
        node = self._node(test, form, ())
        self._rules(node)
        return node, None

    def _several(self, test: Command) -> tuple[Node, bool | None]:
        """allof and anyof: what stands behind a test that settles them is not looked at."""
        settles = test.name == "anyof"
        found: list[Node] = []
        for each in test.tests or ():
            node, known = self._test(each)
            found.append(node)
            if known is settles:
                return Node(test.name, test.line, tests=tuple(found)), settles
        return Node(test.name, test.line, tests=tuple(found)), None

    def _ihave(self, node: Node) -> tuple[Node, bool | None]:
        """An extension that is there is in force from here on. # RFC 5463 §4"""
        names = [text.constant for text in node.arguments[0]]
        if None in names:
            raise Bad(node.line, "ihave takes no variables")
        there = all(name in self.place.enabled or self._addable(name or "") for name in names)
        if there:
            for name in names:
                self._enable(name or "")
        return Node("true" if there else "false", node.line), there

    def _addable(self, name: str) -> bool:
        return name not in extensions.GRAMMAR and (name in self._offered or name in extensions.ALWAYS)

    def _allowed(self, name: str, form: grammar.Form, line: int) -> None:
        if form.needs and form.needs not in self.place.enabled:
            raise Bad(line, f'{name} needs require "{form.needs}"')

    def _shape(self, command: Command, form: grammar.Form) -> None:
        """Tests and a block stand where they may, and where they must."""
        name, line, tests = command.name, command.line, command.tests
        if form.block and command.block is None:
            raise Bad(line, f"{name} needs a block")
        if command.block is not None and not form.block:
            raise Bad(line, f"{name} takes no block")
        if form.tests == 0 and tests is not None:
            first = tests[0].name if tests and not command.listed else ""
            missing = f": a ; is missing before {first}" if first in grammar.COMMANDS else ""
            raise Bad(line, f"{name} takes no test{missing}")
        if form.tests == 1 and (tests is None or len(tests) != 1 or command.listed):
            raise Bad(line, f"{name} needs one test, without parentheses")
        if form.tests == grammar.MANY and not command.listed:
            raise Bad(line, f"{name} needs a list of tests in parentheses")

    def _node(self, command: Command, form: grammar.Form, tests: tuple[Node, ...]) -> Node:
        chosen: dict[str, str] = {}
        tagged: dict[str, tuple[texts.Text, ...]] = {}
        numbers: dict[str, int] = {}
        at = 0
        arguments = command.arguments
        while at < len(arguments) and arguments[at].kind == "tag":
            tag = self._tag(command, form, arguments[at])
            if tag.group in chosen:
                raise Bad(arguments[at].line, f"{command.name} takes one of :{chosen[tag.group]} and :{tag.name}")
            chosen[tag.group] = tag.name
            at += 1
            if tag.takes:
                value = arguments[at] if at < len(arguments) else None
                if value is None or not _fits(value, tag.takes):
                    raise Bad(command.line, f":{tag.name} takes {_WORDS[tag.takes]}")
                if tag.takes == grammar.NUMBER:
                    numbers[tag.group] = value.number
                else:
                    tagged[tag.group] = self._texts(value)
                at += 1
        if form.must and form.must not in chosen:
            wanted = " or ".join(f":{tag.name}" for tag in form.tags if tag.group == form.must)
            raise Bad(command.line, f"{command.name} needs {wanted}")
        found, number = self._positional(command, form, arguments[at:])
        how = self._match(command.line, chosen, tagged)
        return Node(command.name, command.line, chosen, tagged, numbers, found, number, tests, (), how)

    def _tag(self, command: Command, form: grammar.Form, argument: Argument) -> grammar.Tag:
        found = next((tag for tag in form.tags if tag.name == argument.text), None)
        if found is None:
            raise Bad(argument.line, f"{command.name} takes no :{argument.text}")
        if found.needs and found.needs not in self.place.enabled:
            raise Bad(argument.line, f':{found.name} needs require "{found.needs}"')
        return found

    def _positional(
        self, command: Command, form: grammar.Form, given: tuple[Argument, ...]
    ) -> tuple[tuple[tuple[texts.Text, ...], ...], int]:
        wanted = form.arguments
        must = [kind for kind in wanted if kind[0] != "?"]
        if len(given) not in (len(wanted), len(must)):
            raise Bad(command.line, f"{command.name} takes {_count(len(must), len(wanted))}, not {len(given)}")
        found: list[tuple[texts.Text, ...]] = []
        number = 0
        left = list(given)
        for kind in wanted:
            if kind[0] == "?" and len(given) < len(wanted):
                found.append(())
                continue
            argument = left.pop(0)
            if argument.kind == "tag":
                raise Bad(argument.line, f":{argument.text} must stand before the arguments without a tag")
            if not _fits(argument, kind.lstrip("?")):
                raise Bad(argument.line, f"{command.name} takes {_WORDS[kind.lstrip('?')]}, not {argument}")
            if argument.kind == "number":
                number = argument.number
            else:
                found.append(self._texts(argument))
        return tuple(found), number

    def _texts(self, argument: Argument) -> tuple[texts.Text, ...]:
        scope = self.place.scope
        try:
            return tuple([texts.read(string, scope) for string in argument.strings])
        except ValueError as error:
            raise Bad(argument.line, f"a string names something {error}") from None

    def _match(self, line: int, chosen: dict[str, str], tagged: dict[str, tuple[texts.Text, ...]]) -> match.Match:
        type_ = chosen.get("match", match.IS)
        comparator = comparators.USUAL
        if "comparator" in tagged:
            named = tagged["comparator"][0].constant or ""
            comparator = named
            required = f"comparator-{named}"
            if required not in extensions.ALL or required not in self._offered | extensions.ALWAYS:
                raise Bad(line, f"the comparator {faults.shown(named)} is not known here")
            if required not in self.place.enabled and required not in extensions.ALWAYS:
                raise Bad(line, f'the comparator needs require "{required}"')
        relation = ""
        if type_ in (match.VALUE, match.COUNT):
            relation = (tagged["match"][0].constant or "").lower()
            if relation not in match.RELATIONS:
                raise Bad(line, f":{type_} takes one of gt, ge, lt, le, eq and ne")
        elif type_ != match.IS and comparator not in comparators.SUBSTRINGS:
            raise Bad(line, f"the comparator {comparator} cannot do :{type_}")
        return match.Match(type_, relation, comparator)

    def _rules(self, node: Node) -> None:
        for text in rules.broken(node, self.place):
            raise Bad(node.line, text)


_WORDS = {grammar.NUMBER: "a number", grammar.STRING: "a string", grammar.STRINGS: "a list of strings"}


def _fits(argument: Argument, kind: str) -> bool:
    return argument.kind == kind or (kind == grammar.STRINGS and argument.kind == "string")


def _count(least: int, most: int) -> str:
    count = str(least) if least == most else f"{least} or {most}"
    return f"{count} argument{'' if most == 1 else 's'} without a tag"
