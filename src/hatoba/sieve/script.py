"""Compile: the text of a script to a Script that can be run, or to the faults that it has.

Called by ManageSieve, the command line and delivery, which may keep what it gets.
Never runs anything and never asks anyone.
Fails with SieveError alone, which says "line N: ...".
"""

from collections.abc import Iterable

from hatoba.sieve import check, extensions, faults, limits, parser
from hatoba.sieve.node import Script

__all__ = ["Script", "compile"]


def compile(  # noqa: A001  what RFC 5228 calls it; named across rooms as script.compile
    text: str | bytes,
    offered: Iterable[str] = extensions.ALL,
    bounds: limits.Limits = limits.USUAL,
) -> Script:
    """The Script that `text` is; SieveError with all faults found otherwise.

    `offered`: the extensions that may be required (names of extensions.ALL).
    """
    commands = parser.parse(_read(text, bounds), bounds)
    checking = check.Check(frozenset(offered) & frozenset(extensions.ALL), bounds)
    nodes = checking.script(commands)
    if checking.faults:
        raise faults.SieveError(tuple(sorted(checking.faults)[: bounds.faults]))
    return Script(nodes, frozenset(checking.place.enabled))


def _read(text: str | bytes, bounds: limits.Limits) -> str:
    """The script as text, if it is short enough and UTF-8. # RFC 5228 §2.1"""
    try:
        octets = text if isinstance(text, bytes) else text.encode()
        if len(octets) > bounds.script:
            raise faults.SieveError((faults.Fault(0, f"the script is larger than {bounds.script} octets"),))
        return octets.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise faults.SieveError((faults.Fault(line, "the script is no UTF-8"),)) from None
    except UnicodeEncodeError as error:
        line = error.object.count("\n", 0, error.start) + 1
        raise faults.SieveError((faults.Fault(line, "the script is no UTF-8"),)) from None
