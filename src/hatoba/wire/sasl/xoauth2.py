"""XOAUTH2: a bearer token in the form Google and Microsoft use. No RFC; Google's "XOAUTH2 Protocol" page.

Called by the exchange's owner through `sasl.server`.
Never checks the token.
Fails with PeerError on a malformed message.
"""

from collections.abc import Mapping

from hatoba.wire.sasl import bearer, steps


class XOAuth2Server(bearer.Bearer):
    """user=name ^A auth=Bearer token ^A ^A"""

    __slots__ = ()

    def read(self, message: str) -> steps.Step:
        found = bearer.fields(message)
        if set(found) != {"user", "auth"}:
            raise steps.bad("XOAUTH2 has a user and a token")
        name = steps.identity(found["user"], "")
        return name if isinstance(name, steps.Failure) else steps.Claim("token", name, bearer.token(found["auth"]))

    def words(self, scope: str) -> Mapping[str, str]:
        return {"status": "401", "schemes": "bearer", "scope": scope}
