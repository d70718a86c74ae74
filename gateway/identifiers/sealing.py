"""Sealed values: AES-256-GCM under a key that is derived for one request and destroyed with its salt.

key = HKDF-SHA256(K[tenant, "seal"], salt, context)      (RFC 5869)
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.identifiers.keys import KEY_BYTES, KeyPurpose, TenantKeys
from gateway.kernel.errors import Unavailable

_SALT = 16
_NONCE = 12


def seal(keys: TenantKeys, context: str, value: bytes) -> bytes:
    """Value -> salt, nonce and ciphertext. `context` (what it belongs to) must be given again to open it."""
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    return salt + nonce + _cipher(keys, context, salt).encrypt(nonce, value, context.encode())


def unseal(keys: TenantKeys, context: str, sealed: bytes) -> bytes:
    """What `seal` made -> the value. Raises Unavailable when it does not open."""
    salt, nonce, body = sealed[:_SALT], sealed[_SALT : _SALT + _NONCE], sealed[_SALT + _NONCE :]
    try:
        return _cipher(keys, context, salt).decrypt(nonce, body, context.encode())
    except InvalidTag:
        raise Unavailable("a sealed value does not open under the tenant's key") from None


def _cipher(keys: TenantKeys, context: str, salt: bytes) -> AESGCM:
    key = HKDF(SHA256(), KEY_BYTES, salt, context.encode()).derive(keys.secret(KeyPurpose.SEAL))
    return AESGCM(key)
