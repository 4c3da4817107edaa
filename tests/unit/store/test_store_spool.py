"""Letters at rest: every field comes back; a corrupt row or body names its letter and harms no other."""

import asyncio
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.store import blobs, rows, spool, trouble
from hatoba.store.shard import Shard

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ADDRESSES = st.builds(Address, WORDS, WORDS)
ENVELOPES = st.builds(
    Envelope,
    st.none() | ADDRESSES,
    st.lists(st.builds(Recipient, ADDRESSES, WORDS, WORDS), max_size=4).map(tuple),
    smtputf8=st.booleans(),
    envid=WORDS,
    priority=st.integers(-9, 9),
    hold_until=st.integers(0, 1 << 50),
)
LETTERS = st.builds(
    Letter,
    id=st.integers(0, 2**63 - 1),
    accepted=st.integers(0, 1 << 50),
    expires=st.integers(0, 1 << 50),
    envelope=ENVELOPES,
    source=st.builds(Source, WORDS, WORDS),
    size=st.just(3),
    content=st.just(b"abc"),
    dotted=st.booleans(),
    eightbit=st.booleans(),
    message_id=WORDS,
    header_from=WORDS,
    subject=WORDS,
)


@given(letter=LETTERS)
def test_to_row_and_back(letter: Letter) -> None:
    assert spool._made(spool.row(letter, letter.content)) == letter


@pytest.mark.parametrize("engine", ["sqlite"])  # bodies in files
async def test_load(opened: Shard, make: Any) -> None:
    small, large = make.seal(1), make.seal(2, b"x" * 300_000)
    await asyncio.gather(opened.writer.seal(small), opened.writer.seal(large))
    with opened.reader() as reader:
        assert spool.load(reader, 1) == small.letter
        found = spool.load(reader, 2)
        assert found.content is None
        assert found.blob == large.letter.blob == blobs.name(2)
        assert b"".join(spool.chunks(opened.blobs, found, 4096)) == spool.content(opened.blobs, found) == b"x" * 300_000
        bare = spool.load(reader, 1, content=False)
        assert bare.content is None
        assert bare.subject == "日本"
        with pytest.raises(ValueError, match="without its content"):
            spool.content(opened.blobs, bare)
        assert list(spool.chunks(opened.blobs, small.letter, 10)) == [b"Subject: x", b"\r\n\r\nhello\r", b"\n"]
        with pytest.raises(trouble.Gone) as caught:
            spool.load(reader, 3)
        assert caught.value.id == 3


DAMAGES = (
    ("meta", b"{{"),
    ("meta", b"{}"),
    ("meta", b"\xff"),
    ("meta", 5),
    ("body", b"\0"),
    ("body", "text"),
    ("body", None),
)


@pytest.mark.parametrize(("column", "value"), DAMAGES)
async def test_a_corrupt_row_names_its_letter(opened: Shard, engine: str, make: Any, column: str, value: Any) -> None:
    if engine == "postgresql" and not isinstance(value, bytes | None):
        value = b"\0\0"  # only SQLite takes any type in any column
    damage = (
        "UPDATE letter SET meta = ? WHERE id = 2" if column == "meta" else "UPDATE letter SET body = ? WHERE id = 2"
    )
    await asyncio.gather(*(opened.writer.seal(make.seal(number)) for number in (1, 2, 3)))
    await opened.writer.do(lambda tx: tx.run(damage, (value,)))
    with opened.reader() as reader:
        letters, troubles = spool.load_many(reader, [1, 2, 3])
        assert sorted(letters) == [1, 3]
        assert [(type(one), one.id) for one in troubles] == [(trouble.BadRow, 2)]
        with pytest.raises(trouble.BadRow, match="letter 2"):
            spool.load(reader, 2)


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_corrupt_page_is_one_letters_trouble(opened: Shard, make: Any) -> None:
    """Overflow pages of one body overwritten on the disk: its neighbours are still read."""
    path = opened.path
    bodies = {number: bytes([64 + number]) * 4000 for number in (1, 2, 3)}
    await asyncio.gather(*(opened.writer.seal(make.seal(number, body)) for number, body in bodies.items()))
    # made larger than a page, so that it has overflow pages
    big = b"Q" * 40_000
    await opened.writer.do(lambda tx: tx.run("UPDATE letter SET body = ?, size = ? WHERE id = 2", (big, len(big))))
    await asyncio.to_thread(opened.close)
    raw = bytearray(path.read_bytes())
    first = next(at for at in range(0, len(raw), 8192) if raw[at + 4 : at + 8192] == b"Q" * 8188)
    raw[first : first + 4] = (0xFFFFFF).to_bytes(4, "big")  # the chain now leads out of the file
    path.write_bytes(raw)
    with opened.reader() as reader:
        letters, troubles = spool.load_many(reader, [1, 2, 3])
        assert sorted(letters) == [1, 3]
        assert [one.id for one in troubles] == [2]


@pytest.mark.parametrize("engine", ["sqlite"])  # bodies in files
@pytest.mark.parametrize("keep", [None, 10])
async def test_a_missing_or_short_body(opened: Shard, make: Any, keep: int | None) -> None:
    await opened.writer.seal(make.seal(2, b"x" * 5000))
    path = opened.blobs.path / blobs.name(2)
    path.unlink() if keep is None else path.write_bytes(b"x" * keep)
    with opened.reader() as reader:
        letter = spool.load(reader, 2)
    with pytest.raises(trouble.BadRow, match="5000"):
        spool.content(opened.blobs, letter)


@pytest.mark.parametrize("engine", ["sqlite"])  # bodies in files
async def test_bodies_go_with_their_rows(opened: Shard, make: Any) -> None:
    await opened.writer.seal(make.seal(1, b"x" * 5000))
    assert opened.blobs.numbers() == {1}
    await opened.writer.settle(rows.Settle(gone=[1]))
    assert opened.blobs.numbers() == set()


@pytest.mark.parametrize("engine", ["sqlite"])  # bodies in files
async def test_a_draft_becomes_the_body(opened: Shard, make: Any) -> None:
    draft = opened.blobs.draft(1)
    for piece in (b"a" * 3000, b"b" * 3000):
        draft.append(piece)
    seal = make.seal(1, b"a" * 6000)
    seal.letter.content, seal.draft = None, draft
    await opened.writer.seal(seal)
    with opened.reader() as reader:
        assert spool.content(opened.blobs, spool.load(reader, 1)) == b"a" * 3000 + b"b" * 3000
    other = opened.blobs.draft(2)
    other.append(b"x")
    other.discard()
    other.discard()
    forgotten = opened.blobs.draft(3)
    del forgotten
    assert [path.name for path in opened.blobs.path.iterdir()] == [blobs.name(1)]


def test_a_folder_that_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(trouble.StoreTrouble):
        blobs.Folder(tmp_path / "file" / "below")
    folder = blobs.Folder(tmp_path / "gone")
    folder.path.rmdir()
    for act in (folder.numbers, folder.sync, lambda: folder.draft(1), lambda: list(folder.chunks("x", 1))):
        with pytest.raises(trouble.StoreTrouble):
            act()
    assert folder.size("x") == -1
    folder.remove(1)
