"""Letting in: in clear only where that is allowed, limits, STARTTLS, and the end of a connection."""

from __future__ import annotations

from tests.support.imap_site import PASSWORD, ImapClient, Site, connected

from hatoba.doors.imap.door import Door
from hatoba.net import tls


async def test_in_clear_nobody_logs_in_but_where_it_is_allowed(mail_site: Site) -> None:
    async with mail_site.door(house=mail_site.house(cleartext=())) as door, connected(door.port) as client:
        (capability,) = await client.ok("CAPABILITY")
        assert b"LOGINDISABLED" in capability
        assert b"STARTTLS" in capability
        assert b"AUTH=" not in capability
        assert b"PRIVACYREQUIRED" in await client.refused(f'LOGIN alice@example.org "{PASSWORD}"')


async def test_under_starttls_the_client_begins_anew(mail_site: Site) -> None:
    async with mail_site.door(house=mail_site.house(cleartext=())) as door, connected(door.port) as client:
        await client.ok("STARTTLS")
        await client.writer.start_tls(tls.client_context(), server_hostname="mx.example.org")
        (capability,) = await client.ok("CAPABILITY")
        assert b"AUTH=PLAIN" in capability
        assert b"AUTH=SCRAM-SHA-256-PLUS" in capability
        assert b"STARTTLS" not in capability
        await client.login()


async def test_implicit_tls(mail_site: Site) -> None:
    async with mail_site.door("imaps") as door, connected(door.port, "alice", context=tls.client_context()) as client:
        assert await client.ok("SELECT INBOX")


async def test_a_wrong_password_is_told_as_little_of_as_a_wrong_name(imap: Door) -> None:
    async with connected(imap.port) as client:
        wrong = await client.refused("LOGIN alice@example.org wrong")
        assert b"[AUTHENTICATIONFAILED]" in wrong
        assert await client.refused("LOGIN nobody@example.org wrong") == wrong


async def test_authenticate_plain_with_and_without_an_initial_response(imap: Door) -> None:
    import base64

    said = base64.b64encode(f"\0alice@example.org\0{PASSWORD}".encode()).decode()
    async with connected(imap.port) as client:
        await client.ok(f"AUTHENTICATE PLAIN {said}")
    async with connected(imap.port) as client:
        client.writer.write(b"a AUTHENTICATE PLAIN\r\n")
        assert await client.answer() == b"+ "
        client.writer.write(said.encode() + b"\r\n")
        assert (await client.until(b"a"))[-1].startswith(b"OK [CAPABILITY ")


async def test_an_account_has_so_many_connections_and_no_more(mail_site: Site) -> None:
    async with mail_site.door(house=mail_site.house(connections_per_account=1)) as door:
        async with connected(door.port, "alice"), connected(door.port) as second:
            assert b"[LIMIT]" in await second.refused(f'LOGIN alice@example.org "{PASSWORD}"')
            await second.login("bob")
        async with connected(door.port, "alice"):
            pass  # the first is gone


async def test_too_many_connections_are_told_so_and_closed(mail_site: Site) -> None:
    async with (
        mail_site.door(house=mail_site.house(connections=1)) as door,
        connected(door.port),
        connected(door.port) as late,
    ):
        assert await late.reader.read() == b""


async def test_logout_says_good_bye(alice: ImapClient) -> None:
    said = await alice.say("LOGOUT")
    assert said[0].startswith(b"* BYE")
    assert said[1].startswith(b"OK")
    assert await alice.reader.read() == b""


async def test_unauthenticate_is_the_way_to_another_account(imap: Door) -> None:
    async with connected(imap.port, "alice") as client:
        await client.ok("CREATE mine")
        await client.ok("UNAUTHENTICATE")
        await client.login("bob")
        assert await client.ok('LIST "" mine') == []


async def test_a_silent_client_that_is_not_logged_in_is_sent_away(mail_site: Site) -> None:
    async with mail_site.door(house=mail_site.house(login=0.05)) as door, connected(door.port) as client:
        assert (await client.answer()).startswith(b"* BYE")
        assert await client.reader.read() == b""


async def test_compressed_both_ways(alice: ImapClient) -> None:
    import zlib

    await alice.ok("COMPRESS DEFLATE")
    out, back = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
    alice.writer.write(out.compress(b"z NOOP\r\n") + out.flush(zlib.Z_SYNC_FLUSH))
    assert back.decompress(await alice.reader.read(1000)).startswith(b"z OK")


async def test_a_fault_of_ours_is_a_bye_with_an_id(mail_site: Site, alice: ImapClient) -> None:
    mail_site.mail.shard("alice@example.org")._closed = True
    mail_site.post.store = None  # type: ignore[assignment] # broken on purpose
    alice.writer.write(b"a STATUS INBOX (MESSAGES)\r\n")
    assert (await alice.answer()).startswith(b"* BYE [SERVERBUG] Internal error ")
    assert await alice.reader.read() == b""


async def test_a_store_that_is_away_is_said_and_the_connection_stays(mail_site: Site, alice: ImapClient) -> None:
    shard = mail_site.mail.shard("alice@example.org")
    shard._closed = True
    assert b"[UNAVAILABLE]" in await alice.refused("STATUS INBOX (MESSAGES)")
    shard._closed = False
    assert await alice.ok("STATUS INBOX (MESSAGES)") == [b"* STATUS INBOX (MESSAGES 0)"]
