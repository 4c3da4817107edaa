"""Grammar: which commands and tests there are, and the arguments of each.  # data table

Read by the check.
Never says what a command does, nor which values are sound.
Fails never: data alone.
"""

from typing import NamedTuple

NUMBER, STRING, STRINGS = "number", "string", "strings"
MANY = -1  # tests


class Tag(NamedTuple):
    """`group`: of the tags of one group a command takes one. `takes`: what must follow it, "" nothing."""

    name: str
    group: str
    takes: str = ""
    needs: str = ""  # an extension


class Form(NamedTuple):
    """`arguments`: kinds of the positional ones; one that may be missing has a "?" before it (one at most)."""

    kind: str  # "control", "action" or "test"
    arguments: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    needs: str = ""  # an extension
    tests: int = 0
    block: bool = False
    must: str = ""  # a group of tags of which one must be there


def _alone(name: str, takes: str = "", needs: str = "") -> Tag:
    return Tag(name, name, takes, needs)


_MATCH = (
    Tag("is", "match"),
    Tag("contains", "match"),
    Tag("matches", "match"),
    Tag("regex", "match", "", "regex"),
    Tag("value", "match", STRING, "relational"),  # RFC 5231 §4.1
    Tag("count", "match", STRING, "relational"),  # RFC 5231 §4.2
    _alone("comparator", STRING),
)
_PART = (
    Tag("all", "part"),
    Tag("localpart", "part"),
    Tag("domain", "part"),
    Tag("user", "part", "", "subaddress"),  # RFC 5233 §4
    Tag("detail", "part", "", "subaddress"),
)
_INDEX = (_alone("index", NUMBER, "index"), _alone("last", "", "index"))  # RFC 5260 §6
_MIME = (_alone("mime", "", "mime"), _alone("anychild", "", "mime"))  # RFC 5703 §4
_OPTION = (
    Tag("type", "option", "", "mime"),
    Tag("subtype", "option", "", "mime"),
    Tag("contenttype", "option", "", "mime"),
    Tag("param", "option", STRINGS, "mime"),
)
_ZONE = (Tag("zone", "zone", STRING), Tag("originalzone", "zone"))
_MODIFIERS = (  # RFC 5229 §4.1: of one precedence one may stand
    Tag("lower", "case"),
    Tag("upper", "case"),
    Tag("lowerfirst", "initial"),
    Tag("upperfirst", "initial"),
    Tag("quotewildcard", "quote"),
    Tag("quoteregex", "quote", "", "regex"),
    Tag("encodeurl", "encode", "", "enotify"),  # RFC 5435 §6
    Tag("length", "length"),
)
_FLAGS = _alone("flags", STRINGS, "imap4flags")  # RFC 5232 §5
_FILED = (
    _FLAGS,
    _alone("create", "", "mailbox"),  # RFC 5490 §3.2
    _alone("specialuse", STRING, "special-use"),  # RFC 8579 §5
    _alone("mailboxid", STRING, "mailboxid"),  # RFC 9042 §4
)
_FCC = (_alone("fcc", STRING, "fcc"), *_FILED)  # RFC 8580 §3
_COPY = _alone("copy", "", "copy")  # RFC 3894 §3
_MAILBOXES, _SERVER = "mboxmetadata", "servermetadata"

CONTROLS = {
    "if": Form("control", tests=1, block=True),
    "elsif": Form("control", tests=1, block=True),
    "else": Form("control", block=True),
    "require": Form("control", (STRINGS,)),
    "stop": Form("control"),
    "foreverypart": Form("control", (), (_alone("name", STRING),), "foreverypart", block=True),
    "break": Form("control", (), (_alone("name", STRING),), "foreverypart"),
    "include": Form(
        "control",
        (STRING,),
        (Tag("personal", "location"), Tag("global", "location"), _alone("once"), _alone("optional")),
        "include",
    ),
    "return": Form("control", needs="include"),
    "global": Form("control", (STRINGS,), needs="include"),
    "error": Form("control", (STRING,), needs="ihave"),
}

ACTIONS = {
    "keep": Form("action", (), (_FLAGS,)),
    "discard": Form("action"),
    "redirect": Form("action", (STRING,), (_COPY,)),
    "fileinto": Form("action", (STRING,), (_COPY, *_FILED), "fileinto"),
    "reject": Form("action", (STRING,), needs="reject"),
    "ereject": Form("action", (STRING,), needs="ereject"),
    "vacation": Form(
        "action",
        (STRING,),
        (
            Tag("days", "interval", NUMBER),
            Tag("seconds", "interval", NUMBER, "vacation-seconds"),
            _alone("subject", STRING),
            _alone("from", STRING),
            _alone("addresses", STRINGS),
            _alone("mime"),
            _alone("handle", STRING),
            *_FCC,
        ),
        "vacation",
    ),
    "set": Form("action", (STRING, STRING), _MODIFIERS, "variables"),
    "setflag": Form("action", ("?" + STRING, STRINGS), needs="imap4flags"),
    "addflag": Form("action", ("?" + STRING, STRINGS), needs="imap4flags"),
    "removeflag": Form("action", ("?" + STRING, STRINGS), needs="imap4flags"),
    "addheader": Form("action", (STRING, STRING), (_alone("last"),), "editheader"),
    "deleteheader": Form(
        "action", (STRING, "?" + STRINGS), (_alone("index", NUMBER), _alone("last"), *_MATCH), "editheader"
    ),
    "notify": Form(
        "action",
        (STRING,),
        (
            _alone("from", STRING),
            _alone("importance", STRING),
            _alone("options", STRINGS),
            _alone("message", STRING),
            *_FCC,
        ),
        "enotify",
    ),
    "extracttext": Form("action", (STRING,), (*_MODIFIERS, _alone("first", NUMBER)), "extracttext"),
}

COMMANDS = CONTROLS | ACTIONS

TESTS = {
    "address": Form("test", (STRINGS, STRINGS), (*_MATCH, *_PART, *_INDEX, *_MIME)),
    "allof": Form("test", tests=MANY),
    "anyof": Form("test", tests=MANY),
    "body": Form(
        "test",
        (STRINGS,),
        (*_MATCH, Tag("raw", "transform"), Tag("content", "transform", STRINGS), Tag("text", "transform")),
        "body",
    ),
    "currentdate": Form("test", (STRING, STRINGS), (*_MATCH, Tag("zone", "zone", STRING)), "date"),
    "date": Form("test", (STRING, STRING, STRINGS), (*_MATCH, *_ZONE, *_INDEX), "date"),
    "duplicate": Form(
        "test",
        (),
        (
            _alone("handle", STRING),
            Tag("header", "identity", STRING),
            Tag("uniqueid", "identity", STRING),
            _alone("seconds", NUMBER),
            _alone("last"),
        ),
        "duplicate",
    ),
    "envelope": Form("test", (STRINGS, STRINGS), (*_MATCH, *_PART), "envelope"),
    "environment": Form("test", (STRING, STRINGS), _MATCH, "environment"),
    "exists": Form("test", (STRINGS,), _MIME),
    "false": Form("test"),
    "hasflag": Form("test", ("?" + STRINGS, STRINGS), _MATCH, "imap4flags"),
    "header": Form("test", (STRINGS, STRINGS), (*_MATCH, *_INDEX, *_MIME, *_OPTION)),
    "ihave": Form("test", (STRINGS,), needs="ihave"),
    "mailboxexists": Form("test", (STRINGS,), needs="mailbox"),
    "mailboxidexists": Form("test", (STRINGS,), needs="mailboxid"),
    "metadata": Form("test", (STRING, STRING, STRINGS), _MATCH, _MAILBOXES),
    "metadataexists": Form("test", (STRING, STRINGS), needs=_MAILBOXES),
    "not": Form("test", tests=1),
    "notify_method_capability": Form("test", (STRING, STRING, STRINGS), _MATCH, "enotify"),
    "servermetadata": Form("test", (STRING, STRINGS), _MATCH, _SERVER),
    "servermetadataexists": Form("test", (STRINGS,), needs=_SERVER),
    "size": Form("test", (NUMBER,), (Tag("over", "limit"), Tag("under", "limit")), must="limit"),
    "spamtest": Form("test", (STRING,), (*_MATCH, _alone("percent", "", "spamtestplus")), "spamtest"),
    "specialuse_exists": Form("test", ("?" + STRING, STRINGS), needs="special-use"),
    "string": Form("test", (STRINGS, STRINGS), _MATCH, "variables"),
    "true": Form("test"),
    "valid_notify_method": Form("test", (STRINGS,), needs="enotify"),
    "virustest": Form("test", (STRING,), _MATCH, "virustest"),
}
