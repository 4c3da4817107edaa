"""Where things lie: private to their owner, and nothing made before `prepare`."""

from pathlib import Path

import pytest

from hatoba.app import places


def test_directories_are_the_owners_alone(tmp_path: Path) -> None:
    found = places.Places(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    found.prepare()
    found.prepare()
    for path in (found.data, found.run, found.tls, found.mail):
        assert path.stat().st_mode & 0o777 == 0o700


def test_control_sockets_in_order(tmp_path: Path) -> None:
    found = places.Places(tmp_path)
    found.prepare()
    assert found.controls() == []
    for worker in (0, 1, 2, 10):
        found.control(worker).touch()
    found.pid.touch()
    assert [path.name for path in found.controls()] == [
        "worker-0.sock", "worker-1.sock", "worker-2.sock", "worker-10.sock",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("uid", "base", "wanted"),
    [
        (0, "/elsewhere", "/var/lib/hatoba"),
        (1000, "/elsewhere", "/elsewhere/hatoba"),
        (1000, "", "/home/u/.local/share/hatoba"),
    ],
)
def test_the_default_data_directory(monkeypatch: pytest.MonkeyPatch, uid: int, base: str, wanted: str) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setenv("XDG_DATA_HOME", base)
    assert places.default_data() == Path(wanted)
