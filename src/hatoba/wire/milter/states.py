"""States: which command may be sent where, where it leads, and by which flags it is left out or not answered.

Read by client for each command and each reply.
Never touches octets.
Nothing here fails.
"""

import enum
from typing import NamedTuple

from hatoba.wire.milter import commands, replies
from hatoba.wire.milter.commands import Command
from hatoba.wire.milter.terms import NOTHING, Action, Step


class State(enum.Enum):
    NEW = "before the negotiation"
    READY = "before a client"
    CONNECTED = "between letters"
    MAIL = "after MAIL"
    RCPT = "after RCPT"
    DATA = "after DATA"
    HEADER = "in the header"
    BODY = "in the body"
    ENDED = "after the end of the letter"
    OVER = "after QUIT"


S = State
LETTER = frozenset({S.MAIL, S.RCPT, S.DATA, S.HEADER, S.BODY, S.ENDED})
_ANYWHERE = frozenset(State) - {S.NEW, S.OVER}


class Rule(NamedTuple):
    """`left_out`: the filter does not want the command; `unanswered`: it takes it in silence."""

    where: frozenset[State]
    leads: State | None  # None: nowhere
    left_out: Step = NOTHING
    unanswered: Step = NOTHING
    answered: bool = True


RULES: dict[type[Command], Rule] = {
    commands.Negotiate: Rule(frozenset({S.NEW}), S.READY),
    commands.Connect: Rule(frozenset({S.READY}), S.CONNECTED, Step.NO_CONNECT, Step.NR_CONNECT),
    commands.Helo: Rule(frozenset({S.CONNECTED}), S.CONNECTED, Step.NO_HELO, Step.NR_HELO),
    commands.Mail: Rule(frozenset({S.CONNECTED}), S.MAIL, Step.NO_MAIL, Step.NR_MAIL),
    commands.Rcpt: Rule(frozenset({S.MAIL, S.RCPT}), S.RCPT, Step.NO_RCPT, Step.NR_RCPT),
    commands.Data: Rule(frozenset({S.RCPT}), S.DATA, Step.NO_DATA, Step.NR_DATA),
    commands.Header: Rule(frozenset({S.DATA, S.HEADER}), S.HEADER, Step.NO_HEADERS, Step.NR_HEADER),
    commands.EndOfHeader: Rule(frozenset({S.DATA, S.HEADER}), S.BODY, Step.NO_EOH, Step.NR_EOH),
    commands.Body: Rule(frozenset({S.BODY}), S.BODY, Step.NO_BODY, Step.NR_BODY),
    commands.End: Rule(frozenset({S.BODY}), S.ENDED),
    commands.Unknown: Rule(frozenset({S.CONNECTED, S.MAIL, S.RCPT}), None, Step.NO_UNKNOWN, Step.NR_UNKNOWN),
    commands.Abort: Rule(LETTER, S.CONNECTED, answered=False),
    commands.QuitNew: Rule(_ANYWHERE, S.READY, answered=False),
    commands.Quit: Rule(_ANYWHERE | {S.NEW}, S.OVER, answered=False),
}

# What a command arrived in a version before it: older filters are never sent it.
SINCE: dict[type[Command], int] = {commands.Unknown: 3, commands.Data: 4, commands.QuitNew: 6}

# A change is taken only at the end, and only from a filter that negotiated its action.
NEEDS: dict[type, Action] = {
    replies.AddHeader: Action.ADD_HEADER,
    replies.InsertHeader: Action.ADD_HEADER,
    replies.ChangeHeader: Action.CHANGE_HEADER,
    replies.ReplaceBody: Action.CHANGE_BODY,
    replies.AddRecipient: Action.ADD_RECIPIENT | Action.ADD_RECIPIENT_ARGUMENTS,
    replies.DeleteRecipient: Action.DELETE_RECIPIENT,
    replies.ChangeSender: Action.CHANGE_SENDER,
    replies.Quarantine: Action.QUARANTINE,
}
