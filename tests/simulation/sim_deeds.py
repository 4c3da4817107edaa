"""Deeds: what can happen in a history, one value each, and how it is done in the world.

Drawn by `plan` from the seed, with all their arguments: a deed left out changes none of the others.
Never waits for what it starts, but for a restart: the next deed comes while the last one is still going on.
Fails with Broken, as the world does.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any

import msgspec
from tests.simulation import sim_disk, sim_peers
from tests.simulation.sim_world import World

from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.queue.choice import Choice
from hatoba.store import trouble

NOTIFY = ("", "", "", "NEVER", "SUCCESS", "SUCCESS,FAILURE,DELAY", "FAILURE")
PAUSES = (0.0, 0.0, 0.001, 0.01, 0.05, 0.3, 2.0, 10.0, 40.0)
DAY = 86_400_000


class Deed(msgspec.Struct, frozen=True):
    """`verb` is a function of VERBS, `pause` the seconds until the next deed."""

    verb: str
    arguments: tuple[Any, ...]
    pause: float

    def __str__(self) -> str:
        return f"{self.verb}{self.arguments!r} then {self.pause:g} s"


def plan(draw: Random, length: int) -> list[Deed]:
    """A history's deeds."""
    verbs, weights = zip(*((name, weight) for name, (weight, _, _) in VERBS.items()), strict=True)
    deeds = []
    for number in range(length):
        verb = "letters" if number == 0 else draw.choices(verbs, weights)[0]
        deeds.append(Deed(verb, VERBS[verb][1](draw), draw.choice(PAUSES)))
    return deeds


def do(world: World, deed: Deed) -> None:
    """Does it, and lets the pause pass."""
    world.say(f"== {deed}")
    VERBS[deed.verb][2](world, *deed.arguments)
    world.pass_(deed.pause)


# letters


def _letters(draw: Random) -> tuple[Any, ...]:
    letters = []
    for _ in range(draw.choice((1, 1, 2, 5))):
        count = draw.choice((1, 1, 1, 2, 3, 6))
        to = tuple((draw.choice(list(sim_peers.DOMAINS)), draw.choice(NOTIFY)) for _ in range(count))
        sender = draw.choice((None, "a.example", "a.example", "b.example", "lost.example", "slow.example"))
        hold = draw.choice((0, 0, 0, 0, 5, 50))
        by = draw.choice(("", "", "", "", "R", "N"))
        size = draw.choice((200, 200, 200, 5000, -5000))  # negative: through a draft
        cancel = draw.choice((0.0,) * 9 + (0.0007,))
        letters.append((to, sender, draw.choice((0, 0, 0, 4, -4)), hold, by, size, cancel))
    return tuple(letters)


def _send(world: World, *letters: tuple[Any, ...]) -> None:
    for to, sender, priority, hold, by, size, cancel in letters:
        number, now = world.new_id(), world.wall()
        recipients = tuple(
            Recipient(Address(f"u{n}.{number}", domain), notify) for n, (domain, notify) in enumerate(to)
        )
        envelope = Envelope(
            None if sender is None else Address("sender", sender),
            recipients,
            priority=priority,
            hold_until=now + hold * 1000 if hold else 0,
            deliver_by=now + 30_000 if by else 0,
            by_mode=by,
        )
        content = b"Subject: %d\r\n\r\n" % number
        content += b"x" * (abs(size) - len(content))
        letter = Letter(number, now, 0, envelope, Source("mx"), len(content), content if size > 0 else None)
        world.p.loop.call_soon(world.send, letter, content if size < 0 else None, cancel)


# orders


def _choice(draw: Random) -> tuple[Any, ...]:
    kind = draw.choice(("everything", "site", "domain", "letter", "sender"))
    value: Any = {
        "everything": True,
        "site": draw.choice(list(sim_peers.SITES)),
        "domain": draw.choice(list(sim_peers.DOMAINS)),
        "letter": draw.randrange(1001, 1020),
        "sender": draw.choice(("<>", "sender@a.example", "sender@b.example")),
    }[kind]
    return (kind, value)


def _order(world: World, verb: str, kind: str, value: Any) -> None:
    choice = Choice(**{kind: value})
    admin = world.p.queue.admin
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "hold": lambda: admin.hold(choice, "sim"),
        "release": lambda: admin.release(choice, "sim"),
        "retry": lambda: admin.retry(choice, "sim"),
        "drop": lambda: admin.drop(choice, "sim"),
        "bounce": lambda: admin.drop(choice, "sim", tell=True),
        "hold_filter": lambda: admin.hold_filter(f"{kind} {value}", choice, "sim"),
        "release_filter": lambda: admin.release_filter(f"{kind} {value}", "sim"),
        "hold_lane": lambda: admin.hold_lane(value, "sim"),
        "release_lane": lambda: admin.release_lane(value, "sim"),
    }
    meant = world.meant(choice)
    if verb in ("release", "retry", "release_filter", "release_lane"):
        _let_go(world, verb, value)
    _run(world, partial(_ordered, world, verb, value, meant), calls[verb])


def _let_go(world: World, verb: str, value: Any) -> None:
    world.freed = world.wall()
    if verb != "retry":
        world.stopped.clear()
        world.epoch += 1
    if verb == "release_lane":
        world.held_lanes.discard(value)


def _run(world: World, then: Callable[[], None], call: Callable[[], Awaitable[Any]]) -> None:
    """An order, started; `then` when it was carried out. The disk may refuse it, and there may be no such filter."""
    epoch, process = world.epoch, world.p

    async def work() -> None:
        try:
            await call()
        except (trouble.StoreTrouble, ValueError) as error:
            world.say(f"order failed: {error}")
        else:
            if world.epoch == epoch and process is world.p and process.up:
                then()

    world.p.loop.create_task(work())


def _ordered(world: World, verb: str, value: Any, meant: set[sim_peers.Key]) -> None:
    world.say(f"{verb} {value} done")
    if verb == "hold_lane":
        world.held_lanes.add(value)
    if verb in ("release", "retry", "release_filter", "release_lane"):
        _let_go(world, verb, value)
    else:
        world.obeyed("drop" if verb in ("drop", "bounce") else "hold", meant)


def _verb(name: str, *, lane: bool = False) -> tuple[Callable[[Random], tuple[Any, ...]], Callable[..., None]]:
    def draws(draw: Random) -> tuple[Any, ...]:
        return ("site", draw.choice(list(sim_peers.SITES))) if lane else _choice(draw)

    def does(world: World, kind: str, value: Any) -> None:
        _order(world, name, kind, value)

    return draws, does


# the world


def _crash(world: World) -> None:
    world.crash()


def _crash_in(world: World, steps: int) -> None:
    world.disk.crash_in = steps


def _restart(world: World, grace: float) -> None:
    world.restart(grace)


def _disk(world: World, mode: str) -> None:
    world.disk.mode = mode


def _host(world: World, site: str, mode: str) -> None:
    world.hosts.modes[site] = mode


def _dns(world: World, well: bool) -> None:
    world.hosts.dns = well


def _clock(world: World, by: int) -> None:
    world.offset += by
    world.jumped = True


def _pass(world: World, seconds: float) -> None:
    world.pass_(seconds)


Verb = tuple[int, Callable[[Random], tuple[Any, ...]], Callable[..., None]]

VERBS: dict[str, Verb] = {
    "letters": (20, _letters, _send),
    "hold": (2, *_verb("hold")),
    "release": (3, *_verb("release")),
    "retry": (2, *_verb("retry")),
    "drop": (1, *_verb("drop")),
    "bounce": (1, *_verb("bounce")),
    "hold_filter": (1, *_verb("hold_filter")),
    "release_filter": (1, *_verb("release_filter")),
    "hold_lane": (1, *_verb("hold_lane", lane=True)),
    "release_lane": (1, *_verb("release_lane", lane=True)),
    "crash": (2, lambda draw: (), _crash),
    "crash_in": (3, lambda draw: (draw.randint(1, 40),), _crash_in),
    "restart": (2, lambda draw: (draw.choice((0.0, 1.0, 20.0)),), _restart),
    "disk": (4, lambda draw: (draw.choice((sim_disk.WELL, *sim_disk.MODES)),), _disk),
    "host": (6, lambda draw: (draw.choice(list(sim_peers.SITES)), draw.choice(sim_peers.MODES)), _host),
    "dns": (1, lambda draw: (draw.random() < 0.5,), _dns),
    "clock": (1, lambda draw: (draw.choice((-DAY, -60_000, -3_000, 3_000, 60_000, DAY)),), _clock),
    "pass": (4, lambda draw: (draw.choice((5.0, 30.0, 100.0)),), _pass),
}
