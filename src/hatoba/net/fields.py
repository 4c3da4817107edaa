"""fields: header fields that a service asks for by name and value, looked at before anybody puts them in a letter.

Called by rspamd and hook.
Never decides whether they are wanted.
Fails with PeerError on a name that is none and on a value that would break out of its line.
"""

import re

from hatoba.model.status import PeerError, Status

_NAME = re.compile(r"[!-9;-~]{1,76}")
_BREAKS = re.compile(r"(?:\r\n|\r(?!\n)|\n)(?![ \t])|[\x00\x0b\x0c]")
_ENDS = re.compile(r"\r\n|\r|\n")
VALUE_MOST = 65536  # octets; a signature has hundreds
COUNT_MOST = 200


def checked(name: str, value: str) -> tuple[str, str]:
    """The field; its lines joined by CRLF and white space. # RFC 5322 §2.2.3"""
    if not _NAME.fullmatch(name):
        raise PeerError(Status("4.3.0", "a field whose name is none"))
    text = value.strip()
    if _BREAKS.search(text) or len(text) > VALUE_MOST:
        raise PeerError(Status("4.3.0", f"a field {name} that breaks out of its line"))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PeerError(Status("4.3.0", f"a field {name} that is no text")) from None
    return name, "\r\n".join(_ENDS.split(text))
