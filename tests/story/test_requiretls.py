"""REQUIRETLS: a letter that asks for it never goes to a peer without TLS. # RFC 8689 §4.2"""

from tests.support import post, report
from tests.support.town import ALICE, Town, careless


def test_a_peer_without_tls(town: Town) -> None:
    with town.peer("plain.example") as peer:
        with post.dial(town.submission, context=careless()) as client:
            client.login(ALICE, post.PASSWORD)
            assert client.has_extn("requiretls")
            post.hand_in(client, ALICE, ["bob@plain.example"], mail=["REQUIRETLS"])
        dsn = report.read(town.alice.holding(b"bob@plain.example"))
    assert not peer.letters
    group = dsn.of("bob@plain.example")
    assert group["Action"] == "failed"
    assert group["Status"] in ("5.7.30", "5.7.10")
