"""Machine: the state of one run: variables, flags, what is to be done so far, and what may still be spent.

Made by engine; handed to every test and action, which are functions on it.
Never asks and never waits; never trusts a script to end.
Fails with Halt where a limit is reached or a string is no good.
"""

from collections.abc import Iterable, Sequence

from hatoba.sieve import actions, questions, texts
from hatoba.sieve.faults import Halt, shown
from hatoba.sieve.letter import tree, view
from hatoba.sieve.matching import comparators, match, regexes
from hatoba.sieve.node import Node
from hatoba.sieve.situation import Situation

_LONG = 500  # characters that cost as much as one step


class Frame:
    """What belongs to one script: its variables and the values of its last match. # RFC 6609 §3.4"""

    def __init__(self, name: str, extensions: frozenset[str], depth: int = 0) -> None:
        self.name = name  # "" for the script that was run first
        self.extensions = extensions
        self.depth = depth  # scripts that are around it
        self.variables: dict[str, str] = {}
        self.shared: set[str] = set()  # names that it declared global
        self.found: tuple[str, ...] = ()


class Machine:
    """One run over one letter."""

    def __init__(self, letter: view.View, situation: Situation, extensions: frozenset[str]) -> None:
        self.letter = letter  # what tests see: the whole, or a part within an included script
        self.whole = letter
        self.replied = False  # vacation was used
        self.situation = situation
        self.limits = situation.limits
        self.frame = Frame("", extensions)
        self.shared: dict[str, str] = {}  # the namespace global
        self.flags: tuple[str, ...] = ()  # RFC 5232 §2: the internal variable
        self.actions: list[actions.Action] = []
        self.implicit = True  # the letter is kept at the end
        self.parts: list[tree.Part] = []  # those that loops are at, innermost last
        self.seen: list[questions.Seen] = []  # to be remembered
        self.known: dict[str, bool] = {}  # keys that duplicate has asked about
        self.once: set[tuple[str, bool]] = set()  # scripts that were included
        self.trace: list[actions.Step] = []
        self.line = 0
        self.steps = self.asked = self.includes = 0

    # what is spent

    def spend(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > self.limits.steps:
            raise Halt(f"the script does too much: more than {self.limits.steps} steps")

    def ask(self, *wanted: questions.Question) -> questions.Asking[tuple[questions.Answer, ...]]:
        self.asked += len(wanted)
        if self.asked > self.limits.questions:
            raise Halt(f"the script asks for more than {self.limits.questions} things")
        return (yield wanted)

    def note(self, node: Node, text: str) -> None:
        """A line of the trace."""
        if self.situation.trace and len(self.trace) < self.limits.trace:
            self.trace.append(actions.Step(node.line, text, self.frame.name))

    # strings and variables

    def expand(self, text: texts.Text) -> str:
        """A string with its variables filled in. # RFC 5229 §3"""
        if text.constant is not None:
            return text.constant
        made: list[str] = []
        length = 0
        for piece in text.pieces:
            part = piece if isinstance(piece, str) else self.variable(piece)
            length += len(part)
            if length > self.limits.text:
                raise Halt(f"a string grows beyond {self.limits.text} characters")
            made.append(part)
        self.spend(length // _LONG)
        return "".join(made)

    def expand_all(self, many: Iterable[texts.Text]) -> list[str]:
        return [text.constant if text.constant is not None else self.expand(text) for text in many]

    def variable(self, name: texts.Name) -> str:
        """ "" for one that was never set, and for a value that the last match does not have."""
        if not name.name:
            return self.frame.found[name.n] if name.n < len(self.frame.found) else ""
        if name.name.startswith(texts.GLOBAL):
            return self.shared.get(name.name.removeprefix(texts.GLOBAL), "")
        kept = self.shared if name.name in self.frame.shared else self.frame.variables
        return kept.get(name.name, "")

    def assign(self, name: texts.Name, value: str) -> None:
        """A value beyond the limit is cut, as RFC 5229 §6 asks."""
        if name.name.startswith(texts.GLOBAL):
            kept, key = self.shared, name.name.removeprefix(texts.GLOBAL)
        else:
            kept, key = (self.shared if name.name in self.frame.shared else self.frame.variables), name.name
        if key not in kept and len(kept) >= self.limits.variables:
            raise Halt(f"the script has more than {self.limits.variables} variables")
        kept[key] = value[: self.limits.variable]

    def named(self, text: texts.Text) -> texts.Name:
        """The variable that a command names."""
        try:
            return texts.variable(self.expand(text), texts.Scope(shared="include" in self.frame.extensions))
        except ValueError as error:
            raise Halt(f"{shown(self.expand(text))} is {error}") from None

    # the letter

    def fields(self, name: str, part: tree.Part | None = None) -> list[bytes]:
        """The fields of this name as they stand, unfolded; of the letter or of one part."""
        block = (self.letter if part is None else part).head.block
        self.spend(1 + len(block) // 5000)
        values = self.letter.octets(name, part)
        self.spend(len(values) // 4)
        return values

    def decoded(self, value: bytes) -> str:
        """A field as tests see it. # RFC 5228 §2.7.2"""
        if b"=?" in value:
            self.spend(len(value) // 100)
        return self.letter.decoded(value)

    # comparing

    def compare(self, node: Node, values: Sequence[str], keys: Iterable[texts.Text]) -> bool:
        """Whether one of `values` matches one of `keys`; :count counts the values. # RFC 5228 §2.7, RFC 5231 §4"""
        how = node.match
        wanted = self.expand_all(keys)
        if how.type == match.COUNT:
            return self.holds(how, str(len(values)), wanted)
        for value in values:
            for key in wanted:
                long = len(value) + len(key)
                weight = 1 + key.count("?") if how.type == match.MATCHES else 4 if how.type == match.REGEX else 1
                self.spend(1 + long // _LONG * weight)
                if self._matches(how, value, key):
                    return True
        return False

    def holds(self, how: match.Match, count: str, keys: Iterable[str]) -> bool:
        """Whether a number is in the relation to one of the keys."""
        self.spend()
        return any(match.holds(how.relation, comparators.order(how.comparator, count, key)) for key in keys)

    def _matches(self, how: match.Match, value: str, key: str) -> bool:
        try:
            found = match.values(how, value, key, self.limits)
        except regexes.BadRegex as error:
            raise Halt(f"{shown(key)} is no regular expression: {error}") from None
        if found is None:
            return False
        if how.type in (match.MATCHES, match.REGEX):  # RFC 5229 §3.2
            self.frame.found = tuple([value[: self.limits.variable] for value in found[: self.limits.match_values + 1]])
        return True

    # what is to be done

    def add(self, action: actions.Action) -> None:
        if len(self.actions) >= self.limits.actions:
            raise Halt(f"the script has more than {self.limits.actions} actions")
        self.actions.append(action)

    @property
    def part(self) -> tree.Part:
        """The part that :mime looks at: that of the innermost loop, or the whole letter. # RFC 5703 §4.1"""
        return self.parts[-1] if self.parts else self.letter.root
