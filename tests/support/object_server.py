"""An S3-compatible server of its own process, on loopback: moto, which keeps its objects in memory.

Used by the store's and the story tests. `down` closes its port and `up` opens it again with the objects as they were;
`pause` lets it accept connections and answer nothing. Objects are looked at and spoiled through `client`.
Never reachable from elsewhere; ends with its test.
"""

import signal
import subprocess
import sys
import urllib.request
from types import TracebackType
from typing import Any, Self

import obstore
from obstore.store import S3Store
from tests.support.postfix import free_port

KEY, SECRET = "AKIATESTTESTTESTTEST", "never-to-be-seen-in-any-log"
_SERVER = """
import sys
from moto.server import ThreadedMotoServer

port = int(sys.argv[1])
server = None
for line in sys.stdin:
    if line == "up\\n" and server is None:
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        server.start()
    elif line == "down\\n" and server is not None:
        server.stop()
        server = None
    print(line, end="", flush=True)
"""


class ObjectServer:
    """`url` of a bucket with a prefix, `endpoint` for blobs.endpoint."""

    bucket = "mail"

    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.url = f"s3://{self.bucket}/hatoba"
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _SERVER, str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        self.up()
        request = urllib.request.Request(f"{self.endpoint}/{self.bucket}", method="PUT")  # noqa: S310  # our own server
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
            assert answer.status == 200
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.communicate()

    def up(self) -> None:
        """Opens the port; twice is once."""
        self._say("up")

    def down(self) -> None:
        """Closes the port; twice is once."""
        self._say("down")

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == word + "\n"

    def pause(self) -> None:
        """From now on it answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    @property
    def client(self) -> S3Store:
        """The bucket below the prefix, for a test's own eyes and hands."""
        return S3Store(
            self.bucket,
            prefix="hatoba",
            config={
                "endpoint": self.endpoint, "region": "us-east-1", "access_key_id": KEY, "secret_access_key": SECRET,
            },
            client_options={"allow_http": True},
        )  # fmt: skip

    def keys(self) -> list[str]:
        """What lies in the shards' folders, without the sweep's own marks."""
        found: list[Any] = [entry["path"] for page in obstore.list(self.client) for entry in page]
        return sorted(key for key in found if "/" in key and not key.endswith("/clock"))

    def settings(self) -> dict[str, Any]:
        """The fields of blobs.Settings that lead here."""
        return {
            "url": self.url, "endpoint": self.endpoint, "region": "us-east-1", "access_key": KEY, "secret_key": SECRET,
            "timeout": 30.0, "connect_timeout": 5.0, "retries": 1,
        }  # fmt: skip
