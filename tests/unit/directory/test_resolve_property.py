"""Whatever the aliases are: their expansion ends, has nobody twice and loses nobody."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hatoba.directory import aliases, resolve
from hatoba.directory.aliases import Alias, Roll
from hatoba.directory.entries import key
from hatoba.directory.snapshot import Aliases, Snapshot
from hatoba.model.address import Address
from hatoba.store.rows import AccountRow, DomainRow

NAMES = [f"n{number}" for number in range(8)]
PEOPLE = ["n0", "n1", "n2"]  # these have mailboxes, too
TARGETS = st.sampled_from([f"{name}@x.example" for name in [*NAMES, "ghost"]] + ["out1@y.example", "out2@y.example"])
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(TARGETS, min_size=1, max_size=5), max_size=8)


def world(graph: dict[str, list[str]]) -> Snapshot:
    table = {
        f"{name}@x.example": aliases.row(Alias(f"{name}@x.example", tuple(dict.fromkeys(targets)))).data
        for name, targets in graph.items()
    }
    people = [AccountRow(f"{name}@x.example", f"{name}@x.example", "", b"", 1, 1) for name in PEOPLE]
    return Snapshot([DomainRow("x.example", "local", 1)], people, "+", Aliases(table))


def reachable(graph: dict[str, list[str]], start: str) -> set[str]:
    """Everybody at an end of the graph, and every mailbox whose own alias leads back to it: by the book."""
    ends: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        if name.endswith("@y.example"):
            ends.add(name)
            return
        local = name.partition("@")[0]
        if local in graph and local not in path:
            for target in graph[local]:
                walk(target, (*path, local))
        elif local in PEOPLE:
            ends.add(name)

    walk(start, ())
    return ends


@given(GRAPHS, st.sampled_from(NAMES))
def test_expansion_never_loops_and_loses_no_target(graph: dict[str, list[str]], start: str) -> None:
    reached = resolve.expand(world(graph), Address(start, "x.example"), most=1000, deep=20)
    names = [str(leaf.address) for leaf in reached.leaves]
    assert len(names) == len(set(names))
    expected = reachable(graph, f"{start}@x.example")
    outside = {name for name in expected if name.endswith("@y.example")}
    assert outside <= set(names) <= expected
    if not any(_round(graph, name) for name in graph):
        assert set(names) == expected


def _round(graph: dict[str, list[str]], start: str) -> bool:
    """Whether an alias leads back to itself by way of another one."""
    seen: set[str] = set()
    open_: Sequence[str] = [target.partition("@")[0] for target in graph[start] if target != f"{start}@x.example"]
    while open_:
        name, *rest = open_
        if name == start:
            return True
        if name in graph and name not in seen:
            rest += [target.partition("@")[0] for target in graph[name]]
        seen.add(name)
        open_ = rest
    return False


@given(st.sampled_from(["alice@example.org", "x@y.example", "discard", "reject", "@example.org", "reject 5.1.6 a b"]))
def test_a_target_is_written_as_it_is_read(written: str) -> None:
    assert aliases.canonical(aliases.canonical(written)) == aliases.canonical(written)
    alias = Alias("k@x.example", (aliases.canonical(written),), (), Roll("o@x.example", True, "n"), 5)
    row = aliases.row(alias)
    assert aliases.made(row.key, row.data, row.created) == alias
    assert (row.key, row.domain) == ("k@x.example", "x.example")


def test_keys_of_both_kinds() -> None:
    assert aliases.source("Info@Example.ORG")[0] == key(Address("info", "example.org"))
    assert aliases.source("@Example.ORG.") == ("@example.org", None)
