"""The milter protocol's words: letters of commands and replies, flags, stages, sizes, the macros of each stage.

Read by commands, replies, states and client.
Never changes; no logic beyond a table.
Nothing here fails.

Source: libmilter's mfapi.h and mfdef.h as shipped with sendmail 8.14 and later (SMFIC_, SMFIR_, SMFIF_, SMFIP_).
"""

import enum

VERSION = 6
VERSION_LEAST = 2
PACKET_MOST = 1 << 20  # octets of a packet without its length, in either direction
CHANGES_MOST = 2000  # changes a filter may ask for in one letter, pieces of a new body not counted


class Action(enum.IntFlag):
    """What a filter may change at the end of a letter (SMFIF_)."""

    ADD_HEADER = 0x001
    CHANGE_BODY = 0x002
    ADD_RECIPIENT = 0x004
    DELETE_RECIPIENT = 0x008
    CHANGE_HEADER = 0x010
    QUARANTINE = 0x020
    CHANGE_SENDER = 0x040
    ADD_RECIPIENT_ARGUMENTS = 0x080
    SET_MACROS = 0x100


class Step(enum.IntFlag):
    """What a filter need not be told (NO_), what it does not answer (NR_), and what else it can (SMFIP_)."""

    NO_CONNECT = 0x1
    NO_HELO = 0x2
    NO_MAIL = 0x4
    NO_RCPT = 0x8
    NO_BODY = 0x10
    NO_HEADERS = 0x20
    NO_EOH = 0x40
    NR_HEADER = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    SKIP = 0x400
    REJECTED_RCPT = 0x800
    NR_CONNECT = 0x1000
    NR_HELO = 0x2000
    NR_MAIL = 0x4000
    NR_RCPT = 0x8000
    NR_DATA = 0x10000
    NR_UNKNOWN = 0x20000
    NR_EOH = 0x40000
    NR_BODY = 0x80000
    LEADING_SPACE = 0x100000
    SIZE_256K = 0x10000000
    SIZE_1M = 0x20000000


NOTHING = Step(0)
ALL_ACTIONS = Action(0x1FF)
ALL_STEPS = Step(0x301FFFFF) & ~Step.REJECTED_RCPT  # a recipient we refuse is told to nobody
SIZES = ((Step.SIZE_1M, (1 << 20) - 1), (Step.SIZE_256K, (1 << 18) - 1))  # octets of data in a packet
SIZE_64K = (1 << 16) - 1

STAGES = ("connect", "helo", "mail", "rcpt", "data", "end", "eoh")  # by their numbers (SMFIM_)

# The macros a stage is told when the filter asked for none by name. Those without a value are left out.
MACROS: dict[str, tuple[bytes, ...]] = {
    "connect": (b"j", b"_", b"v", b"{daemon_name}", b"{daemon_addr}", b"{daemon_port}", b"{if_name}", b"{if_addr}",
                b"{client_addr}", b"{client_name}", b"{client_ptr}", b"{client_port}"),
    "helo": (b"{tls_version}", b"{cipher}", b"{cipher_bits}", b"{cert_subject}", b"{cert_issuer}"),
    "mail": (b"i", b"{auth_type}", b"{auth_authen}", b"{auth_author}", b"{auth_ssf}",
             b"{mail_addr}", b"{mail_host}", b"{mail_mailer}"),
    "rcpt": (b"{rcpt_addr}", b"{rcpt_host}", b"{rcpt_mailer}"),
    "data": (b"i",),
    "eoh": (b"i",),
    "end": (b"i", b"{msg_id}"),
}  # fmt: skip
