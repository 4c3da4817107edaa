"""Zone form: records as lines of a zone file that any name server or provider takes (RFC 1035 §5).

Called by the command line and by expected.
Never judges a record.
Fails never: any text has a form.
"""

from collections.abc import Iterable

STRING = 255  # octets of one string of a TXT record  # RFC 1035 §3.3
_WIDTH = 4


def strings(text: bytes) -> list[bytes]:
    """A TXT record's text in the strings that carry it; verifiers join them without anything between."""
    return [text[at : at + STRING] for at in range(0, len(text), STRING)] or [b""]


def quoted(text: bytes) -> str:
    """One string as a zone file writes it: quotes and backslashes escaped, other octets as three decimal digits."""
    escaped = "".join(
        f"\\{chr(octet)}" if octet in b'"\\' else chr(octet) if 32 <= octet < 127 else f"\\{octet:03d}"
        for octet in text
    )
    return f'"{escaped}"'


def txt_data(text: str | bytes) -> str:
    """The data of a TXT record."""
    octets = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return " ".join(quoted(part) for part in strings(octets))


def line(name: str, rtype: str, data: str, ttl: int = 3600) -> str:
    """One record, its name absolute."""
    return f"{name}. {ttl} IN {rtype} {data}"


def txt(name: str, text: str | bytes, ttl: int = 3600) -> str:
    """A TXT record; a long one on several lines, within brackets."""
    parts = [quoted(part) for part in strings(text.encode() if isinstance(text, str) else text)]
    if len(parts) == 1:
        return line(name, "TXT", parts[0], ttl)
    inner = "".join(f"\n{' ' * _WIDTH}{part}" for part in parts)
    return line(name, "TXT", f"({inner} )", ttl)


def joined(lines: Iterable[str]) -> str:
    """The lines as one text."""
    return "".join(f"{each}\n" for each in lines)
