"""Thread: letters of a box gathered into conversations: ORDEREDSUBJECT and REFERENCES.

Called by post for THREAD, with what the store keeps of each letter, in the order of its numbers.
Never looks into a letter and never recurses: a chain of replies may be as long as the box.
Fails never: rubbish in a letter's references makes it a conversation of its own.  # RFC 5256
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """What is known of a letter. `number` is what the answer shall name (UID or sequence number).

    `subject` is the base subject, folded; `reply` says that the subject had a mark of a reply or forward; `sent` is
    in ms, the time of arrival where the letter names none.
    """

    number: int
    sent: int
    subject: str = ""
    reply: bool = False
    id: str = ""
    references: Sequence[str] = ()


class Node:
    """A letter of a thread with what answers it; `leaf` None: it is not in the box, but holds its children together."""

    __slots__ = ("children", "leaf", "parent", "place")

    def __init__(self, leaf: Leaf | None = None, place: int = 0) -> None:
        self.leaf = leaf
        self.place = place  # among the letters searched, for equal times  # RFC 5256 §2.2
        self.parent: Node | None = None
        self.children: list[Node] = []

    @property
    def number(self) -> int:
        """0 for one that is not in the box."""
        return self.leaf.number if self.leaf is not None else 0

    def take(self, child: Node) -> None:
        """Makes `child` its last child."""
        child.parent = self
        self.children.append(child)

    def key(self) -> tuple[int, int]:
        """What siblings are sorted by: of one that is not here, its first child's."""
        node = self
        while node.leaf is None and node.children:
            node = node.children[0]
        return (node.leaf.sent, node.place) if node.leaf is not None else (0, 0)

    def first(self) -> Leaf | None:
        """The letter whose subject speaks for the thread."""
        node = self
        while node.leaf is None and node.children:
            node = node.children[0]
        return node.leaf


def ordered_subject(leaves: Sequence[Leaf]) -> list[Node]:
    """Threads by base subject alone: the first letter, and all others its children. # RFC 5256 §3 ORDEREDSUBJECT"""
    threads: dict[str, list[Node]] = {}
    for place, leaf in enumerate(leaves):
        threads.setdefault(leaf.subject, []).append(Node(leaf, place))
    roots = []
    for nodes in threads.values():
        nodes.sort(key=Node.key)
        root = nodes[0]
        for node in nodes[1:]:
            root.take(node)
        roots.append(root)
    roots.sort(key=Node.key)
    return roots


def references(leaves: Sequence[Leaf]) -> list[Node]:
    """Threads by References and In-Reply-To, then by subject. # RFC 5256 §3 REFERENCES"""
    roots = _pruned(_linked(leaves))
    _sort_children_of_strangers(roots)
    roots.sort(key=Node.key)
    roots = _by_subject(roots)
    _sort_all(roots)
    return roots


def _linked(leaves: Sequence[Leaf]) -> list[Node]:
    """Step 1 and 2: the nodes without a parent, in the order they came to be."""
    known: dict[str, Node] = {}
    own: list[Node] = []
    named: dict[str, Node] = {}
    for place, leaf in enumerate(leaves):
        node = Node(leaf, place)
        own.append(node)
        if leaf.id and leaf.id not in named:  # the first of a name has it, the others go without
            named[leaf.id] = node
    strangers: list[Node] = []
    known.update(named)
    for node in own:
        assert node.leaf is not None  # noqa: S101 # made above, with a leaf each
        before: Node | None = None
        for name in node.leaf.references:
            here = known.get(name)
            if here is None:
                here = known[name] = Node()
                strangers.append(here)
            if before is not None and here.parent is None and not _above(here, before):
                here.parent = before
            before = here
        node.parent = None  # a link made by others' truncated References gives way, even to none
        if before is not None and not _above(node, before):
            node.parent = before
    nodes = [*own, *strangers]
    for node in nodes:
        if node.parent is not None:
            node.parent.children.append(node)
    return [node for node in nodes if node.parent is None]


def _above(node: Node, other: Node) -> bool:
    """Whether `node` is `other` or above it: to hang it below would make a loop."""
    step: Node | None = other
    while step is not None:
        if step is node:
            return True
        step = step.parent
    return False


def _pruned(roots: list[Node]) -> list[Node]:
    """Step 3: those that are not here go, their children take their place; at the root only where there is one."""
    for node in reversed(_preorder(roots)):  # from the leaves up
        kept: list[Node] = []
        for child in node.children:
            if child.leaf is None:
                for grandchild in child.children:
                    grandchild.parent = node
                kept += child.children
            else:
                kept.append(child)
        node.children = kept
    result = []
    for root in roots:
        if root.leaf is not None or len(root.children) > 1:
            result.append(root)
        elif root.children:
            root.children[0].parent = None
            result.append(root.children[0])
    return result


def _preorder(roots: Iterable[Node]) -> list[Node]:
    """Every node, parents before children."""
    stack, found = list(roots), []
    while stack:
        node = stack.pop()
        found.append(node)
        stack += node.children
    return found


def _sort_children_of_strangers(roots: Iterable[Node]) -> None:
    """Step 4: the first child of one that is not here speaks for it."""
    for root in roots:
        if root.leaf is None:
            root.children.sort(key=Node.key)


def _by_subject(roots: list[Node]) -> list[Node]:
    """Step 5: threads of one base subject become one."""
    table: dict[str, Node] = {}
    for root in roots:
        leaf = root.first()
        if leaf is None or not leaf.subject:
            continue
        held = table.get(leaf.subject)
        if held is None or (held.leaf is not None and (root.leaf is None or (held.leaf.reply and not root.leaf.reply))):
            table[leaf.subject] = root
    merged: list[Node] = []
    for root in roots:
        leaf = root.first()
        held = table.get(leaf.subject) if leaf is not None and leaf.subject else None
        if held is None or held is root or leaf is None:
            merged.append(root)
        else:
            _merge(merged, table, leaf.subject, held, root)
    return [root for root in merged if root.parent is None]


def _merge(merged: list[Node], table: dict[str, Node], subject: str, held: Node, root: Node) -> None:
    if root.leaf is None and held.leaf is None:
        for child in root.children:
            held.take(child)
        root.children = []
    elif held.leaf is None or (root.leaf is not None and root.leaf.reply and not held.leaf.reply):
        held.take(root)
    else:
        both = Node()
        both.take(held)
        both.take(root)
        table[subject] = both
        merged.append(both)


def _sort_all(roots: list[Node]) -> None:
    """Step 6: siblings by time, everywhere, the deepest first so that the order above can go by it."""
    for node in reversed(_preorder(roots)):
        node.children.sort(key=Node.key)
    roots.sort(key=Node.key)
