"""The scripts of tests/dialogue/smtp over a socket, against a whole mx or lmtp door: pump, session, intake, directory.

Those that need AUTH in plaintext have no such door; they are played against the bare engine only.
"""

import shutil
from pathlib import Path

import pytest
from tests.dialogue import script
from tests.support import smtp_site
from tests.support.loops import LOOPS, run

from hatoba.net import tls

SCRIPTS = [path for path in script.paths() if "auth" not in script.read(path).needs]

# Where this door's policy says other than a session without one: a list is never told (RFC 5321 §7.3).
OURS = {("syntax", "EXPN list"): "502"}


@pytest.fixture(scope="module")
def dialogue_data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Path, Path]]:
    base = tmp_path_factory.mktemp("dialogue")
    return smtp_site.prepare(base / "data"), tls.self_signed(base / "tls", ["mx.example.org"])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_over_a_socket(
    loop: str, path: Path, dialogue_data: tuple[Path, tuple[Path, Path]], tmp_path: Path
) -> None:
    prepared, certificate = dialogue_data
    played = script.read(path)
    shutil.copytree(prepared, tmp_path / "data")
    site = smtp_site.Site(tmp_path / "data", certificate)
    size = int(played.needs.get("size", 1_000_000))
    house = site.house(intake={"size": size}, tls="tls" in played.needs)
    fronts = ("127.0.0.1",) if "xclient" in played.needs else ()
    kind = "lmtp" if "lmtp" in played.needs else "mx"

    async def main() -> None:
        async with site.door(kind, house, xclient_networks=fronts) as door, smtp_site.connected(door.port) as client:
            await client.reply()
            lines: list[str] = []
            ours = ""
            for step in played.steps:
                if step.kind == "send":
                    client.writer.write(step.data)
                    ours = OURS.get((played.name, step.data.decode("latin-1").strip()), "")
                    continue
                if step.kind == "closed":
                    assert await client.ended()
                    continue
                if step.kind == "reply":
                    lines = (await client.reply()).split("\n")
                if ours:
                    assert lines[-1].startswith(ours)
                else:
                    assert script.differs(step, lines) == ""

    try:
        run(loop, main())
    finally:
        site.close()
