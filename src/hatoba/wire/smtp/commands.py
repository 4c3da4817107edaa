"""The commands of an SMTP or LMTP client as values: each holds its octets, made once.

Called by delivery and by the client engine, which sends them.
Never decides which parameter is offered (parameters.py), never waits for a reply.
Fails with ValueError on a value with a CR, LF, NUL or anything else that could end its field: a command cannot be
injected.
"""

import base64
import re
from collections.abc import Sequence

from hatoba.model.address import Address
from hatoba.wire.smtp import outgoing

LINE_OCTETS = 12288  # RFC 4954 §4: the longest line there is

# What may stand in a word, and in a path outside a quoted local part. Octets are checked by stripping all these: what
# is left is empty only if there is no other. That is the quickest test there is; the frequent ones come first.
# RFC 5321 §4.1.2, RFC 6531 §3.3: UTF-8 may stand where SMTPUTF8 was agreed
_FREQUENT = b"etaoinsrhldcumfpgwybvkxjqz.@0123456789-"
_WORD = _FREQUENT + bytes(octet for octet in range(0x21, 0x100) if octet != 0x7F and octet not in _FREQUENT)
_PATH = bytes(octet for octet in _WORD if octet not in b'"(),;<>\\')
_QUOTED = re.compile(rb'"(?:[ !#-\[\]-~\x80-\xff]|\\[ -~])*"@[^@"]+\Z')


class Command:
    """`verb` names it in Answers, `wire` is its line with CRLF, `parts` the octets after the line."""

    __slots__ = ("wire",)
    verb: str = ""
    wire: bytes
    parts: Sequence[bytes] = ()

    def __init__(self) -> None:
        self.wire = self.verb.encode() + b"\r\n"

    @property
    def shown(self) -> str:
        """The line as it may be kept: without its end, without secrets."""
        return self.wire.decode("utf-8", "backslashreplace").rstrip("\r\n")

    def __repr__(self) -> str:
        return f"<{self.shown or self.verb}>"


class _Named(Command):
    """A verb and one word."""

    __slots__ = ()

    def __init__(self, word: str) -> None:
        self.wire = b"%s %s\r\n" % (self.verb.encode(), _word(word))


class Ehlo(_Named):
    """`Ehlo(name)`. # RFC 5321 §4.1.1.1"""

    __slots__ = ()
    verb = "EHLO"


class Helo(_Named):
    """`Helo(name)`. # RFC 5321 §4.1.1.1"""

    __slots__ = ()
    verb = "HELO"


class Lhlo(_Named):
    """`Lhlo(name)`. # RFC 2033 §4.1"""

    __slots__ = ()
    verb = "LHLO"


class Vrfy(_Named):
    """`Vrfy(argument)`. # RFC 5321 §4.1.1.6"""

    __slots__ = ()
    verb = "VRFY"


class StartTls(Command):
    """# RFC 3207 §4"""

    __slots__ = ()
    verb = "STARTTLS"


class DataCommand(Command):
    """# RFC 5321 §4.1.1.4"""

    __slots__ = ()
    verb = "DATA"


class Rset(Command):
    """# RFC 5321 §4.1.1.5"""

    __slots__ = ()
    verb = "RSET"


class Noop(Command):
    """# RFC 5321 §4.1.1.9"""

    __slots__ = ()
    verb = "NOOP"


class Quit(Command):
    """# RFC 5321 §4.1.1.10"""

    __slots__ = ()
    verb = "QUIT"


class MailFrom(Command):
    """`MailFrom(sender, parameters)`; None is the null path. Parameters as `mail_parameters` makes them."""

    __slots__ = ()
    verb = "MAIL"

    def __init__(self, sender: Address | None, parameters: Sequence[str] = ()) -> None:
        tail = b"".join([b" " + _word(word) for word in parameters]) if parameters else b""
        self.wire = b"MAIL FROM:<%s>%s\r\n" % (b"" if sender is None else _path(sender), tail)


class RcptTo(Command):
    """`RcptTo(address, parameters)`. Parameters as `rcpt_parameters` makes them."""

    __slots__ = ()
    verb = "RCPT"

    def __init__(self, recipient: Address, parameters: Sequence[str] = ()) -> None:
        tail = b"".join([b" " + _word(word) for word in parameters]) if parameters else b""
        self.wire = b"RCPT TO:<%s>%s\r\n" % (_path(recipient), tail)


class Content(Command):
    """The whole content and its end, sent after a 354; arguments as of `outgoing.content`."""

    __slots__ = ("parts",)
    verb = "."
    parts: Sequence[bytes]

    def __init__(self, data: bytes, dotted: bool = True, *, vouched: bool = False) -> None:
        self.wire = b""
        self.parts = outgoing.content(data, dotted, vouched=vouched)


class Dot(Command):
    """The end-of-data mark alone, for content that was written piece by piece (`ClientEngine.pieces`)."""

    __slots__ = ()
    verb = "."


class Bdat(Command):
    """`Bdat(data, last)`: a chunk with its octets; its verb is "BDAT", or "BDAT LAST" for the last. # RFC 3030 §2

    A bare CR or LF is refused as in DATA unless `vouched`; BINARYMIME content is what to vouch for.
    """

    __slots__ = ("parts", "verb")
    parts: Sequence[bytes]

    def __init__(self, data: bytes, last: bool, *, vouched: bool = False) -> None:
        if not vouched:
            outgoing.check(data)
        self.verb = "BDAT LAST" if last else "BDAT"
        self.wire = b"BDAT %d LAST\r\n" % len(data) if last else b"BDAT %d\r\n" % len(data)
        self.parts = (data,)


class AuthCommand(Command):
    """`AuthCommand(mechanism, initial)`; `initial` not base64 yet, None when the mechanism has none. # RFC 4954 §4"""

    __slots__ = ("_mechanism",)
    verb = "AUTH"

    def __init__(self, mechanism: str, initial: bytes | None = None) -> None:
        self._mechanism = mechanism
        line = b"AUTH " + _word(mechanism)
        if initial is not None:
            line += b" " + (base64.b64encode(initial) or b"=")
        self.wire = _limited(line)

    @property
    def shown(self) -> str:
        return f"AUTH {self._mechanism}" + (" ***" if self.wire.count(b" ") > 1 else "")


class AuthResponse(Command):
    """The answer to a 334, not base64 yet; None cancels. # RFC 4954 §4"""

    __slots__ = ()
    verb = "AUTH"

    def __init__(self, response: bytes | None) -> None:
        self.wire = _limited(b"*" if response is None else base64.b64encode(response))

    @property
    def shown(self) -> str:
        return "*" if self.wire == b"*\r\n" else "***"


def _limited(line: bytes) -> bytes:
    if len(line) + 2 > LINE_OCTETS:
        raise ValueError(f"an AUTH line has at most {LINE_OCTETS} octets")
    return line + b"\r\n"


def _word(text: str) -> bytes:
    """One word of a command line. ValueError when it is empty or could end the word."""
    octets = text.encode()
    if not octets or octets.strip(_WORD):
        raise ValueError(f"{text!r} cannot stand in a command")
    return octets


def _path(address: Address) -> bytes:
    """The mailbox as it stands between < and >. ValueError when it could end the path."""
    octets = str(address).encode()
    if octets.strip(_PATH) or not octets:
        _check_quoted(octets)
    return octets


def _check_quoted(octets: bytes) -> None:
    """The mailbox must be a whole quoted local part and a plain domain."""
    match = _QUOTED.match(octets)
    if match is None or octets.rpartition(b"@")[2].strip(_PATH):
        raise ValueError(f"{octets!r} cannot stand in a path")
