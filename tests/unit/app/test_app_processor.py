"""The hint to OpenSSL: for the processors it helps, and for no others."""

from pathlib import Path

import pytest

from hatoba.app import processor

AMD = (
    "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\nflags\t\t: fpu sse {flags}\n\nprocessor\t: 1\n"
)
HINT = {"OPENSSL_ia32cap": ":~0x80000"}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (AMD.format(flags="avx2 bmi2 adx"), HINT),
        (AMD.format(flags="avx2 bmi2"), {}),
        (AMD.format(flags="adx avx2 avx512f avx512ifma"), {}),
        (AMD.format(flags="adx avx2").replace("AuthenticAMD", "GenuineIntel"), {}),
        ("processor\t: 0\nFeatures\t: fp asimd\n", {}),
        ("", {}),
    ],
)
def test_hints(tmp_path: Path, text: str, hint: dict[str, str]) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert processor.hints({}, path) == hint
    assert processor.hints({"OPENSSL_ia32cap": "x"}, path) == {}


def test_no_processor_at_all(tmp_path: Path) -> None:
    assert processor.hints({}, tmp_path / "missing") == {}
