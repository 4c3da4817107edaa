"""The words that rows of tallies and reports go by.

Read by every module of this room and by the command line.
Never holds anything else.
Fails never.
"""

DMARC, TLS, COMPLAINT, FAILURE = "dmarc", "tls", "complaint", "failure"
RECEIVED = (DMARC, TLS, COMPLAINT, FAILURE)
DUE = {DMARC: "dmarc-due", TLS: "tls-due"}  # to be sent
SENT = {DMARC: "dmarc-sent", TLS: "tls-sent"}  # sent, or given up
MADE = {**{due: kind for kind, due in DUE.items()}, **{sent: kind for kind, sent in SENT.items()}}
ALL = (*RECEIVED, *DUE.values(), *SENT.values())
REST = "rest"  # the key of the tally row that only counts
