"""Where each key stands: every key that tomllib finds has its line, and the line is the one it was written on."""

import string
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hatoba.app import toml_lines

FILE = '''hostname = "mail.example.com"  # a comment = no key
queue.expire = "5d"

[delivery]
 "timeout" = "5m"
source . ip = "192.0.2.1"

[[listener]]
kind = "mx"
port = 25
[[ listener ]]  # the second
kind = "submission"

[tls]
certificate = """
[dns]
timeout = 3
"""
key = '/etc/k.pem'
'''


def test_a_file_as_people_write_it() -> None:
    assert toml_lines.places(FILE) == {
        "hostname": 1,
        "queue.expire": 2,
        "delivery": 4,
        "delivery.timeout": 5,
        "delivery.source.ip": 6,
        "listener[0]": 8,
        "listener[0].kind": 9,
        "listener[0].port": 10,
        "listener[1]": 11,
        "listener[1].kind": 12,
        "tls": 14,
        "tls.certificate": 15,
        "tls.key": 19,
    }


def test_a_table_below_an_array_of_tables_belongs_to_its_last_element() -> None:
    text = "[[route]]\nto = 1\n[[route]]\n[route.tls]\nverify = true\n[[route.host]]\nname = 2\n[other]\nx = 1\n"
    assert tomllib.loads(text)["route"][1]["tls"] == {"verify": True}
    found = toml_lines.places(text)
    assert (found["route[1].tls"], found["route[1].tls.verify"], found["route[1].host[0].name"]) == (4, 5, 7)
    assert found["other.x"] == 9


def test_text_over_several_lines_holds_no_keys() -> None:
    text = 'a = \'\'\'\n[b]\nc = 1\n\'\'\'\nd = [\n  "e = 1",\n]\nf = """one line"""\ng = 1\n'
    assert toml_lines.places(text) == {"a": 1, "d": 5, "f": 8, "g": 9}


NAMES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
VALUES = st.integers() | st.booleans() | st.text(string.printable.replace("\x0b", "").replace("\x0c", ""), max_size=20)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = "".join(c if c.isalnum() or c == " " else f"\\u{ord(c):04x}" for c in value)
        return f'"{escaped}"'
    return str(value)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=4), st.integers(0, 3))
def test_every_key_has_its_own_line(tables: dict[str, dict[str, Any]], blank: int) -> None:
    lines: list[str] = []
    wanted: dict[str, int] = {}
    for name, table in tables.items():
        lines += [""] * blank + [f"[{name}]"]
        wanted[name] = len(lines)
        for key, value in table.items():
            lines.append(f"  {key} = {_written(value)}")
            wanted[f"{name}.{key}"] = len(lines)
    text = "\n".join(lines)
    assert tomllib.loads(text) == tables
    assert toml_lines.places(text) == wanted
