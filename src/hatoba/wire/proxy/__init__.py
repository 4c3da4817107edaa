"""The PROXY protocol, versions 1 and 2, receiving side: who really connected, told by a proxy in front of us."""

from hatoba.wire.proxy.preamble import Proxied, ProxyEngine

__all__ = ["Proxied", "ProxyEngine"]
