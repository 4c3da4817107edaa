"""Ways to leave a list: the URIs of List-Unsubscribe and its kin, and whether one click is enough. # RFC 2369, RFC 8058

Called by who shows or sends list mail.
Never follows a URI and never judges its scheme.
Fails never: what stands outside angle brackets, or in brackets that do not close, is no URI.
"""

_MOST = 50
_SPACES = {ord(sign): None for sign in " \t\r\n"}


def uris(value: str) -> list[str]:
    """The URIs of a List-* field, as preferred by its sender; white space within them is folding. # RFC 2369 §2"""
    found: list[str] = []
    at = depth = 0
    last = value.rfind(")")  # a comment that does not close is none
    while at < len(value) and len(found) < _MOST:
        sign = value[at]
        if sign == "\\":
            at += 1
        elif sign == "(":
            depth += at < last
        elif sign == ")":
            depth = max(depth - 1, 0)
        elif sign == "<" and not depth:
            end = value.find(">", at)
            uri = value[at + 1 : end].translate(_SPACES)
            if end < 0:
                break
            if uri and "<" not in uri:
                found.append(uri)
            at = end
        at += 1
    return found


def one_click(value: str) -> bool:
    """Whether a List-Unsubscribe-Post field asks for the POST of one click. # RFC 8058 §3.1"""
    return value.strip().lower() == "list-unsubscribe=one-click"
