"""app.listeners: where LMTP listens; Unix sockets, bound once for all workers and adopted at a restart."""

from pathlib import Path

import pytest

from hatoba.app import checks, listeners
from hatoba.app.config import Loaded
from hatoba.app.listener import Listener
from hatoba.app.settings import Settings
from hatoba.net import listen


def test_lmtp_is_not_for_the_world() -> None:
    assert listeners.addresses(Listener(kind="lmtp", port=24)) == listeners.LOOPBACK
    assert listeners.addresses(Listener(kind="mx", port=25)) == listeners.EVERYWHERE


def test_a_unix_socket_is_shared_by_the_workers_and_adopted(tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'lmtp'}"
    settings = Settings(listener=(Listener(kind="lmtp", port=0, address=(address,)),))
    (bound,) = listeners.bind(settings, 3)
    assert (bound.where, bound.port, len(bound.sockets)) == (address, 0, 1)
    fd = bound.sockets[0].fileno()
    assert listeners.shared_out([bound], 3) == [[(fd, 0)]] * 3
    assert "LMTP" in listeners.describe(settings, bound)
    place = listeners.Place(address, 0, "lmtp", (bound.sockets[0].detach(),))
    assert list(listeners.unbindable(settings, [place])) == []
    ((_, why),) = listeners.unbindable(settings, [])
    assert "another path" in why
    (adopted,) = listeners.bind(settings, 3, [place])
    assert len(adopted.sockets) == 1
    with pytest.raises(listeners.Unbound, match="another path"):
        listeners.bind(settings, 1)
    adopted.sockets[0].close()


@pytest.mark.parametrize(
    ("listener", "key"),
    [
        (Listener(kind="mx", port=0, address=("unix:/run/x",)), "address"),
        (Listener(kind="lmtp", port=24, address=("unix:/run/x",)), "port"),
        (Listener(kind="lmtp", port=0, address=("unix:x",)), "address"),
        (Listener(kind="lmtp", port=24, networks=("192.0.2.1/24",)), "networks"),
    ],
)
def test_what_makes_no_sense_is_said(listener: Listener, key: str) -> None:
    found = [problem.key for problem in checks.problems(Loaded(Settings(listener=(listener,)), {}, ""))]
    assert [name for name in found if name.startswith("listener")] == [f"listener[0].{key}"]


def test_the_family_of_a_socket_tells_its_port() -> None:
    with listen.bind("127.0.0.1", 0) as sock:
        assert listen.port(sock) == sock.getsockname()[1]
