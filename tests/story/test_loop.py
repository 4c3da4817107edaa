"""Loops: a letter that has been round too often is refused at the door, and its sender hears of it."""

import smtplib

import pytest
from tests.support import post, report
from tests.support.town import ALICE, Town

OWN = b"Received: from a.test by hatoba.test with ESMTP id 0; Thu, 1 Jan 2026 00:00:00 +0000\r\n"
OTHER = b"Received: from a.test by b.test with ESMTP id 0; Thu, 1 Jan 2026 00:00:00 +0000\r\n"


@pytest.mark.parametrize("fields", [OWN * 11, OTHER * 101], ids=["own", "all"])
def test_too_many_hops_are_refused(town: Town, fields: bytes) -> None:
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        town.send("carol@example.org", ALICE, fields + post.LETTER)
    assert refused.value.smtp_code == 554
    assert "5.4.6" in str(refused.value.smtp_error)


def test_a_best_mx_that_is_this_host_is_a_loop(town: Town) -> None:
    town.names("self.example", [(10, "hatoba.test", town.address()), (20, "other.self.example", town.address())])
    letter = town.send(ALICE, "bob@self.example")
    dsn = report.read(town.alice.holding(b"bob@self.example"))
    assert dsn.of("bob@self.example")["Status"] == "5.4.6"
    assert "failed" in post.kinds(post.story(town.node, letter))
