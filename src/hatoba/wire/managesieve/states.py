"""The ManageSieve dialogue as one table: state → verb → the state after OK.

Read by wire.managesieve.server.
Never parses and never answers: a verb that is missing from its state's row is out of sequence.
`why` names the fault for it; the tables themselves cannot fail.  # RFC 5804 §2
"""

from typing import Final

from hatoba.wire.managesieve import faults
from hatoba.wire.managesieve.events import Malformed

NON_AUTHENTICATED: Final = "NON-AUTHENTICATED"
AUTHENTICATED: Final = "AUTHENTICATED"
OVER: Final = "OVER"

NEXT: Final[dict[str, dict[str, str]]] = {
    NON_AUTHENTICATED: {
        "AUTHENTICATE": AUTHENTICATED, "STARTTLS": NON_AUTHENTICATED, "CAPABILITY": NON_AUTHENTICATED,
        "NOOP": NON_AUTHENTICATED, "LOGOUT": OVER,
    },
    AUTHENTICATED: dict.fromkeys(
        (
            "CAPABILITY", "NOOP", "HAVESPACE", "PUTSCRIPT", "CHECKSCRIPT", "LISTSCRIPTS", "SETACTIVE", "GETSCRIPT",
            "DELETESCRIPT", "RENAMESCRIPT",
        ),
        AUTHENTICATED,
    )
    | {"UNAUTHENTICATE": NON_AUTHENTICATED, "LOGOUT": OVER},
}  # fmt: skip
VERBS: Final = frozenset(verb for row in NEXT.values() for verb in row)


def why(state: str) -> Malformed:
    """The fault of a verb that has no place in this state."""
    return faults.LOGGED_IN if state == AUTHENTICATED else faults.LOG_IN
