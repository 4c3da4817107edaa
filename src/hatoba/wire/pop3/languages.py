"""Languages: what our replies say besides English, for LANG. # RFC 6856 §3

Read by doors.pop3, which gives the engine the words of the language chosen.
Never translates what a program reads: response codes, sizes, ids and capabilities.
Fails never: a text without a translation is said in English.
"""

# data table

from typing import Final

NAMES: Final = {"en": "English", "ja": "日本語"}

# The engine's own texts; a door adds its own.
JA: Final = {
    "Line too long": "行が長すぎます",
    "A line ends in CRLF and holds no control character": "行は CRLF で終わり、制御文字を含みません",
    "Command is neither ASCII nor UTF-8": "コマンドが ASCII でも UTF-8 でもありません",
    "Command not recognized": "不明なコマンドです",
    "This is a POP3 server": "ここは POP3 サーバーです",
    "Bad arguments": "引数が正しくありません",
    "Not base64": "base64 ではありません",
    "Authentication mechanism is not offered": "その認証方式は提供していません",
    "Log in first": "先にログインしてください",
    "Already logged in": "すでにログインしています",
    "Send USER first": "先に USER を送ってください",
    "Logging in needs TLS: send STLS first": "ログインには TLS が必要です。先に STLS を送ってください",
    "Logging in this way is not offered": "この方法でのログインは提供していません",
    "STLS is not offered": "STLS は提供していません",
    "STLS comes before UTF8": "STLS は UTF8 より前に送ってください",
    "STLS must be the last command before the handshake": "STLS の後にはハンドシェイクまで何も送れません",
}


def choose(tag: str) -> str | None:
    """The language (a key of NAMES) that a range asks for, None when there is none like it.  # RFC 4647 §3.4"""
    if tag.lower() in ("*", "i-default"):
        return "en"
    primary = tag.lower().partition("-")[0]
    return primary if primary in NAMES else None
