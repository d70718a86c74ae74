"""The file keyring: one file of mode 0600, every tenant key wrapped by the root key (AES-256-GCM).

The root key (32 bytes, Base64) comes from a key file of mode 0600 or from `GATEWAY_ROOT_KEY`. Whoever loses it loses
every pseudonym, tombstone and opening: keep a copy away from the database and its backups.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.identifiers.keys import KEY_BYTES, KeyPurpose, TenantKeys
from gateway.kernel.errors import Conflict, Unavailable

_NONCE = 12
_RETIRED = frozenset({"outward"})
"""Purposes of keys that older keyrings hold and nothing uses any more."""


def make_root_key() -> str:
    """A fresh root key as Base64 text."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def read_root_key(text: str | None, path: Path) -> bytes:
    """Root key from its Base64 text, else from the key file -> 32 bytes. Raises Unavailable with what to do."""
    if text is not None:
        encoded = text.encode(errors="replace")
    else:
        try:
            if path.stat().st_mode & 0o077:
                raise Unavailable(f"the root key file can be read by others: chmod 600 {path}")
            encoded = path.read_bytes()
        except OSError as error:
            raise Unavailable(f"no root key: set GATEWAY_ROOT_KEY or run `gateway init` ({path} is missing)") from error
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise Unavailable("the root key is not 32 bytes in Base64")
    return key


class FileKeyring:
    """Keys of all tenants in one file, unwrapped on first use and kept in memory."""

    def __init__(self, path: Path, root_key: bytes) -> None:
        self._path = path
        self._cipher = AESGCM(root_key)
        self._tenants: dict[int, TenantKeys] = {}

    def tenant(self, tenant_id: int) -> TenantKeys:
        """The tenant's keys. Raises Unavailable when the file, the tenant or the root key is not there."""
        keys = self._tenants.get(tenant_id)
        if keys is None:
            wrapped = self._read().get(str(tenant_id))
            if wrapped is None:
                raise Unavailable("the keyring holds no keys of this tenant")
            keys = self._tenants[tenant_id] = self._unwrap(tenant_id, wrapped)
        return keys

    def create(self, tenant_id: int) -> TenantKeys:
        """Make and store all keys of a new tenant. Raises Conflict when it has some already."""
        raw = {purpose: os.urandom(KEY_BYTES) for purpose in KeyPurpose}
        with self._rewriting() as tenants:
            if str(tenant_id) in tenants:
                raise Conflict("the keyring holds keys of this tenant already")
            tenants[str(tenant_id)] = {
                purpose.value: self._wrap(tenant_id, purpose, key) for purpose, key in raw.items()
            }
        keys = self._tenants[tenant_id] = TenantKeys(raw)
        return keys

    def destroy(self, tenant_id: int) -> None:
        """Destroy all keys of a tenant: whatever was made with them says nothing any more."""
        with self._rewriting() as tenants:
            tenants.pop(str(tenant_id), None)
        self._tenants.pop(tenant_id, None)

    def _wrap(self, tenant_id: int, purpose: KeyPurpose, key: bytes) -> str:
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, key, _context(tenant_id, purpose))
        return base64.b64encode(nonce + sealed).decode()

    def _unwrap(self, tenant_id: int, wrapped: dict[str, str]) -> TenantKeys:
        raw: dict[KeyPurpose, bytes] = {}
        try:
            for name, text in wrapped.items():
                if name in _RETIRED:
                    continue
                purpose = KeyPurpose(name)
                sealed = base64.b64decode(text, validate=True)
                raw[purpose] = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _context(tenant_id, purpose))
        except (InvalidTag, ValueError) as error:
            raise Unavailable("the keyring does not open under this root key") from error
        return TenantKeys(raw)

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            if self._path.stat().st_mode & 0o077:
                raise Unavailable(f"the keyring can be read by others: chmod 600 {self._path}")
            content = orjson.loads(self._path.read_bytes())
            return dict(content["tenants"])
        except FileNotFoundError:
            return {}
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise Unavailable("the keyring cannot be read") from error

    @contextmanager
    def _rewriting(self) -> Iterator[dict[str, dict[str, str]]]:
        """The file's tenants under an exclusive lock; written back whole, by rename, when the block ends well."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tenants = self._read()
            yield tenants
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".keyring-")
            with os.fdopen(descriptor, "wb") as file:
                file.write(orjson.dumps({"version": 1, "tenants": tenants}, option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)


def _context(tenant_id: int, purpose: KeyPurpose) -> bytes:
    return f"consent-gateway:{tenant_id}:{purpose.value}".encode()
