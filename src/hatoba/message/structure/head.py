"""Head: a header block cut into named fields in one pass, as the scan of a letter needs them.

Called by the scan for each part and by the section readers.
Never decodes a value; never reads more than HEAD_MOST octets of one block.
Fails never: a line that is no field is passed over.
"""

import re

HEAD_MOST = 262_144  # octets of one header block that are read for fields; what is behind stays in the sections
# A value ends before a line end that no white space follows.  # RFC 5322 §2.2.3
_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:((?:[^\n]*+\n[ \t])*+[^\n]*+)", re.MULTILINE)

Fields = dict[bytes, list[bytes]]


def fields(raw: bytes, start: int, end: int) -> Fields:
    """Lower-case names to unfolded values, top to bottom, of the block raw[start:end]."""
    found: Fields = {}
    for name, value in _FIELD.findall(raw[start : min(end, start + HEAD_MOST)]):
        line = value.strip()
        if b"\n" in line:
            line = line.replace(b"\r\n", b"").replace(b"\n", b"")
        found.setdefault(name.lower(), []).append(line)
    return found


def first(found: Fields, name: bytes) -> bytes:
    """The first value of that name; b"" for none."""
    values = found.get(name)
    return values[0] if values else b""
