"""The services of a worker: made from the tables, kept over a reload, their mistakes told before they are made."""

from typing import Any

import msgspec
import pytest
from tests.support import service_peers
from tests.support.service_peers import Peer

from hatoba.app import services
from hatoba.app.settings import Settings
from hatoba.intake.asking import At, Consult
from hatoba.intake.case import Case, Reverse
from hatoba.intake.settings import Settings as Intake
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient, Source
from hatoba.model.opinion import Failed, Scanned


def settings(**tables: Any) -> Settings:
    return msgspec.convert(tables, Settings)


def asked(service: str) -> Consult:
    """About a recipient: without content, clamd finds nothing."""
    recipient = Recipient(Address.parse("bob@example.com"))
    source = Source("mx", "192.0.2.1", 25, "client.example")
    case = Case(Intake(), None, source, False, False, Reverse(None), [recipient])  # type: ignore[arg-type] # not read
    return Consult(service, At(case, recipient))


async def test_who_did_not_change_stays_as_it_is() -> None:
    with Peer(service_peers.clamd) as peer:
        made = services.Services()
        tables = {"clamd": {"address": peer.address}, "milter": [{"name": "a", "address": "/nowhere"}]}
        made.furnish(services.named(settings(**tables)))
        assert await made.mapping["clamd"](asked("clamd")) == Scanned()
        assert isinstance(await made.mapping["milter"](asked("milter a")), Failed)
        made.furnish(services.named(settings(**{**tables, "milter": [{"name": "a", "address": "/elsewhere"}]})))
        state = {each.name: each for each in made.status()}
        assert (state["clamd"].asked, state["clamd"].failed) == (1, 0)
        assert (state["milter a"].asked, state["milter a"].trouble) == (0, "")
        samples = {(each.name, each.labels["service"]): each.value for each in made.samples()}
        assert samples["service_asked", "clamd"] == 1
        assert samples["service_open_circuits", "milter a"] == 0
        await made.close()


def test_without_addresses_there_is_nobody() -> None:
    made = services.Services()
    made.furnish(services.named(Settings()))
    assert made.status() == []
    assert list(services.faults(Settings())) == []


@pytest.mark.parametrize(
    ("tables", "key", "text"),
    [
        ({"clamd": {"address": "nowhere"}}, "clamd.address", "is no place"),
        ({"rspamd": {"url": "nowhere"}}, "rspamd.url", "is no URL"),
        ({"hook": [{"name": "a", "url": "ftp://x/"}]}, "hook[0].url", "is no URL"),
        ({"hook": [{"name": "a", "url": "http://x"}] * 2}, "hook[1].name", "hook a is there twice"),
        ({"clamd": {"address": "/x", "timeout": 45.0}}, "clamd.timeout", "not below filter.patience"),
        (
            {"milter": [{"name": name, "address": "/x"} for name in "abcde"]},
            "milter[4].timeout",
            "all milters' together are not below filter.patience",
        ),
    ],
)
def test_what_makes_no_sense_is_told(tables: dict[str, Any], key: str, text: str) -> None:
    ((found, said, fix),) = services.faults(settings(**tables))
    assert found == key
    assert text in said
    assert fix.endswith(".")
