"""OAUTHBEARER: a bearer token behind a GS2 header. # RFC 7628

Called by the exchange's owner through `sasl.server`.
Never checks the token.
Fails with PeerError on a malformed message.
"""

from collections.abc import Mapping

from hatoba.wire.sasl import bearer, steps
from hatoba.wire.sasl.scram import unescape


class OAuthBearerServer(bearer.Bearer):
    """n,a=name, ^A key=value ^A … auth=Bearer token ^A ^A; without a=, the token says who it is."""

    __slots__ = ()

    def read(self, message: str) -> steps.Step:
        header, separator, rest = message.partition(",\x01")
        flag, comma, authzid = header.partition(",")
        if flag.startswith("p="):
            return steps.Failure("channel binding is not offered")
        if not separator or not comma or flag not in ("n", "y") or not (authzid == "" or authzid.startswith("a=")):
            raise steps.bad("a malformed GS2 header")
        found = bearer.fields(rest)
        if not found.get("auth"):  # a client that asks where to get a token  # RFC 7628 §4.3
            return self.refuse()
        token = bearer.token(found["auth"])
        if not authzid:
            return steps.Claim("token", "", token)
        name = steps.identity(unescape(authzid[2:]), "")
        return name if isinstance(name, steps.Failure) else steps.Claim("token", name, token)

    def words(self, scope: str) -> Mapping[str, str]:
        return {"status": "invalid_token"} | ({"scope": scope} if scope else {})
