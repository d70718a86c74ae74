"""Profile ids as a recipient sees them: pairwise, so that two recipients cannot compare notes."""

from __future__ import annotations

import base64

from gateway.flows.context import Caller, Gateway
from gateway.identifiers.keys import KeyPurpose, fields

_BYTES = 15


def outward_id(gateway: Gateway, caller: Caller, profile_id: int) -> str:
    """Internal profile id -> the caller's own name for it, `prf_` and 24 characters."""
    key = gateway.keys.tenant(caller.tenant_id).hmac(KeyPurpose.OUTWARD)
    mac = key.mac(fields(str(caller.client_id), str(profile_id)))
    return "prf_" + base64.b32encode(mac[:_BYTES]).decode().lower()
