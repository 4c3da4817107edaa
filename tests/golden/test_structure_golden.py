"""What hatoba says of letters: ENVELOPE, BODYSTRUCTURE, the table of sections, search words. Read before you update."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hatoba.message import structure

HERE = Path(__file__).parent / "structure"


@pytest.mark.parametrize("name", sorted(path.stem for path in HERE.glob("*.eml")))
def test_structure(name: str, golden: Callable[[Path, bytes], None]) -> None:
    raw = (HERE / f"{name}.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    found = structure.summary(raw)
    lines = [
        "ENVELOPE " + found.envelope.decode(),
        "BODY " + found.body.decode(),
        "BODYSTRUCTURE " + found.structure.decode(),
        *(
            f"[{row.number}] {row.media} {row.encoding} {row.charset or '-'} "
            f"{row.head} {row.body} {row.end} {row.inner}"
            for row in structure.unpack(found.offsets)
        ),
        *(f"{key} = {getattr(found.sort, key)!r}" for key in found.sort.__struct_fields__),
        f"id {found.message_id} references {found.references} attachments {found.attachments}",
        f"preview {found.preview!r}",
        found.words.head,
        found.words.body,
    ]
    golden(HERE / f"{name}.txt", ("\n".join(lines).replace("\r\n", "\\r\\n\n") + "\n").encode())
