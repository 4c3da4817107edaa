"""Limits: how large a script may be, and how much it may do to one letter.

Read by every part of this room; a caller may hand in its own.
Never a matter of taste alone: where an RFC asks for a least value, it is named.
Beyond a limit of the script compile fails; beyond one of the run the letter is kept and the fault says which.
"""

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Lengths are in characters unless said otherwise."""

    # of a script
    script: int = 256 << 10  # octets
    nesting: int = 32  # blocks and tests within each other; at least 15  # RFC 5228 §2.10.3
    commands: int = 10_000  # commands and tests of a script
    strings: int = 10_000  # strings of a script
    loops: int = 4  # foreverypart within foreverypart
    pattern: int = 2000  # of one regular expression
    variable_name: int = 64
    match_values: int = 32  # ${1} to ${32}; at least 9  # RFC 5229 §3.2
    faults: int = 20  # that are told of one script
    # of a run
    steps: int = 100_000  # commands, tests and comparisons; long texts cost more than one
    variables: int = 256  # at least 128  # RFC 5229 §6
    variable: int = 16 << 10  # a value is cut there; at least 4000  # RFC 5229 §6
    text: int = 128 << 10  # any string with its variables filled in
    actions: int = 32
    redirects: int = 5
    notifications: int = 5
    questions: int = 200  # put to the caller
    includes: int = 30  # scripts included in one run
    include_depth: int = 10  # at least 3  # RFC 6609 §3.1
    flags: int = 100  # of one message
    header: int = 2048  # of a field that is added
    edits: int = 100  # fields added and deleted
    field: int = 64 << 10  # octets of one field that are looked at
    body: int = 1 << 20  # octets of a letter's body that are looked at
    parts: int = 200  # of a letter
    part_depth: int = 20
    memory: int = 1 << 20  # octets for one regular expression
    trace: int = 500  # lines of the trace


USUAL = Limits()
