"""The protocols as engines without IO: bytes in, events out, answers in, bytes out."""
