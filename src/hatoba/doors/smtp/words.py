"""The fixed replies of this door, made once.

Said by its verbs.
Never made of anything a client said.
Nothing here fails.
"""

from typing import Final

from hatoba.wire.smtp.reply import Reply

OK: Final = Reply(250, "2.0.0", "Ok")
MAIL_OK: Final = Reply(250, "2.1.0", "Ok")
RCPT_OK: Final = Reply(250, "2.1.5", "Ok")
CHUNK_OK: Final = Reply(250, "2.0.0", "Chunk taken")
GO_AHEAD: Final = Reply(354, "", "End data with <CR><LF>.<CR><LF>")
BYE: Final = Reply(221, "2.0.0", "Bye", then="close")
HELP: Final = Reply(214, "2.0.0", "EHLO, then MAIL FROM, RCPT TO, DATA; STARTTLS and AUTH where EHLO lists them")
VRFY: Final = Reply(252, "2.1.5", "Cannot say, but will take the letter and try")  # RFC 5321 §3.5.3
EXPN: Final = Reply(502, "5.5.1", "EXPN is not available here")

START_TLS: Final = Reply(220, "2.0.0", "Ready to start TLS", then="tls")
NO_TLS_NOW: Final = Reply(454, "4.7.0", "TLS is not available just now")  # RFC 3207 §4

AUTH_REQUIRED: Final = Reply(530, "5.7.0", "Authentication required")  # RFC 4954 §6
AUTH_OK: Final = Reply(235, "2.7.0", "Authentication successful")
AUTH_WRONG: Final = Reply(535, "5.7.8", "Authentication credentials invalid")
AUTH_CANCELLED: Final = Reply(501, "5.7.0", "Authentication cancelled")
AUTH_MALFORMED: Final = Reply(501, "5.5.2", "Malformed authentication message")
AUTH_BUSY: Final = Reply(454, "4.7.0", "Too many logins at the moment, try again later")
AUTH_LOCKED: Final = Reply(454, "4.7.0", "Too many failed logins, try again later")
AUTH_SHUT: Final = Reply(421, "4.7.0", "Too many failed logins from your network, try again later", then="close")
AUTH_UNOFFERED: Final = Reply(504, "5.5.4", "Authentication mechanism is not offered")

TOO_MANY_CONNECTIONS: Final = Reply(421, "4.3.2", "Too many connections here, try again later", then="close")
TOO_MANY_OF_YOURS: Final = Reply(421, "4.7.0", "Too many connections from your network", then="close")
NOT_FOR_YOU: Final = Reply(554, "5.7.1", "This service is not for your network", then="close")
TOO_MANY_COMMANDS: Final = Reply(421, "4.7.0", "Too many commands without a letter", then="close")
TOO_MANY_ERRORS: Final = Reply(421, "4.7.0", "Too many errors", then="close")
SHORT_AT_CONNECT: Final = Reply(421, "4.3.2", "Short of resources, try again later", then="close")
SHORT_AT_MAIL: Final = Reply(452, "4.3.1", "Short of resources, try again later")
STORE_TROUBLE: Final = Reply(451, "4.3.0", "The letter could not be stored, try again later")
EARLY: Final = Reply(554, "5.5.1", "You spoke before the greeting", then="close")
IDLE: Final = Reply(421, "4.4.2", "Idle for too long, closing", then="close")
TOO_LONG: Final = Reply(421, "4.4.2", "The transaction takes too long, closing", then="close")
CLOSING: Final = Reply(421, "4.3.2", "The service is shutting down", then="close")
