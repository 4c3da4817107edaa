"""Archives: names and kinds of what lies in them, nests, passwords, and what would burst whoever unpacks it."""

import bz2
import gzip
import lzma
import struct
import tarfile
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.archives import SEVENS, locked_zip, tarred, zipped

from hatoba.message import archive, magic

PROGRAM = b"MZ" + b"x" * 50
NAMES = ["a.exe", "dir/empty.txt", "日本.txt"]


def look(octets: bytes, name: str = "it", limits: archive.Limits | None = None) -> archive.Inside:
    inside = archive.Inside(limits)
    inside.open(octets, magic.kinds(octets), name)
    return inside


def names(inside: archive.Inside) -> list[str]:
    return [file.name for file in inside.files]


def test_a_zip_shows_names_and_kinds() -> None:
    inside = look(zipped({"a.exe": PROGRAM, "日本.txt": b"hello", "dir/": b""}))
    assert names(inside) == ["a.exe", "日本.txt", "dir/"]
    assert inside.files[0].kinds == {"pe", "executable"}
    assert inside.files[1].kinds == set()
    assert inside.findings == {}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_every_way_to_zip_that_is_read(method: int) -> None:
    assert look(zipped({"a": PROGRAM}, method)).files[0].kinds == {"pe", "executable"}


def test_a_zip_packed_in_another_way_has_its_names() -> None:
    inside = look(zipped({"a": PROGRAM}, zipfile.ZIP_LZMA))
    assert names(inside) == ["a"]
    assert "unread" in inside.findings


def test_a_name_in_shift_jis() -> None:
    made = zipped({"xxxx.txt": b""}, zipfile.ZIP_STORED).replace(b"xxxx.txt", "日本.txt".encode("cp932"))
    assert names(look(made)) == ["日本.txt"]


def test_both_names_are_shown_where_they_differ() -> None:
    made = zipped({"a.exe": PROGRAM})
    at = made.index(b"PK\x01\x02") + 46
    assert names(look(made[:at] + b"a.txt" + made[at + 5 :])) == ["a.exe", "a.txt"]


def test_what_the_directory_leaves_out_is_found() -> None:
    hidden, shown = zipped({"hidden.exe": PROGRAM}), zipped({"shown.txt": b"x"})
    local = hidden[: hidden.index(b"PK\x01\x02")]
    assert set(names(look(local + shown))) == {"hidden.exe", "shown.txt"}


def test_a_zip_without_its_directory() -> None:
    made = zipped({"a.exe": PROGRAM})
    assert names(look(made[: made.index(b"PK\x01\x02")])) == ["a.exe"]


def test_a_zip_behind_a_program_keeps_its_files() -> None:
    inside = archive.Inside()
    inside.open(b"MZ" + b"\0" * 500 + zipped({"a.js": b"#!x"}), frozenset({"zip"}), "it")
    assert names(inside) == ["a.js"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_streams(pack) -> None:  # type: ignore[no-untyped-def] # three functions of the standard library
    inside = look(pack(PROGRAM), "a.exe.gz")
    assert inside.files[0].kinds == {"pe", "executable"}
    assert inside.findings == {}


def test_a_gzip_knows_its_name() -> None:
    plain = gzip.compress(PROGRAM)
    named = plain[:3] + bytes((plain[3] | 8,)) + plain[4:10] + b"inner.exe\0" + plain[10:]
    assert names(look(named, "outer.gz")) == ["inner.exe"]
    assert names(look(gzip.compress(b"x"), "outer.gz")) == ["outer"]


def test_members_of_a_gzip_are_one_file() -> None:
    inside = look(gzip.compress(b"M") + gzip.compress(b"Z" + b"x" * 99), "a.gz")
    assert inside.files[0].kinds == {"pe", "executable"}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_in_all_its_forms(form: int) -> None:
    long = "d" * 60 + "/" + "n" * 80 + ".exe"
    inside = look(tarred({long: PROGRAM, "b": b""}, form=form))
    assert names(inside) == [long, "b"]
    assert "executable" in inside.files[0].kinds


@pytest.mark.parametrize("packing", ["lzma2", "lzma", "bzip2", "deflate", "copy", "x86"])
def test_7z(packing: str) -> None:
    inside = look(SEVENS[packing])
    assert sorted(names(inside)) == sorted(NAMES)
    assert next(file for file in inside.files if file.name == "a.exe").kinds == {"pe", "executable"}
    assert inside.findings == {}


def test_7z_in_a_way_that_is_not_read_has_its_names() -> None:
    inside = look(SEVENS["ppmd"])
    assert sorted(names(inside)) == sorted(NAMES)
    assert set(inside.findings) == {"unread"}


def test_passwords_are_seen() -> None:
    for octets, shown in ((locked_zip("a.exe"), ["a.exe"]), (SEVENS["aes"], sorted(NAMES)), (SEVENS["names"], [])):
        inside = look(octets)
        assert set(inside.findings) == {"encrypted"}
        assert sorted(names(inside)) == shown


def test_archives_within_archives() -> None:
    inner = tarred({"deep.exe": PROGRAM}, "w:gz")
    inside = look(zipped({"in.tar.gz": inner}))
    assert names(inside) == ["in.tar.gz", "in.tar.gz/in.tar", "in.tar.gz/in.tar/deep.exe"]
    assert inside.findings == {}


def test_deeper_than_allowed_is_a_bomb() -> None:
    made = zipped({"a.exe": PROGRAM})
    for _ in range(4):
        made = zipped({"next.zip": made})
    inside = look(made)
    assert {"deep", "bomb"} <= set(inside.findings)
    assert not any(name.endswith("a.exe") for name in names(inside))
    assert "bomb" not in look(made, limits=archive.Limits(depth=5)).findings


def test_a_file_that_swells_is_a_bomb() -> None:
    made = zipped({"zeros": b"\0" * (6 << 20)})
    assert {"large", "bomb"} <= set(look(made).findings)
    assert look(made, limits=archive.Limits(ratio=2000)).findings == {}


@pytest.mark.parametrize("pack", ["gzip", "bzip2", "xz", "zip", "7z"])
def test_more_than_may_be_unpacked_is_a_bomb(pack: str) -> None:
    noise = bytes(range(256)) * 16
    made = {
        "gzip": gzip.compress(noise),
        "bzip2": bz2.compress(noise),
        "xz": lzma.compress(noise),
        "zip": zipped({"a": noise}),
        "7z": SEVENS["lzma2"],
    }[pack]
    inside = look(made, limits=archive.Limits(unpacked=40))
    assert "bomb" in inside.findings


def test_the_limit_is_over_all_archives_of_a_letter() -> None:
    inside = archive.Inside(archive.Limits(unpacked=1500))
    for _ in range(2):
        made = zipped({"a": b"x" * 1000})
        inside.open(made, frozenset({"zip"}), "it")
    assert "bomb" in inside.findings


def test_many_files_are_a_bomb() -> None:
    inside = look(zipped({f"{number}": b"" for number in range(30)}), limits=archive.Limits(files=20))
    assert {"many", "bomb"} <= set(inside.findings)
    assert len(inside.files) == 20


def test_files_that_overlap_are_counted_each_time() -> None:
    """One body that many directory entries point to: the bomb that needs no nest."""
    made = zipped({"a": b"\0" * 4000})
    start, end = made.index(b"PK\x01\x02"), made.index(b"PK\x05\x06")
    entries = made[start:end] * 50
    tail = bytearray(made[end:])
    struct.pack_into("<HHI", tail, 8, 50, 50, len(entries))
    inside = look(made[:start] + entries + bytes(tail), limits=archive.Limits(unpacked=100_000))
    assert "bomb" in inside.findings


def test_sealed_archives_are_named() -> None:
    inside = look(b"Rar!\x1a\x07\x01\x00" + b"x" * 50, "a.rar")
    assert inside.findings == {"unread": "a.rar: rar"}


@pytest.mark.parametrize(
    "octets",
    [b"PK\x03\x04rubbish", gzip.compress(b"hello" * 99)[:-20], SEVENS["lzma2"][:80], bz2.compress(b"x")[:20]],
)
def test_broken_archives_are_a_finding(octets: bytes) -> None:
    assert set(look(octets).findings) == {"broken"}


def test_archives_made_to_take_long_do_not() -> None:
    """Each is some megabytes; what they ask for would take minutes."""
    start = time.process_time()
    empty = b"\0\0\0\xff\xff" * 400_000  # deflate blocks that make nothing
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    shared = local + empty + entry * 1900
    shared += struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1900, 1900, len(entry) * 1900, len(local + empty), 0)
    assert "bomb" in look(shared, limits=archive.Limits(unpacked=8 << 20)).findings
    marks = local[:8] + b"\x63\x00" + local[10:]  # packed in a way nobody reads
    assert "broken" in look(zipped({"a": b"x"}) + marks * 100_000 + zipped({"b": b"y"})[-22:]).findings
    assert "broken" in look(_circle()).findings
    assert time.process_time() - start < 10


def _circle() -> bytes:
    """A 7z whose header is packed, unpacks to the same, and so on."""
    inner = b"\x17\x06\x00\x01\x09\x1f\x00\x07\x0b\x01\x00\x01\x01\x00\x0c\x1f\x00\x00" + b"\0" * 13
    head = struct.pack("<6s2BIQQI", b"7z\xbc\xaf\x27\x1c", 0, 4, 0, len(inner), len(inner), 0)
    return head + inner + inner


MADE = [zipped({"a": PROGRAM, "b": b"x" * 300}), tarred({"a": PROGRAM}), gzip.compress(PROGRAM), *SEVENS.values()]


@given(
    made=st.sampled_from(MADE),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 10_000),
)
def test_rubbish_never_escapes(made: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    octets = bytearray(made)
    for at, value in changes:
        octets[at % len(octets)] = value
    octets = octets[: cut % len(octets) + 1]
    for kind in ("zip", "tar", "gzip", "7z"):
        inside = archive.Inside(archive.Limits(unpacked=100_000))
        inside.open(bytes(octets), frozenset({kind}), "it")
        assert set(inside.findings) <= set(archive.FINDINGS)
