"""The fixed replies of this door, made once.

Said by its verbs.
Never made of anything a client said.
Nothing here fails.
"""

from typing import Final

from hatoba.wire.managesieve.reply import Reply

OK: Final = Reply("OK", "Done")
READY: Final = Reply("OK", "ManageSieve ready")
SECURED: Final = Reply("OK", "TLS stands")
BYE: Final = Reply("OK", "Bye", then="close")
IN: Final = Reply("OK", "Logged in")
OUT: Final = Reply("OK", "Nobody is logged in now")
START_TLS: Final = Reply("OK", "Begin TLS", then="tls")
NO_TLS_NOW: Final = Reply("NO", "TLS is not available just now", "TRYLATER")

WRONG: Final = Reply("NO", "Authentication failed")
LOCKED: Final = Reply("NO", "Too many failed logins, try again later", "TRYLATER")
BUSY: Final = Reply("NO", "Too many logins at the moment, try again later", "TRYLATER")
MALFORMED: Final = Reply("NO", "Malformed authentication response")
CANCELLED: Final = Reply("NO", "Authentication cancelled")
UNOFFERED: Final = Reply("NO", "Log in under TLS, with a mechanism that is offered", "ENCRYPT-NEEDED")
SHUT: Final = Reply("BYE", "Too many failed logins from your network, try again later", "TRYLATER")

NONE: Final = Reply("NO", "There is no script of that name", "NONEXISTENT")
THERE: Final = Reply("NO", "There is a script of that name already", "ALREADYEXISTS")
ACTIVE: Final = Reply("NO", "The active script cannot be deleted", "ACTIVE")
TROUBLE: Final = Reply("NO", "The scripts cannot be reached just now, try again later", "TRYLATER")

SHORT: Final = Reply("BYE", "Short of resources, try again later", "TRYLATER")
TOO_MANY: Final = Reply("BYE", "Too many connections, try again later", "TRYLATER")
TOO_MANY_ERRORS: Final = Reply("BYE", "Too many errors")
IDLE: Final = Reply("BYE", "Idle for too long", "TRYLATER")
SHUTDOWN: Final = Reply("BYE", "The service is shutting down", "TRYLATER")
