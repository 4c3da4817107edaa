"""Leased: a job in this worker's memory, and the two JSON forms that the queue keeps in its rows.

Made by admission (fresh letters) and refill (rows leased from the store); lanes hold it, settle ends it.
Never handed to another thread; compared by identity, never by value.
Fails with msgspec.DecodeError when a row's JSON is none of ours: the caller quarantines the letter.
"""

import msgspec

from hatoba.model.outcome import Job, Outcome
from hatoba.store.rows import RecipientRow


class Params(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """`RecipientRow.params`: `delayed` is when the delay DSN was written (ms, 0: not yet)."""

    delayed: int = 0


class Last(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """`RecipientRow.last`: what the last attempt said. `at` in ms; `host` the peer's name; `quarantined` the reason."""

    code: str = ""
    text: str = ""
    reply: str = ""
    at: int = 0
    host: str = ""
    quarantined: str = ""


class Leased(Job):
    """`rows` are the store's rows of `indexes`, in their order; () for a fresh letter, whose rows hold nothing yet.

    `suspect`: it was under way when a worker crashed, more than once, so it travels alone.
    """

    rows: tuple[RecipientRow, ...] = ()
    suspect: bool = False
    site: str = ""  # the lane it is in, "" for none

    def where(self, n: int) -> str:
        """The lane of recipient `n`: the job's, or that of its row in the store (at rest each has its own)."""
        return self.site or next((row.site for row in self.rows if row.n == n), "")

    def params(self, n: int) -> bytes:
        """The params of recipient `n` as they stand in the store."""
        for row in self.rows:
            if row.n == n:
                return row.params
        return b"{}"

    def last(self, n: int) -> bytes:
        """The last status of recipient `n` as it stands in the store."""
        for row in self.rows:
            if row.n == n:
                return row.last
        return b"{}"


_encode = msgspec.json.Encoder().encode
params_of = msgspec.json.Decoder(Params).decode
last_of = msgspec.json.Decoder(Last).decode


def params_bytes(params: Params) -> bytes:
    return _encode(params)


def held_bytes(reason: str) -> bytes:
    """`last` of a row that no attempt was made for, because it is held."""
    return _encode(Last(text=reason))


def last_bytes(outcome: Outcome, at: int, host: str = "") -> bytes:
    """`last` of a row after `outcome`, met at `at` (ms)."""
    return _encode(Last(outcome.status.code, outcome.status.text, outcome.reply, at, host))
