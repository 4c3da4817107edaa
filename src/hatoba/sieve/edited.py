"""Edited: a letter with the fields changed that a script added and deleted. # RFC 5293

Called by whoever files a letter or sends it on: each action says in `edits` how its copy is to look.
Never touches the body, nor a field that nobody named.
Fails never.
"""

from collections.abc import Sequence

from hatoba.message import fields, headers
from hatoba.model.edits import FieldEdit


def edited(content: bytes, wanted: Sequence[FieldEdit]) -> bytes:
    """`content` is the letter the script ran over, or its beginning with all of its header."""
    if not wanted:
        return content
    block = headers.scan(content).block
    above, changed = fields.changed(block, wanted)
    rest = content[len(block) :]
    return above + changed + (rest or b"\r\n")
