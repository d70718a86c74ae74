"""The port to what holds the root key: a key file, a PKCS#11 token, AWS KMS, or OpenBao / HashiCorp Vault Transit.

The root key never reaches the keyring: the service wraps and unwraps the tenants' keys, each bound to its context. A
service that computes MACs can hold match keys as well, which then never leave it. Whatever fails raises Unavailable
with what to do; no text holds a key, a PIN or a token.
"""

from __future__ import annotations

from typing import Protocol

from gateway.identifiers.keys import MacKey


class RootKey(Protocol):
    """The root key, wherever it is kept. `service` is its name in GATEWAY_KEY_SERVICE."""

    @property
    def service(self) -> str:
        """The service's name."""
        ...

    def prepare(self) -> str:
        """Make the root key where it is missing -> what the operator is told about it, "" when it was there."""
        ...

    def wrap(self, context: bytes, key: bytes) -> bytes:
        """A tenant's key and what it is (ASCII) -> the wrapped key, which opens under the same context alone."""
        ...

    def unwrap(self, context: bytes, wrapped: bytes) -> bytes:
        """The reverse of `wrap`. Raises Unavailable for another context, another root key, or changed bytes."""
        ...

    def make_mac_key(self, label: str) -> str:
        """Make a key for HMAC-SHA256 that does not leave the service -> its reference.

        `label` is unique and made of a-z, 0-9 and hyphens. Raises InvalidInput where the service computes no MACs.
        """
        ...

    def mac_key(self, reference: str) -> MacKey:
        """The key of a reference. Raises Unavailable when it is not there or could leave the service."""
        ...

    def destroy_mac_key(self, reference: str) -> None:
        """Destroy the key of a reference; one that is gone already is no error."""
        ...
