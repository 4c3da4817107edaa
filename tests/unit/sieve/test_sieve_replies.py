"""Vacation replies and notifications: who gets one, and who never does."""

from typing import Any

import pytest
from tests.support.sieving import run

from hatoba.sieve import actions, mailto
from hatoba.sieve.actions import FileInto, Keep, Notify, Vacation

PERSONAL = b"From: fuyu@example.net\r\nTo: aki@example.org\r\nSubject: tea?\r\n\r\nx\r\n"


def reply(text: str, letter: bytes = PERSONAL, **about: Any) -> Vacation | None:
    result = run(text, letter, **about)
    assert result.fault is None, result.fault
    assert result.actions[-1] == Keep(implicit=True)  # a reply does not say where the letter goes
    found = [action for action in result.actions if isinstance(action, Vacation)]
    return found[0] if found else None


def test_a_reply() -> None:
    found = reply('vacation :days 3 :subject "Away" :from "Aki <aki@example.org>" "Back soon.";')
    assert found is not None
    assert (found.to, found.seconds, found.subject) == ("fuyu@example.net", 3 * 86400, "Away")
    assert (found.sender, found.text, found.mime) == ("Aki <aki@example.org>", "Back soon.", False)


@pytest.mark.parametrize(
    ("tags", "seconds"),
    [("", 7), (":days 0", 1), (":days 1", 1), (":days 400", 365), (":seconds 86400", 1)],
)
def test_the_time_between_two_replies(tags: str, seconds: int) -> None:
    found = reply(f'vacation {tags} "x";')
    assert found is not None
    assert found.seconds == seconds * 86400


def test_a_site_has_a_least_time() -> None:
    found = reply('vacation :seconds 0 "x";'), reply('vacation :seconds 0 "x";', vacation_least=0)
    assert [each.seconds for each in found if each] == [1800, 0]


def test_the_handle() -> None:
    def handle(text: str) -> str:
        found = reply(text)
        assert found is not None
        return found.handle

    assert handle('vacation :handle "h" "x";') == "h"
    assert handle('vacation "x";') == handle('vacation :days 9 "x";') != handle('vacation "y";')
    assert handle('vacation :subject "x" "y";') != handle('vacation :from "x@y.z" "y";')
    # Variables are not filled in for it, so a subject in the reply does not make it another reply.
    with_subject = 'if header :matches "subject" "*" { vacation :subject "Re: ${1}" "x"; }'
    other = PERSONAL.replace(b"tea?", b"coffee?")
    found = reply(with_subject, other)
    assert found is not None
    assert found.subject == "Re: coffee?"
    assert found.handle == handle(with_subject)


@pytest.mark.parametrize(
    "sender",
    [
        "", "owner-list@x.example", "list-request@x.example", "list-bounces@x.example",
        "x-bounces+aki=example.org@l.example",
        "MAILER-DAEMON@x.example", "listserv@x.example", "majordomo@x.example", "no-reply@x.example",
        "noreply@x.example", "do-not-reply@x.example", "donotreply+1@x.example", "SRS0=a=b=c=d@x.example",
        "bounce+1-a=b@x.example", "aki@example.org", "Haru@Example.ORG", "special@x.example",
    ],
)  # fmt: skip
def test_senders_that_get_none(sender: str) -> None:
    about: dict[str, Any] = {
        "sender": sender,
        "addresses": ("haru@example.org",),
        "specials": frozenset({"special@x.example"}),
    }
    assert reply('vacation "x";', **about) is None


@pytest.mark.parametrize("sender", ["postmaster@x.example", "root@x.example", "reply@x.example", "ownership@x.example"])
def test_senders_that_people_read(sender: str) -> None:
    assert reply('vacation "x";', sender=sender) is not None


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-generated", "Auto-Submitted: auto-replied (vacation)", "auto-submitted: x; owner=y",
        "List-Id: <l.example>", "List-Unsubscribe: <mailto:x@y.z>", "List-Post: NO", "Precedence: bulk",
        "precedence: LIST", "Precedence: junk", "X-Auto-Response-Suppress: DR, OOF, AutoReply",
    ],
)  # fmt: skip
def test_letters_that_get_none(field: str) -> None:
    assert reply('vacation "x";', field.encode() + b"\r\n" + PERSONAL) is None


@pytest.mark.parametrize("field", ["Auto-Submitted: no", "Auto-Submitted: No (person)", "Precedence: first-class"])
def test_letters_that_get_one(field: str) -> None:
    assert reply('vacation "x";', field.encode() + b"\r\n" + PERSONAL) is not None


def test_the_letter_must_be_addressed_to_the_person() -> None:
    letter = PERSONAL.replace(b"aki@example.org", b"all@example.org")
    assert reply('vacation "x";', letter) is None
    assert reply('vacation :addresses "Aki <ALL@example.org>" "x";', letter) is not None
    assert reply('vacation "x";', letter, original="all@example.org") is not None
    assert reply('vacation "x";', letter, addresses=("all@example.org",)) is not None
    copied = letter + b""
    assert reply('vacation "x";', b"Resent-Cc: A <aki@example.org>\r\n" + copied) is not None


def test_why_there_is_none_stands_in_the_trace() -> None:
    (step,) = run('vacation "x";', PERSONAL, sender="", trace=True).trace
    assert step.text == "vacation: no reply: the sender is null"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('vacation "x"; vacation "y";', "vacation can be used once for a letter"),
        ('vacation "x"; reject "y";', "reject cannot stand beside vacation"),
        ('reject "y"; vacation "x";', "vacation cannot stand beside reject"),
        ('set "f" "x y"; vacation :from "${f}" "x";', ':from "x y" is no address'),
        ('set "f" "é: x"; vacation :mime "${f}";', "the text of the reply is no MIME entity"),
    ],
)
def test_faults(text: str, said: str) -> None:
    for sender in ("fuyu@example.net", ""):
        fault = run(text, PERSONAL, sender=sender).fault
        assert fault is not None
        assert fault.text == said


def test_a_copy_of_the_reply_is_filed() -> None:
    found = reply('vacation :fcc "Sent" :create :flags "\\\\Seen" "x";')
    assert found is not None
    assert found.fcc == FileInto("Sent", ("\\Seen",), create=True)


def test_several_authors() -> None:
    found = reply('vacation :from "a@b.example, c@d.example" "x";')
    assert found is not None
    assert found.sender == "a@b.example, c@d.example"


def notified(text: str, letter: bytes = PERSONAL, **about: Any) -> list[Notify]:
    result = run(text, letter, **about)
    assert result.fault is None, result.fault
    return [action for action in result.actions if isinstance(action, Notify)]


def test_a_notification() -> None:
    (found,) = notified('notify :importance "1" :from "aki@example.org" :message "Hear" "mailto:a@b.example?'
                        'cc=c@d.example&body=one%0D%0Atwo&X-Y=1&bcc=z@z.z&From=x@y.z";')  # fmt: skip
    assert found == Notify(
        ("a@b.example",), ("c@d.example",), "aki@example.org", 1, "Hear", "one\r\ntwo", (("X-Y", "1"),)
    )


def test_its_subject() -> None:
    assert notified('notify "mailto:a@b.example?subject=S%0AX";')[0].subject == "S X"
    assert notified('notify :message "M" "mailto:a@b.example?subject=S";')[0].subject == "M"
    assert notified('notify "mailto:a@b.example";')[0].subject == "tea?"


def test_nobody_is_told_twice_about_a_letter() -> None:
    found = notified(
        'notify "mailto:a@b.example,c@d.example"; notify "mailto:A@B.example,e@f.example"; notify "mailto:a@b.example";'
    )
    assert [each.to for each in found] == [("a@b.example", "c@d.example"), ("e@f.example",)]


def test_about_what_a_program_sent_nobody_is_told() -> None:
    letter = b"Auto-Submitted: auto-notified; owner-email=x\r\n" + PERSONAL
    assert notified('notify "mailto:a@b.example";', letter) == []
    assert len(notified('notify "mailto:a@b.example";', sender="")) == 1


def test_only_so_many() -> None:
    text = "".join(f'notify "mailto:a{n}@b.example";' for n in range(6))
    assert str(run(text).fault) == "line 2: the script has more than 5 notifications"


def test_methods() -> None:
    tests = [
        ('valid_notify_method "mailto:a@b.example"', True),
        ('valid_notify_method ["mailto:a@b.example", "tel:1"]', False),
        ('notify_method_capability "mailto:a@b.example" "Online" "maybe"', True),
        ('notify_method_capability "mailto:a@b.example" "online" ["yes", "no"]', False),
        ('notify_method_capability "tel:1" "online" "maybe"', False),
        ('notify_method_capability "mailto:a@b.example" "nonsense" "maybe"', False),
        ('notify_method_capability :count "eq" "mailto:a@b.example" "online" "1"', True),
    ]
    for test, held in tests:
        kept = run(f"if not {test} {{ discard; }}").kept
        assert kept is held, test


@pytest.mark.parametrize(
    "text",
    [
        "mailto:", "mailto:?subject=x", "mailto:nobody", "mailto:a@b.example;c@d.example", "mailto:a@b.example?x",
        "mailto:a@b.example?x:=y", "mailto:a@b.example?x=a>b", "http://x.example", "mailto:a@b.example,,c@d.example",
        "mailto:a%40b.example?to=x", "mailto:" + "a" * 5000 + "@b.example", "mailto:a@b.example?x=%zz",
    ],
)  # fmt: skip
def test_what_is_no_mailto(text: str) -> None:
    with pytest.raises(mailto.BadMailto):
        mailto.parse(text)


def test_a_mailto() -> None:
    found = mailto.parse("MAILTO:a%40b.example,c@d.example?to=e@f.example&Subject=%E5%86%AC")
    assert found.to == ("a@b.example", "c@d.example", "e@f.example")
    assert found.subject == "冬"


def test_actions_are_values() -> None:
    assert actions.Keep() == actions.Keep()
