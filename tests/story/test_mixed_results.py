"""Four recipients, four fates: taken, refused for good, refused for now, taken at the second try."""

from tests.support import post, report
from tests.support.smtp_peer import Connection
from tests.support.town import ALICE, Town


def test_each_recipient_for_itself(town: Town) -> None:
    asked: dict[str, int] = {}

    def rcpt(line: str, connection: Connection) -> str:
        who = line[line.index("<") + 1 : line.index("@")]
        asked[who] = asked.get(who, 0) + 1
        if who == "gone":
            return "550 5.1.1 No such user"
        return "450 4.2.1 Busy" if who == "busy" and asked[who] == 1 else "250 2.1.5 Ok"

    to = [f"{who}@mixed.example" for who in ("here", "gone", "busy", "there")]
    with town.peer("mixed.example", {"RCPT": rcpt}) as peer:
        letter = town.send(ALICE, to)
        first, second = peer.wait_letters(2, 60)[:2]
        dsn = report.read(town.alice.holding(b"gone@mixed.example"))
    assert first.recipients == ["here@mixed.example", "there@mixed.example"]
    assert second.recipients == ["busy@mixed.example"]
    assert asked == {"here": 1, "gone": 1, "busy": 2, "there": 1}
    assert [str(group["Final-Recipient"]) for group in dsn.recipients] == ["rfc822; gone@mixed.example"]
    assert "550 5.1.1 No such user" in dsn.of("gone@mixed.example")["Diagnostic-Code"]
    tale = post.story_with(town.node, letter, "bounced")
    fates = {
        result["to"].partition("@")[0]: entry["kind"]
        for entry in tale["entries"]
        for result in entry["form"].get("results", ())
    }
    assert fates == {"here": "delivered", "there": "delivered", "gone": "failed", "busy": "delivered"}
