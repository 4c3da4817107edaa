"""Offer and Limits: what our IMAP server announces, accepts, and bears.

Made by doors.imap from its settings; read by the engine; replaced by the session after TLS or a login.
Never decides who may use what: a thing not offered is refused, an offered one is the session's to judge.
Values cannot fail.
"""

from __future__ import annotations

from typing import Final

import msgspec

EARLY: Final = ("IMAP4rev1", "IMAP4rev2", "SASL-IR", "LITERAL+", "ID", "ENABLE")  # also told before the login
LATE: Final = (
    "IDLE", "NAMESPACE", "UIDPLUS", "MOVE", "CONDSTORE", "QRESYNC", "ESEARCH", "SEARCHRES", "WITHIN", "SORT",
    "SORT=DISPLAY", "ESORT", "THREAD=REFERENCES", "THREAD=ORDEREDSUBJECT", "LIST-EXTENDED", "LIST-STATUS",
    "LIST-MYRIGHTS", "LIST-METADATA", "SPECIAL-USE", "CREATE-SPECIAL-USE", "CHILDREN", "STATUS=SIZE", "UNSELECT",
    "BINARY", "MULTIAPPEND", "CATENATE", "REPLACE", "APPENDLIMIT", "QUOTA", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE",
    "QUOTASET", "ACL", "METADATA", "NOTIFY", "COMPRESS=DEFLATE", "PREVIEW", "OBJECTID", "SAVEDATE",
    "CONTEXT=SEARCH", "CONTEXT=SORT", "PARTIAL", "UIDONLY", "INPROGRESS", "UTF8=ACCEPT", "I18NLEVEL=1",
    "SEARCH=FUZZY", "UNAUTHENTICATE",
)  # fmt: skip
ENABLEABLE: Final = frozenset(("CONDSTORE", "QRESYNC", "UTF8=ACCEPT", "IMAP4REV2", "UIDONLY"))


class Offer(msgspec.Struct, frozen=True):
    """What is in force. `without` are names of EARLY and LATE that are not offered ("THREAD" takes both away).

    Without LITERAL+ there is LITERAL-, which IMAP4rev2 holds anyway.  # RFC 7888 §5
    """

    tls: bool = False  # STARTTLS
    mechanisms: tuple[str, ...] = ()  # of AUTHENTICATE, in capitals
    login: bool = True  # LOGIN is taken; false: LOGINDISABLED
    append_limit: int = 0  # octets of a message: APPENDLIMIT and TOOBIG; 0: none  # RFC 7889
    rights: str = "kxte"  # of RFC 4314 beyond RFC 2086's, for RIGHTS=; "" for none  # RFC 4314 §2.2
    without: frozenset[str] = frozenset()

    def replace(self, **changes: object) -> Offer:
        """The same offer but for these fields."""
        return msgspec.structs.replace(self, **changes)

    def has(self, name: str) -> bool:
        """The capability (any of THREAD= for "THREAD") is offered."""
        return self.tls if name == "STARTTLS" else name not in self.without

    def capabilities(self, authenticated: bool, compressed: bool = False) -> tuple[str, ...]:
        """The names to announce.  # RFC 9051 §7.2.2"""
        told = [name for name in EARLY if name not in self.without]
        if "LITERAL+" in self.without and "LITERAL-" not in self.without:
            told.append("LITERAL-")
        if not authenticated:
            told += ["STARTTLS"] if self.tls else []
            told += [f"AUTH={mechanism}" for mechanism in self.mechanisms]
            return tuple(told if self.login else [*told, "LOGINDISABLED"])
        hidden = self.without | ({"COMPRESS=DEFLATE"} if compressed else frozenset())
        told += [self._written(name) for name in LATE if not {name, name.partition("=")[0]} & hidden]
        if self.rights and "ACL" not in hidden:
            told.append(f"RIGHTS={self.rights}")
        return tuple(told)

    def _written(self, name: str) -> str:
        return f"APPENDLIMIT={self.append_limit}" if name == "APPENDLIMIT" and self.append_limit else name


class Limits(msgspec.Struct, frozen=True):
    """What the engine bears before it refuses; in octets where nothing else is said."""

    command: int = 65536  # a command with its literals, but for messages and values of METADATA
    literal: int = 65536  # one literal of a command
    early_command: int = 16384  # the same before the login
    early_literal: int = 1024
    response: int = 16384  # a line of AUTHENTICATE
    ahead: int = 1 << 20  # input held while an answer is awaited: PeerError
    piece: int = 65536  # the most in a Piece
    faults: int = 20  # so many Malformed end the connection
    early_faults: int = 6  # before the login
