"""The bench's own clients of LMTP, IMAP and POP3: raw sockets, no parsing beyond the end of an answer; and its letters.

Called by bench/mail_meters.py. What is measured is the server: a client that parsed would be slower than it.
"""

import random
import socket
from collections.abc import Iterable

HOST = "127.0.0.1"
_WORDS = [
    "".join(random.Random(number).choices("abcdefghijklmnopqrstuvwxyz", k=3 + number % 7)) for number in range(3000)
]
_JAPANESE = (
    "会議",
    "資料",
    "請求",
    "見積",
    "納品",
    "在庫",
    "発注",
    "出荷",
    "確認",
    "連絡",
    "担当",
    "予定",
    "変更",
    "契約",
)
RARE, RARE_JAPANESE = "quixotry", "鳩羽"  # in one letter of RARE_IN, nowhere else
RARE_IN = 1000


def letter(number: int, size: int, recipient: str = "testuser@example.test") -> bytes:
    """A plain letter of about `size` octets, the same for the same number: English and Japanese words."""
    draw = random.Random(number)
    minute, second = number // 60 % 60, number % 60
    rare = number % RARE_IN == 0
    subject = " ".join(draw.choices(_WORDS, k=5)) + (f" {RARE}" if rare else "")
    head = (
        f"Received: from a.example by b.example with ESMTP id {number:x};\r\n\tTue, 1 Sep 2026 10:00:00 +0000\r\n"
        f"From: Sender {number % 97} <s{number % 97}@sender.example>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n"
        f"Date: Tue, 1 Sep 2026 10:{minute:02}:{second:02} +0000\r\nMessage-ID: <{number}@sender.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    lines = [f"{draw.choice(_JAPANESE)}の{draw.choice(_JAPANESE)}について" + ("、" + RARE_JAPANESE if rare else "")]
    octets = len(head) + 3 * len(lines[0])
    while octets < size:
        line = " ".join(draw.choices(_WORDS, k=9))
        octets += len(line) + 2
        lines.append(line)
    return (head + "\r\n".join(lines) + "\r\n").encode()


class Line:
    """A connection; `read` to the end of a line, `until` to a mark."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=600)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._held = bytearray()

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def read(self) -> bytes:
        """The next line, without its end."""
        return self.until(b"\r\n")

    def until(self, mark: bytes) -> bytes:
        """Everything before `mark`, which is taken, too."""
        looked = 0
        while (found := self._held.find(mark, looked)) < 0:
            looked = max(0, len(self._held) - len(mark))
            self._more()
        octets = bytes(self._held[:found])
        del self._held[: found + len(mark)]
        return octets

    def _more(self) -> None:
        octets = self._socket.recv(1 << 18)
        if not octets:
            raise EOFError(bytes(self._held[-200:]))
        self._held += octets

    def close(self) -> None:
        self._socket.close()


class Imap(Line):
    """One command at a time."""

    def __init__(self, port: int, user: str = "", password: str = "") -> None:
        super().__init__(port)
        self._count = 0
        self.read()
        if user:
            self.do(f"LOGIN {user} {password}".encode())

    def do(self, command: bytes, *literals: bytes) -> bytes:
        """Sends a command, each literal behind a part of it by LITERAL+; everything said before the tagged OK."""
        self._count += 1
        tag = b"b%d" % self._count
        pieces = [tag, b" ", command]
        for octets in literals:
            pieces += [b" {%d+}\r\n" % len(octets), octets]
        self.send(b"".join([*pieces, b"\r\n"]))
        return self.answered(tag)

    def answered(self, tag: bytes) -> bytes:
        """Up to the tagged line, which has to be OK."""
        mark = b"\r\n" + tag + b" "
        said = b"" if self._starts(tag + b" ") else self.until(mark)
        line = self.read()
        if not line.startswith(b"OK"):
            raise RuntimeError(line.decode("utf-8", "replace"))
        return said

    def _starts(self, mark: bytes) -> bool:
        while len(self._held) < len(mark):
            self._more()
        if not self._held.startswith(mark):
            return False
        del self._held[: len(mark)]
        return True

    def idle(self) -> None:
        """Waits for what others do from here on."""
        self.send(b"idle IDLE\r\n")
        while not self.read().startswith(b"+"):
            pass

    def told(self) -> None:
        """Until IDLE tells of a letter."""
        while not self.read().endswith(b"EXISTS"):
            pass


class Lmtp(Line):
    """MAIL, RCPT and DATA in one piece, as real clients of PIPELINING do."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.read()
        self.send(b"LHLO bench.example\r\n")
        while self.read()[3:4] == b"-":
            pass

    def deliver(self, recipients: Iterable[str], octets: bytes) -> None:
        """One letter; every recipient has to be told 250 behind it."""
        listed = list(recipients)
        paths = b"".join(f"RCPT TO:<{one}>\r\n".encode() for one in listed)
        self.send(b"MAIL FROM:<s@sender.example>\r\n" + paths + b"DATA\r\n")
        for code in (b"250", *(b"250" for _ in listed), b"354"):
            self._expect(code)
        self.send(octets.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        for _ in listed:
            self._expect(b"250")

    def _expect(self, code: bytes) -> None:
        line = self.read()
        if not line.startswith(code):
            raise RuntimeError(line.decode("utf-8", "replace"))


class Pop3(Line):
    """Logged in; letters one by one, or many asked for at once."""

    def __init__(self, port: int, user: str, password: str) -> None:
        super().__init__(port)
        self.read()
        for command in (f"USER {user}", f"PASS {password}"):
            self.ask(command.encode())
        self.count = int(self.ask(b"STAT").split()[1])

    def ask(self, command: bytes) -> bytes:
        self.send(command + b"\r\n")
        line = self.read()
        if not line.startswith(b"+OK"):
            raise RuntimeError(line.decode("utf-8", "replace"))
        return line

    def retrieve(self, number: int) -> int:
        """Octets of the letter."""
        self.ask(b"RETR %d" % number)
        return len(self.until(b"\r\n.\r\n"))
