"""No letter of the shared collections breaks what hatoba keeps of it, and a client can read all that it is told."""

from pathlib import Path

import pytest
from tests.support import imap_lists

from hatoba.message import structure

LARGEST = 1 << 20  # octets of a letter that is tried


@pytest.mark.parametrize("area", ["mime", "corpora"])
def test_every_letter(area: str, shared: Path) -> None:
    tried = 0
    for path in sorted((shared / "vectors" / area / "data").rglob("*")):
        if path.suffix == ".json" or not path.is_file() or path.stat().st_size > LARGEST:
            continue
        raw = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        found = structure.summary(raw)
        imap_lists.check(found)
        for row in structure.unpack(found.offsets):
            assert row.head <= row.body <= row.end <= len(raw)
        assert structure.section(raw, found.offsets) == raw
        tried += 1
    assert tried > 300
