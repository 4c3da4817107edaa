"""Extensions: the capabilities that a script may require, and what they bring along.

Read by the check, by whoever offers them (ManageSieve's SIEVE capability) and by the user's page.
Never switched on here: a caller may offer fewer to `script.compile`.
Fails never: data alone.
"""

ALWAYS = frozenset({"comparator-i;octet", "comparator-i;ascii-casemap"})  # RFC 5228 §2.7.3

ALL = (
    "fileinto",  # RFC 5228 §4.1
    "envelope",  # RFC 5228 §5.4
    "encoded-character",  # RFC 5228 §2.4.2.4
    "comparator-i;octet",
    "comparator-i;ascii-casemap",
    "comparator-i;ascii-numeric",  # RFC 4790 §9.1
    "comparator-i;unicode-casemap",  # RFC 5051
    "body",  # RFC 5173
    "copy",  # RFC 3894
    "date",  # RFC 5260
    "duplicate",  # RFC 7352
    "editheader",  # RFC 5293
    "enotify",  # RFC 5435, RFC 5436
    "environment",  # RFC 5183
    "ereject",  # RFC 5429
    "extracttext",  # RFC 5703
    "fcc",  # RFC 8580
    "foreverypart",  # RFC 5703
    "ihave",  # RFC 5463
    "imap4flags",  # RFC 5232
    "include",  # RFC 6609
    "index",  # RFC 5260
    "mailbox",  # RFC 5490
    "mailboxid",  # RFC 9042
    "mboxmetadata",  # RFC 5490
    "mime",  # RFC 5703
    "regex",  # draft-ietf-sieve-regex
    "reject",  # RFC 5429
    "relational",  # RFC 5231
    "servermetadata",  # RFC 5490
    "spamtest",  # RFC 5235
    "spamtestplus",  # RFC 5235
    "special-use",  # RFC 8579
    "subaddress",  # RFC 5233
    "vacation",  # RFC 5230
    "vacation-seconds",  # RFC 6131
    "variables",  # RFC 5229
    "virustest",  # RFC 5235
)

OFFERED = tuple(name for name in ALL if name not in ALWAYS)  # as ManageSieve lists them

IMPLIED = {"vacation-seconds": "vacation", "spamtestplus": "spamtest"}  # RFC 6131 §2, RFC 5235 §2.2

GRAMMAR = frozenset({"encoded-character", "variables"})  # change how strings are read: not by ihave  # RFC 5463 §4

TOGETHER = {"extracttext": ("variables", "foreverypart")}  # RFC 5703 §7: useless, so an error, without them
