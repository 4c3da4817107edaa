"""The small HTTP server's engine: however its requests are cut, it reads the same; nothing but PeerError escapes."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from hatoba.model.status import PeerError
from hatoba.wire import engine
from hatoba.wire.http.server import Reply, Request, ServerEngine

MOST = 64
BODIES = st.binary(max_size=MOST)
PATHS = st.text("abc/.?=&%+@", max_size=20).map(lambda text: f"/{text}")
WORDS = st.sampled_from(
    [b"GET ", b"POST ", b"/ ", b"HTTP/1.1", b"\r\n", b"\r\n\r\n", b"Host: x", b"Content-Length: ", b"5", b"0", b"-1",
     b"Transfer-Encoding: chunked", b"\n", b"\0", b"hello", b" " * 9000]
)  # fmt: skip


def requests(made: ServerEngine) -> list[Request]:
    """Those that are whole by now, each answered."""
    found = []
    while isinstance(event := made.next_event(), Request):
        found.append(event)
        assert made.next_event() is engine.PAUSED
        made.send(Reply(200, b"x", then=""))
    return found


@given(
    st.lists(st.tuples(PATHS, BODIES | st.none()), max_size=4), st.lists(st.integers(1, 40), min_size=1, max_size=60)
)
def test_however_it_is_cut(asked: list[tuple[str, bytes | None]], cuts: list[int]) -> None:
    octets = b"".join(
        f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
        if body is None
        else f"POST {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\nHost: h\r\n\r\n".encode() + body
        for path, body in asked
    )
    made, found = ServerEngine(MOST), []
    for cut in cuts:
        piece, octets = octets[:cut], octets[cut:]
        if piece:
            made.receive(piece)
            found += requests(made)
    for start in range(0, len(octets), 100):
        made.receive(octets[start : start + 100])
        found += requests(made)
    assert [(one.path + ("?" + one.query if one.query else ""), one.body) for one in found] == [
        (path.removesuffix("?") if path.count("?") == 1 else path, body or b"") for path, body in asked
    ]


@given(st.lists(WORDS, max_size=30), st.integers(0, MOST))
def test_anything(words: list[bytes], most: int) -> None:
    made = ServerEngine(most)
    with suppress(PeerError):
        for word in words:
            made.receive(word)
            for request in requests(made):
                assert len(request.body) <= most
        made.receive(b"")
        assert made.next_event() is engine.CLOSED
