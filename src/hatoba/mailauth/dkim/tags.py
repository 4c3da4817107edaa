"""Tag lists, the grammar of signatures and key records: "v=1; a=rsa-sha256; …" into a dict, strictly.

Called by signature and keys of dkim, and by arc.
Never knows what a tag means; unknown ones are kept.
Fails with BadTags: a syntax error, or a tag that stands twice.
"""

import re

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# VALCHAR, FWS and the semicolons between tags; what is above ASCII comes as UTF-8  # RFC 6376 §3.2, RFC 8616 §3
_LIST = re.compile(r"[!-~\u0080-\U0010ffff \t\r\n]*")
_FWS = " \t\r\n"
_MOST = 64  # tags in a list: RFC 6376 knows fourteen


class BadTags(ValueError):
    """The list breaks the grammar; the message says where."""


def parse(text: bytes, *, strict: bool = False) -> dict[str, str]:
    """Tag → value, white space around both removed, in the order of the list. BadTags.  # RFC 6376 §3.2

    `strict` refuses white space behind the last semicolon too: the grammar has none there, but many records do.
    """
    try:
        whole = text.decode()
    except UnicodeDecodeError:
        raise BadTags("octets that are no UTF-8") from None
    if not _LIST.fullmatch(whole) or whole.count("\r") != whole.count("\r\n"):
        raise BadTags("a control character")
    specs = whole.split(";")
    if not (specs[-1] if strict else specs[-1].strip(_FWS)):
        specs.pop()  # one ";" at the end is allowed
    if not specs or len(specs) > _MOST:
        raise BadTags("too many tags" if specs else "no tags")
    tags: dict[str, str] = {}
    for spec in specs:
        name, sign, value = spec.partition("=")
        name, value = name.strip(_FWS), value.strip(_FWS)
        if not sign or not _NAME.fullmatch(name):
            raise BadTags("something is no tag with a value")
        if name in tags:
            raise BadTags(f"{name[:20]}= stands twice")
        tags[name] = value
    return tags


def compact(value: str) -> str:
    """A value whose white space means nothing (base64, lists), without it."""
    return value.replace(" ", "").replace("\t", "").replace("\r", "").replace("\n", "")


def listed(value: str) -> list[str]:
    """The items of a colon-separated list, without white space around them."""
    return [item.strip(_FWS) for item in value.split(":")]
