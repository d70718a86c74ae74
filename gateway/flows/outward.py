"""Profile ids as a recipient sees them: pairwise, so that two recipients cannot compare notes."""

from __future__ import annotations

from gateway.flows.context import Caller, Gateway
from gateway.identifiers.keys import KeyPurpose

_BYTES = 12


def outward_id(gateway: Gateway, caller: Caller, profile_id: int) -> str:
    """Internal profile id -> the caller's own name for it, `prf_` and 24 characters."""
    key = gateway.keys.tenant(caller.tenant_id).hmac(KeyPurpose.OUTWARD)
    mac = key.mac(b"%d %d" % (caller.client_id, profile_id))
    return "prf_" + mac[:_BYTES].hex()
