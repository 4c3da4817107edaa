"""The IMAP dialogue as tables: which command each state takes, and the state after it was answered.

Read by wire.imap.server.
Never parses and never answers.
`why` names the answer to a command out of place; the tables themselves cannot fail.  # RFC 9051 §3
"""

from __future__ import annotations

from typing import Final

GREETED: Final = "not authenticated"
AUTHENTICATED: Final = "authenticated"
SELECTED: Final = "selected"
LOGOUT: Final = "logout"

ANY: Final = frozenset(("CAPABILITY", "NOOP", "LOGOUT", "ID"))
_GREETED = ANY | {"STARTTLS", "AUTHENTICATE", "LOGIN"}
_AUTHENTICATED = ANY | frozenset(
    [
        "ENABLE",
        "SELECT",
        "EXAMINE",
        "CREATE",
        "DELETE",
        "RENAME",
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "LIST",
        "LSUB",
        "NAMESPACE",
        "STATUS",
        "APPEND",
        "IDLE",
        "NOTIFY",
        "COMPRESS",
        "UNAUTHENTICATE",
        "GETQUOTA",
        "GETQUOTAROOT",
        "SETQUOTA",
        "GETACL",
        "SETACL",
        "DELETEACL",
        "LISTRIGHTS",
        "MYRIGHTS",
        "GETMETADATA",
        "SETMETADATA",
        "CANCELUPDATE",
    ]
)
_SELECTED = _AUTHENTICATED | frozenset(
    ["CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "SEARCH", "SORT", "THREAD", "FETCH", "STORE", "COPY", "MOVE", "REPLACE"]
)
_BY_UID = frozenset(
    f"UID {verb}" for verb in ["EXPUNGE", "SEARCH", "SORT", "THREAD", "FETCH", "STORE", "COPY", "MOVE", "REPLACE"]
)

TAKES: Final[dict[str, frozenset[str]]] = {
    GREETED: _GREETED,
    AUTHENTICATED: _AUTHENTICATED,
    SELECTED: _SELECTED | _BY_UID,
    LOGOUT: frozenset(),
}
VERBS: Final = _GREETED | _SELECTED | _BY_UID

# verb → the state after OK; what is missing stays where it is
AFTER_OK: Final[dict[str, str]] = {
    "LOGIN": AUTHENTICATED,
    "AUTHENTICATE": AUTHENTICATED,
    "SELECT": SELECTED,
    "EXAMINE": SELECTED,
    "CLOSE": AUTHENTICATED,
    "UNSELECT": AUTHENTICATED,
    "UNAUTHENTICATE": GREETED,
    "LOGOUT": LOGOUT,
}
# verb → the state after NO: a SELECT that failed has left the mailbox that was open  # RFC 9051 §6.3.2
AFTER_NO: Final[dict[str, str]] = {"SELECT": AUTHENTICATED, "EXAMINE": AUTHENTICATED}

# What speaks of message numbers, which a client that has enabled UIDONLY may not  # RFC 9586 §3.2
NUMBERED: Final = frozenset(["FETCH", "STORE", "COPY", "MOVE", "SEARCH", "SORT", "THREAD", "REPLACE"])

# verb → the capability that must be offered for it
NEEDS: Final[dict[str, str]] = {
    "STARTTLS": "STARTTLS", "ID": "ID", "ENABLE": "ENABLE", "NAMESPACE": "NAMESPACE", "IDLE": "IDLE",
    "NOTIFY": "NOTIFY", "COMPRESS": "COMPRESS=DEFLATE", "UNAUTHENTICATE": "UNAUTHENTICATE",
    "GETQUOTA": "QUOTA", "GETQUOTAROOT": "QUOTA", "SETQUOTA": "QUOTASET",
    "GETACL": "ACL", "SETACL": "ACL", "DELETEACL": "ACL", "LISTRIGHTS": "ACL", "MYRIGHTS": "ACL",
    "GETMETADATA": "METADATA", "SETMETADATA": "METADATA", "CANCELUPDATE": "CONTEXT=SEARCH",
    "UNSELECT": "UNSELECT", "SORT": "SORT", "UID SORT": "SORT", "THREAD": "THREAD", "UID THREAD": "THREAD",
    "MOVE": "MOVE", "UID MOVE": "MOVE", "UID EXPUNGE": "UIDPLUS", "REPLACE": "REPLACE", "UID REPLACE": "REPLACE",
}  # fmt: skip


def why(state: str, verb: str) -> str:
    """What is said to a command that exists and has no place in this state."""
    if verb in _GREETED - ANY:
        return f"{verb} is for before the login" if state != LOGOUT else "The connection is ending"
    return "Log in first" if state == GREETED else "Select a mailbox first"


class Dialogue:
    """Where one dialogue stands: its state, and what was enabled (names in capitals)."""

    __slots__ = ("compressed", "enabled", "state")

    def __init__(self) -> None:
        self.compressed = False
        self.begin()

    def begin(self) -> None:
        """As before the login; what is deflated stays so."""
        self.state = GREETED
        self.enabled: set[str] = set()

    @property
    def utf8(self) -> bool:
        """Names and quoted strings are UTF-8.  # RFC 6855 §3, RFC 9051 §4.3"""
        return "UTF8=ACCEPT" in self.enabled or "IMAP4REV2" in self.enabled

    def move(self, verb: str, status: str) -> None:
        """`verb` was answered with `status`."""
        table = AFTER_OK if status == "OK" else AFTER_NO if status == "NO" else {}
        if verb == "UNAUTHENTICATE" and status == "OK":
            self.begin()  # RFC 8437 §3: as if nobody had ever logged in
        self.state = table.get(verb, self.state)

    def enable(self, names: tuple[str, ...]) -> None:
        """# RFC 5161; QRESYNC brings CONDSTORE.  # RFC 7162 §3.2.3"""
        self.enabled.update(names)
        if "QRESYNC" in names:
            self.enabled.add("CONDSTORE")
