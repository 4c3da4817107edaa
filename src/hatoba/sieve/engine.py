"""Engine: runs a script over a letter and says what is to be done. # RFC 5228 §2.10

Called by local delivery, and by the command line to explain; see questions for how it is driven.
Never does anything itself, never waits, never runs longer than its limits.
Fails never: what goes wrong is the Result's fault, and the letter is kept.
"""

from hatoba.sieve import actions, questions
from hatoba.sieve.faults import Fault, Halt
from hatoba.sieve.letter import view
from hatoba.sieve.node import Script
from hatoba.sieve.running import execute
from hatoba.sieve.running.machine import Machine
from hatoba.sieve.situation import Situation


def run(script: Script, content: bytes, situation: Situation, size: int = 0) -> questions.Asking[actions.Result]:
    """An engine that yields questions and returns the Result.

    `content` is the letter, or its beginning with all of its header; `size` then is the octets of the whole.
    """
    machine = Machine(view.View(content, situation.limits, size), situation, script.extensions)
    try:
        yield from execute.block(machine, script.commands)
    except Halt as halt:
        fault = Fault(halt.line or machine.line, _where(machine) + halt.text)
        kept = actions.Keep(implicit=True)
        return actions.Result((kept,), fault, (), (), tuple(machine.trace), machine.steps)
    done = tuple(machine.actions)
    if machine.implicit and not any(
        isinstance(action, actions.Keep) for action in done
    ):  # RFC 5228 §2.10.2; with the flags and fields that the script left  # RFC 5232 §5
        done += (actions.Keep(machine.flags, implicit=True, edits=machine.whole.edits),)
    return actions.Result(done, None, tuple(machine.seen), machine.whole.edits, tuple(machine.trace), machine.steps)


def _where(machine: Machine) -> str:
    return f"in the included script {machine.frame.name}: " if machine.frame.name else ""
