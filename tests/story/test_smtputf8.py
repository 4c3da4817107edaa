"""SMTPUTF8: kept towards a peer that has it, a 5.6.7 DSN where the peer has not. # RFC 6531 §3.2"""

from tests.support import report
from tests.support.smtp_peer import EXTENSIONS
from tests.support.town import ALICE, Town

WITHOUT = tuple(word for word in EXTENSIONS if word != "SMTPUTF8")
LETTER = "From: <alice@home.example>\r\nTo: <花子@x.example>\r\nSubject: こんにちは\r\n\r\n本文\r\n".encode()
PARAMETERS = ("SMTPUTF8", "BODY=8BITMIME")


def test_a_peer_that_has_it(town: Town) -> None:
    with town.peer("utf8.example") as peer:
        town.send(ALICE, "花子@utf8.example", LETTER, mail=PARAMETERS)
        came = peer.wait_letters(1, 60)[0]
    assert came.recipients == ["花子@utf8.example"]
    assert "SMTPUTF8" in came.mail.split(" ")
    assert b"with UTF8SMTP id" in came.content
    assert came.content.endswith(LETTER)


def test_a_peer_without_it(town: Town) -> None:
    with town.peer("ascii.example", extensions=WITHOUT) as peer:
        town.send(ALICE, "花子@ascii.example", LETTER, mail=PARAMETERS)
        dsn = report.read(town.alice.holding("花子@ascii.example".encode()))
    assert not peer.letters
    assert [group["Status"] for group in dsn.recipients] == ["5.6.7"]
    assert [group["Action"] for group in dsn.recipients] == ["failed"]
