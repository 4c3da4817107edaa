from hatoba.wire.smtp import extensions, peer


def parse(*lines: str, code: int = 250) -> extensions.Extensions:
    return extensions.parse(peer.PeerReply(code, "", ("mx.example says hello", *lines)))


def test_everything_hatoba_knows() -> None:
    found = parse(
        "PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "ENHANCEDSTATUSCODES",
        "STARTTLS", "AUTH PLAIN LOGIN scram-sha-256", "REQUIRETLS", "LIMITS MAILMAX=100 RCPTMAX=50 RCPTDOMAINMAX=1",
        "FUTURERELEASE 86400 2026-12-31T00:00:00Z", "DELIVERBY 240", "MT-PRIORITY STANAG4406", "X-OWN thing",
    )  # fmt: skip
    assert found == extensions.Extensions(
        name="mx.example",
        offered=frozenset((
            "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "ENHANCEDSTATUSCODES",
            "STARTTLS", "AUTH", "REQUIRETLS", "LIMITS", "FUTURERELEASE", "DELIVERBY", "MT-PRIORITY", "X-OWN",
        )),
        size=52428800, pipelining=True, starttls=True, eightbit=True, smtputf8=True, chunking=True, binarymime=True,
        dsn=True, enhanced=True, requiretls=True, auth=frozenset(("PLAIN", "LOGIN", "SCRAM-SHA-256")), mailmax=100,
        rcptmax=50, rcptdomainmax=1, deliverby=240, futurerelease=86400, priority=True, priority_profile="STANAG4406",
    )  # fmt: skip


def test_nothing_is_offered_by_default_and_by_a_refusal() -> None:
    assert parse() == extensions.Extensions(name="mx.example")
    assert parse("PIPELINING", code=502) == extensions.Extensions()
    assert extensions.parse(peer.PeerReply(250, "", ("",))) == extensions.Extensions()


def test_keywords_without_case_and_old_auth() -> None:
    found = parse("pipelining", "AUTH=LOGIN", "auth plain login", "", "AUTH", "AUTH=")
    assert found.pipelining
    assert found.auth == frozenset(("LOGIN", "PLAIN"))


def test_numbers_that_are_none() -> None:
    assert [parse(line).size for line in ("SIZE", "SIZE 0", "SIZE x", "SIZE -1", "SIZE ²", "SIZE " + "9" * 21)] == [
        0
    ] * 6
    assert parse("SIZE 5", "SIZE 9").size == 5, "the first counts"
    assert parse("MT-PRIORITY").priority_profile == ""
    assert parse("LIMITS", "LIMITS RCPTMAX=3").rcptmax == 0, "the first counts"
    assert parse("LIMITS RCPTMAX=x MAILMAX RCPTMAX=3").rcptmax == 0


def test_takes() -> None:
    assert parse().takes(10**9)
    assert parse("SIZE").takes(10**9)
    assert parse("SIZE 10").takes(10)
    assert not parse("SIZE 10").takes(11)
