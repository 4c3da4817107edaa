"""Structure: a letter scanned once: its parts, IMAP's texts of it, its sections, its search words.

Called by mailboxes (deposit, fetch, search), by sieve and by migrations.
Never touches the octets of a letter, and never decodes what nobody asked for.
Fails never, on no letter; `binary` alone says that an encoding is unknown.
"""

from hatoba.message.structure.digest import Sort, Summary, Words, summary
from hatoba.message.structure.parts import Mail, Part
from hatoba.message.structure.prose import collated, folded
from hatoba.message.structure.sections import UnknownEncoding, binary, header_fields, part, section
from hatoba.message.structure.table import Row, row, span, unpack
from hatoba.message.structure.tree import scan

__all__ = [
    "Mail", "Part", "Row", "Sort", "Summary", "UnknownEncoding", "Words", "binary", "collated", "folded",
    "header_fields", "part", "row", "scan", "section", "span", "summary", "unpack",
]  # fmt: skip
