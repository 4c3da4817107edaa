"""The fixed replies of this door, made once, and what they are in Japanese.

Said by its verbs.
Never made of anything a client said.
Nothing here fails.
"""

from collections.abc import Mapping
from typing import Final

from hatoba.wire.pop3 import languages
from hatoba.wire.pop3.reply import Reply

OK: Final = Reply(True, "Done")
BYE: Final = Reply(True, "Bye", then="close")
NAMED: Final = Reply(True, "Send PASS")
IN: Final = Reply(True, "Logged in")
UTF8: Final = Reply(True, "UTF-8 it is")
NO_LANGUAGE: Final = Reply(False, "No such language")

START_TLS: Final = Reply(True, "Begin TLS", then="tls")
NO_TLS_NOW: Final = Reply(False, "TLS is not available just now", "SYS/TEMP")

WRONG: Final = Reply(False, "Authentication failed", "AUTH")
LOCKED: Final = Reply(False, "Too many failed logins, try again later", "SYS/TEMP")
BUSY: Final = Reply(False, "Too many logins at the moment, try again later", "SYS/TEMP")
MALFORMED: Final = Reply(False, "Malformed authentication response")
CANCELLED: Final = Reply(False, "Authentication cancelled")
UNOFFERED: Final = Reply(False, "Log in under TLS, with a mechanism that is offered", "AUTH")
SHUT: Final = Reply(False, "Too many failed logins from your network, try again later", "SYS/TEMP", "close")
IN_USE: Final = Reply(False, "Too many connections of this account", "IN-USE")

NO_SUCH: Final = Reply(False, "No such message")
MARKED: Final = Reply(True, "Deleted at QUIT")
NOT_ALL_REMOVED: Final = Reply(False, "Nothing could be removed just now, try again later", "SYS/TEMP", "close")
TROUBLE: Final = Reply(False, "The mailbox cannot be reached just now, try again later", "SYS/TEMP")

SHORT: Final = Reply(False, "Short of resources, try again later", "SYS/TEMP", "close")
TOO_MANY: Final = Reply(False, "Too many connections, try again later", "SYS/TEMP", "close")
TOO_MANY_ERRORS: Final = Reply(False, "Too many errors", then="close")
SHUTDOWN: Final = Reply(False, "The service is shutting down", "SYS/TEMP", "close")

_JA: Final = {
    "Done": "完了しました",
    "Bye": "さようなら",
    "Send PASS": "PASS を送ってください",
    "Logged in": "ログインしました",
    "UTF-8 it is": "UTF-8 にします",
    "No such language": "その言語はありません",
    "Begin TLS": "TLS を始めてください",
    "TLS is not available just now": "いまは TLS を使えません",
    "Authentication failed": "認証に失敗しました",
    "Too many failed logins, try again later": "ログインの失敗が多すぎます。しばらくしてからお試しください",
    "Too many logins at the moment, try again later": "ログインが混み合っています。しばらくしてからお試しください",
    "Malformed authentication response": "認証の応答の形式が正しくありません",
    "Authentication cancelled": "認証を取り消しました",
    "Log in under TLS, with a mechanism that is offered": "TLS のもとで、提供している方式でログインしてください",
    "Too many failed logins from your network, try again later": (
        "お使いのネットワークからのログインの失敗が多すぎます。しばらくしてからお試しください"
    ),
    "Too many connections of this account": "このアカウントの接続が多すぎます",
    "No such message": "そのメッセージはありません",
    "Deleted at QUIT": "QUIT のときに削除します",
    "Nothing could be removed just now, try again later": "いまは削除できません。しばらくしてからお試しください",
    "The mailbox cannot be reached just now, try again later": (
        "いまはメールボックスを使えません。しばらくしてからお試しください"
    ),
    "Short of resources, try again later": "資源が足りません。しばらくしてからお試しください",
    "Too many connections, try again later": "接続が多すぎます。しばらくしてからお試しください",
    "Too many errors": "エラーが多すぎます",
    "The service is shutting down": "サービスを終了しています",
    "Capabilities": "提供する機能",
    "Languages": "選べる言語",
    "Mechanisms": "認証方式",
}

IN_WORDS: Final[Mapping[str, Mapping[str, str]]] = {"en": {}, "ja": languages.JA | _JA}
