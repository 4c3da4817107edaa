"""A steady load by several threads over plain SMTP, which notes every id that was acknowledged with 250.

Used by crash and story tests. A refused connection or one that dies in the middle is no acknowledgement; the thread
dials again. `refused` counts connects that failed or got no greeting, apart from sessions that were ended by a 421.
Bounded: it stops after `most` letters or when told.
"""

import itertools
import re
import smtplib
import threading
import time
from collections import Counter

_QUEUED = re.compile(rb"queued as ([0-9A-Z]{13})")
BODY = "From: <alice@example.org>\r\nSubject: load\r\n\r\n" + "x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 14


class Load:
    """Threads that submit to 127.0.0.1:port until `stop`."""

    def __init__(
        self, port: int, *recipients: str, threads: int = 4, most: int = 100_000, timeout: float = 10.0
    ) -> None:
        self.port, self.most, self._timeout = port, most, timeout
        self._recipients = itertools.cycle(recipients)  # one after the other
        self.acknowledged: set[str] = set()
        self.failures = 0
        self.codes: Counter[int] = Counter()  # of the replies that were no 250
        self.refused: list[str] = []  # why each connect failed; a 421 for a greeting is an answer and not among them
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def count(self) -> int:
        with self._lock:
            return len(self.acknowledged)

    def wait_for(self, count: int, seconds: float = 30.0) -> None:
        """Returns once that many letters were acknowledged; TimeoutError tells how many were."""
        deadline = time.monotonic() + seconds
        while self.count() < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.count()} of {count} acknowledged, {self.failures} failures")
            time.sleep(0.002)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._dial() as client:
                    client.ehlo()
                    self._send(client)
            except (OSError, smtplib.SMTPException) as error:
                with self._lock:
                    self.failures += 1
                    if isinstance(error, smtplib.SMTPResponseException):
                        self.codes[error.smtp_code] += 1
                self._stop.wait(0.02)  # the listener may be away for a moment

    def _dial(self) -> smtplib.SMTP:
        """A connection that was greeted."""
        try:
            return smtplib.SMTP("127.0.0.1", self.port, timeout=self._timeout)
        except smtplib.SMTPConnectError as error:
            if error.smtp_code != 421:
                self._note(error)
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._note(error)
            raise

    def _note(self, error: Exception) -> None:
        with self._lock:
            self.refused.append(repr(error))

    def _send(self, client: smtplib.SMTP) -> None:
        while not self._stop.is_set() and self.count() < self.most:
            for command in ("MAIL FROM:<alice@example.org>", f"RCPT TO:<{next(self._recipients)}>", "DATA"):
                code, text = client.docmd(command)
                if code not in (250, 354):
                    raise smtplib.SMTPResponseException(code, text)
            client.send(BODY + ".\r\n")
            code, text = client.getreply()
            found = _QUEUED.search(text)
            if code != 250 or found is None:
                raise smtplib.SMTPResponseException(code, text)
            with self._lock:
                self.acknowledged.add(found[1].decode())
