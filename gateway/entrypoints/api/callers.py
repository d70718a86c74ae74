"""Who is calling: `Authorization: Bearer gw_…` -> the client.

A key that was found good is believed for `BELIEVED` seconds without asking the store again: a revoked key stops within
that time. That spares each call a transaction. Keys stand here only as SHA-256, and bad ones are never remembered.
"""

from __future__ import annotations

from hashlib import sha256
from time import monotonic
from typing import Final

from gateway.flows.admin import authenticate
from gateway.flows.context import Caller, Gateway
from gateway.kernel.errors import Unauthenticated

BELIEVED: Final = 2.0

_MOST: Final = 1_000
_LONGEST: Final = 200


class Callers:
    """The clients of one app that called just now."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: dict[bytes, tuple[float, Caller]] = {}

    def named(self, authorization: str) -> Caller:
        """The header's text -> the client. Raises Unauthenticated, and Unavailable when the store cannot be asked."""
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key.isascii() or not 0 < len(key) <= _LONGEST:
            raise Unauthenticated("an API key is needed: Authorization: Bearer gw_…")
        now = monotonic()
        digest = sha256(key.encode()).digest()
        until, caller = self._known.get(digest, (0.0, None))
        if caller is None or until <= now:
            self._known.pop(digest, None)
            caller = authenticate(self._gateway, key.strip())
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[digest] = (now + BELIEVED, caller)
        return caller
