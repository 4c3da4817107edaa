"""Execute: the commands of a script one after the other: branches, loops, included scripts. # RFC 5228 §3

Called by engine.
Never runs a command that the check has not seen.
Fails with Halt, as its commands do.
"""

from collections.abc import Callable, Sequence

from hatoba.sieve import faults, questions, script
from hatoba.sieve.faults import Halt, shown
from hatoba.sieve.node import Node, Script
from hatoba.sieve.running import (
    asking,
    contents,
    editing,
    filing,
    flagging,
    headings,
    notifying,
    replying,
    setting,
)  # fmt: skip
from hatoba.sieve.running.machine import Frame, Machine

STOP, RETURN = "stop", "return"
_BREAK = "break "  # with the name of the loop behind it

_TESTS: dict[str, Callable[[Machine, Node], bool]] = {
    "address": headings.address,
    "body": contents.body,
    "currentdate": contents.currentdate,
    "date": contents.date,
    "envelope": headings.envelope,
    "environment": contents.environment,
    "exists": headings.exists,
    "hasflag": flagging.hasflag,
    "header": headings.header,
    "notify_method_capability": notifying.notify_method_capability,
    "size": contents.size,
    "spamtest": contents.spamtest,
    "string": contents.string,
    "valid_notify_method": notifying.valid_notify_method,
    "virustest": contents.virustest,
}
_ACTIONS: dict[str, Callable[[Machine, Node], None]] = {
    "addflag": flagging.change,
    "addheader": editing.addheader,
    "deleteheader": editing.deleteheader,
    "discard": filing.discard,
    "ereject": filing.reject,
    "extracttext": setting.extracttext,
    "fileinto": filing.fileinto,
    "global": setting.share,
    "keep": filing.keep,
    "notify": notifying.notify,
    "redirect": filing.redirect,
    "reject": filing.reject,
    "removeflag": flagging.change,
    "set": setting.set_variable,
    "setflag": flagging.change,
    "vacation": replying.vacation,
}


def block(run: Machine, nodes: Sequence[Node]) -> questions.Asking[str]:
    """Runs the commands of a block; "" when it came to its end, else what ended it."""
    done = False  # a branch of the if before was taken
    for node in nodes:
        run.line = node.line
        run.spend()
        name = node.name
        if name in ("if", "elsif", "else"):
            if name == "if":
                done = False
            if done or not (name == "else" or (yield from _test(run, node.tests[0]))):
                continue
            done = True
            ended = yield from block(run, node.block)
        elif (action := _ACTIONS.get(name)) is not None:
            action(run, node)
            continue
        else:
            ended = yield from _control(run, node)
        if ended:
            return ended
    return ""


def _control(run: Machine, node: Node) -> questions.Asking[str]:
    if node.name in (STOP, RETURN):
        run.note(node, node.name)
        return node.name
    if node.name == "error":  # RFC 5463 §5
        raise Halt(f"the script says: {run.expand(node.text(0))[:500]}", node.line)
    if node.name == "break":
        name = node.tag_text("name")
        return _BREAK + ((name.constant or "") if name else "")
    if node.name == "foreverypart":
        return (yield from _loop(run, node))
    return (yield from _include(run, node))


def _loop(run: Machine, node: Node) -> questions.Asking[str]:
    """Each part within the one at hand; the outermost loop takes the letter itself first. # RFC 5703 §3"""
    name = node.tag_text("name")
    mine = (_BREAK, _BREAK + ((name.constant or "") if name else ""))
    below = list(run.part.below())
    for part in below if not run.parts else below[1:]:
        run.spend()
        run.parts.append(part)
        ended = yield from block(run, node.block)
        run.parts.pop()
        if ended in mine:
            return ""
        if ended:
            return ended
    return ""


def _test(run: Machine, node: Node) -> questions.Asking[bool]:
    """What a test comes to, noted in the trace."""
    run.line = node.line
    run.spend()
    name = node.name
    if name in ("true", "false"):
        return name == "true"
    if name == "not":
        return not (yield from _test(run, node.tests[0]))
    if name in ("allof", "anyof"):
        settles = name == "anyof"
        for each in node.tests:
            if (yield from _test(run, each)) is settles:
                return settles
        return not settles
    if plain := _TESTS.get(name):
        held = plain(run, node)
    else:
        held = yield from asking.TESTS[name](run, node)
    run.note(node, f"{name}: {'yes' if held else 'no'}")
    return held


def _include(run: Machine, node: Node) -> questions.Asking[str]:
    """RFC 6609 §3.2"""
    name = node.text(0).constant or ""
    personal = node.tag("location") != "global"
    if node.has("once") and (name, personal) in run.once:
        return ""
    run.includes += 1
    if run.includes > run.limits.includes:
        raise Halt(f"more than {run.limits.includes} scripts are included")
    depth = run.frame.depth + 1
    if depth > run.limits.include_depth:
        raise Halt(f"scripts are included more than {run.limits.include_depth} deep")
    (found,) = yield from run.ask(questions.Included(name, personal))
    if found is None or isinstance(found, bool):
        if node.has("optional"):
            run.note(node, f"include {shown(name)}: there is none")
            return ""
        raise Halt(f"there is no script {shown(name)} to include")
    run.once.add((name, personal))
    run.note(node, f"include {shown(name)}")
    included = _compiled(run, name, found)
    outer = run.frame, run.parts, run.letter
    if run.parts:
        run.letter = run.letter.within(run.part)
    run.frame, run.parts = Frame(name, included.extensions, depth), []
    ended = yield from block(run, included.commands)
    run.frame, run.parts, run.letter = outer
    return STOP if ended == STOP else ""


def _compiled(run: Machine, name: str, found: str | Script) -> Script:
    if isinstance(found, Script):
        return found
    run.spend(1 + len(found) // 100)
    try:
        return script.compile(found, bounds=run.limits)
    except faults.SieveError as error:
        raise Halt(f"the included script {shown(name)} cannot be used: {error.faults[0]}") from None
