"""The protocol of ClamAV's daemon: commands ended by NUL, a letter in counted pieces, one line of answer."""

from hatoba.wire.clamd.client import ClamdEngine, Clean, Found, Ping, Pong, Scan, Trouble, Version

__all__ = ["ClamdEngine", "Clean", "Found", "Ping", "Pong", "Scan", "Trouble", "Version"]
