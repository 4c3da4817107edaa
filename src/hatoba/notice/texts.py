"""The shape of the texts of a DSN: what each language has to say.

Filled by texts_en and texts_ja; read by words.
Never holds a sentence itself.
Fails when a language leaves a field out, at import.
"""

import msgspec


class Reason(msgspec.Struct, frozen=True):
    """What happened, in a sentence, and what the sender can do about it."""

    happened: str
    advice: str


class Said(msgspec.Struct, frozen=True):
    """Labels of the facts about the letter."""

    subject: str
    sent: str
    to: str
    letter: str


class Texts(msgspec.Struct, frozen=True):
    """One language. Keys of `subject` and `opening` are the kinds of DSN; {host}, {until}, {server} are filled in.

    Keys of `reasons` are subject and detail of an enhanced status code ("1.1"), a subject alone ("1"), or "".
    """

    subject: dict[str, str]
    opening: dict[str, str]
    closing: str
    facts: Said
    happened: str
    reply: str
    reply_unnamed: str
    advice: str
    delivered: str
    relayed: str
    relayed_unnamed: str
    expanded: str
    reasons: dict[str, Reason]
