"""Actions: what is to be done with a letter, as values. # RFC 5228 §4

Made while a script runs; carried out by delivery, shown by `explain`.
Never done here; what is the same stands there once.
Fails never: values only.
"""

from typing import TypeAlias

import msgspec

from hatoba.model.edits import FieldEdit
from hatoba.sieve.faults import Fault
from hatoba.sieve.questions import Seen


class Keep(msgspec.Struct, frozen=True):
    """Into INBOX. `implicit`: no command said so. `edits`: the header as it is to be filed."""

    flags: tuple[str, ...] = ()
    implicit: bool = False
    edits: tuple[FieldEdit, ...] = ()


class FileInto(msgspec.Struct, frozen=True):
    """Into `mailbox`, or into the one with `mailbox_id`, or else with `special_use`, where there is such a one."""

    mailbox: str
    flags: tuple[str, ...] = ()
    create: bool = False
    copy: bool = False
    special_use: str = ""
    mailbox_id: str = ""
    edits: tuple[FieldEdit, ...] = ()


class Redirect(msgspec.Struct, frozen=True):
    """On to `address`, with the sender of the envelope. # RFC 5228 §4.2"""

    address: str
    copy: bool = False
    edits: tuple[FieldEdit, ...] = ()


class Discard(msgspec.Struct, frozen=True):
    """Nowhere."""


class Reject(msgspec.Struct, frozen=True):
    """Refused. `extended`: by ereject, so at best in the SMTP dialogue, else by a DSN; plain reject may send an MDN
    when the text does not fit there. # RFC 5429 §2
    """

    text: str
    extended: bool = False


class Vacation(msgspec.Struct, frozen=True):
    """A reply to `to`, unless one with this `handle` went there in the last `seconds`. # RFC 5230

    All that forbids a reply was looked at. `subject` is "" where the script gives none; `sender` likewise.
    `mime`: `text` is a MIME entity with its header.
    """

    to: str
    handle: str
    seconds: int
    text: str
    subject: str = ""
    sender: str = ""
    mime: bool = False
    fcc: FileInto | None = None  # where a copy goes  # RFC 8580


class Notify(msgspec.Struct, frozen=True):
    """A letter about the letter, to `to` and `cc`. # RFC 5436"""

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    sender: str = ""
    importance: int = 2
    subject: str = ""
    text: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    fcc: FileInto | None = None


Action: TypeAlias = Keep | FileInto | Redirect | Discard | Reject | Vacation | Notify


class Step(msgspec.Struct, frozen=True):
    """A line of the trace: what the command or test in `line` came to."""

    line: int
    text: str
    script: str = ""  # an included one


class Result(msgspec.Struct, frozen=True):
    """What a run came to. With a `fault` the letter is kept and nothing else happens. # RFC 5228 §2.10.6

    `seen`: keys to be remembered once the letter is delivered. `edits`: the header at the end.
    """

    actions: tuple[Action, ...]
    fault: Fault | None = None
    seen: tuple[Seen, ...] = ()
    edits: tuple[FieldEdit, ...] = ()
    trace: tuple[Step, ...] = ()
    steps: int = 0  # what the run cost (see Limits.steps)

    @property
    def kept(self) -> bool:
        """Whether the letter stays with the person."""
        return any(isinstance(action, Keep | FileInto) for action in self.actions)
