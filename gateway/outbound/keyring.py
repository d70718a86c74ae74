"""The keyring: one file of mode 0600 with every tenant's keys, wrapped by the root key (`gateway.outbound.root_key`).

    {"version": 2, "service": "file", "tenants": {"<id>": {
        "keys":  {"<purpose>": "<wrapped>", ...},                                  all purposes but match
        "match": {"<version>": {"wrapped": "<wrapped>", "reference": "<name>"}}}}}

A match key with a reference stays in the key service; `wrapped` is then the reference, so that nobody moves it to
another tenant or version. Version 1 of the file held `{"<purpose>": "<wrapped>"}` per tenant, of the service `file`; it
is read, and written as version 2 at the next change. So the context of a match key's version 1 is the same in both.

Order of events: a change is made under an exclusive lock and is durable when the call returns; keys are made in the
service before the file names them, and destroyed there before the file forgets them, so that a call that was
cut short can be repeated. Keys are unwrapped at first use and stay in memory until `refresh` or `destroy`.
"""

from __future__ import annotations

import base64
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

import orjson

from gateway.identifiers.keys import KEY_BYTES, HmacKey, KeyPurpose, MacKey, TenantKeys
from gateway.kernel.errors import Conflict, Unavailable
from gateway.outbound.root_key import RootKey

_VERSION: Final = 2
_MATCH: Final = KeyPurpose.MATCH
_RETIRED: Final = frozenset({"outward"})
"""Purposes of keys that older keyrings hold and nothing uses any more."""
_RANDOM: Final = 6
_DAMAGED: Final = "the keyring does not open: a part of it is damaged"

Tenant = dict[str, Any]
"""What the file says of one tenant: `keys` and `match`."""


class Keyring:
    """Keys of all tenants, in one file under one root key."""

    def __init__(self, path: Path, root: RootKey) -> None:
        self._path = path
        self._root = root
        self._tenants: dict[int, TenantKeys] = {}
        self._changes = 0
        self._lock = Lock()

    @property
    def service(self) -> str:
        """The name of the service that holds the root key."""
        return self._root.service

    def tenant(self, tenant_id: int) -> TenantKeys:
        """The tenant's keys. Raises Unavailable when the file, the tenant, the root key or its service is not there."""
        return self._tenants.get(tenant_id) or self.refresh(tenant_id)

    def refresh(self, tenant_id: int) -> TenantKeys:
        """Forget the tenant's keys and read the file again -> its keys. Raises Unavailable as `tenant` does."""
        seen = self._forget(tenant_id)
        keys = self._unwrap(tenant_id, _of(self._read(), tenant_id))
        with self._lock:
            if self._changes == seen:
                self._tenants[tenant_id] = keys
        return keys

    def create(self, tenant_id: int, *, macs_in_service: bool = False) -> TenantKeys:
        """Make and store all keys of a new tenant; with `macs_in_service` its match keys stay in the key service.

        Raises Conflict when it has some already, InvalidInput when the service computes no MACs.
        """
        with self._rewriting() as tenants:
            if str(tenant_id) in tenants:
                raise Conflict("the keyring holds keys of this tenant already")
            tenants[str(tenant_id)] = {
                "keys": {
                    purpose.value: self._wrap(_context(tenant_id, purpose), os.urandom(KEY_BYTES))
                    for purpose in KeyPurpose
                    if purpose is not _MATCH
                },
                "match": {"1": self._make_match(tenant_id, 1, in_service=macs_in_service)},
            }
        return self.refresh(tenant_id)

    def add_version(self, tenant_id: int) -> int:
        """A new match key, in the service if the newest one is -> its version. Raises Unavailable without a tenant."""
        with self._rewriting() as tenants:
            match = _of(tenants, tenant_id)["match"]
            newest = _newest(match)
            version = newest + 1
            in_service = "reference" in match[str(newest)]
            match[str(version)] = self._make_match(tenant_id, version, in_service=in_service)
        self._forget(tenant_id)
        return version

    def destroy_version(self, tenant_id: int, version: int) -> None:
        """Destroy a match key; one that is gone already is no error. Raises Conflict for the newest."""
        with self._rewriting() as tenants:
            match = _of(tenants, tenant_id)["match"]
            if version == _newest(match):
                raise Conflict("the newest match key cannot be destroyed: rotate first")
            self._destroy_match(_context(tenant_id, _MATCH, version), match.pop(str(version), {}))
        self._forget(tenant_id)

    def destroy(self, tenant_id: int) -> None:
        """Destroy all keys of a tenant: whatever was made with them says nothing any more."""
        with self._rewriting() as tenants:
            if str(tenant_id) in tenants:
                for version, stored in _of(tenants, tenant_id)["match"].items():
                    self._destroy_match(_context(tenant_id, _MATCH, int(version)), stored)
                del tenants[str(tenant_id)]
        self._forget(tenant_id)

    def _forget(self, tenant_id: int) -> int:
        """Drop the tenant's keys -> how often that was done: who read before then keeps nothing of it in memory."""
        with self._lock:
            self._changes += 1
            self._tenants.pop(tenant_id, None)
            return self._changes

    def _make_match(self, tenant_id: int, version: int, *, in_service: bool) -> dict[str, str]:
        context = _context(tenant_id, _MATCH, version)
        if not in_service:
            return {"wrapped": self._wrap(context, os.urandom(KEY_BYTES))}
        label = f"consent-gateway-{tenant_id}-match-{version}-{os.urandom(_RANDOM).hex()}"
        reference = self._root.make_mac_key(label)
        return {"wrapped": self._wrap(_as_reference(context), reference.encode()), "reference": reference}

    def _destroy_match(self, context: bytes, stored: dict[str, str]) -> None:
        if "reference" in stored:
            self._root.destroy_mac_key(self._reference(context, stored))

    def _wrap(self, context: bytes, key: bytes) -> str:
        return base64.b64encode(self._root.wrap(context, key)).decode()

    def _open(self, context: bytes, text: str) -> bytes:
        return self._root.unwrap(context, base64.b64decode(text, validate=True))

    def _unwrap(self, tenant_id: int, stored: Tenant) -> TenantKeys:
        try:
            purposes = {KeyPurpose(name): text for name, text in stored["keys"].items() if name not in _RETIRED}
            raw = {purpose: self._open(_context(tenant_id, purpose), text) for purpose, text in purposes.items()}
            match = {
                int(version): self._match(_context(tenant_id, _MATCH, int(version)), one)
                for version, one in stored["match"].items()
            }
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Unavailable(_DAMAGED) from error
        if any(len(key) != KEY_BYTES for key in raw.values()):
            raise Unavailable("the keyring does not open: a key does not have 32 bytes")
        return TenantKeys(raw, match)

    def _match(self, context: bytes, stored: dict[str, str]) -> MacKey:
        if "reference" in stored:
            return self._root.mac_key(self._reference(context, stored))
        return HmacKey(self._open(context, stored["wrapped"]))

    def _reference(self, context: bytes, stored: dict[str, str]) -> str:
        """The reference of a match key. Raises Unavailable unless it is the one that was stored for this context."""
        reference = stored["reference"]
        if self._open(_as_reference(context), stored["wrapped"]) != reference.encode():
            raise Unavailable("the keyring does not open: a reference to the key service was changed")
        return reference

    def _read(self) -> dict[str, Tenant]:
        try:
            if self._path.stat().st_mode & 0o077:
                raise Unavailable(f"the keyring can be read by others: chmod 600 {self._path}")
            content = orjson.loads(self._path.read_bytes())
            version, tenants = content["version"], dict(content["tenants"])
            service = "file" if version == 1 else content["service"]
        except FileNotFoundError:
            return {}
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise Unavailable("the keyring cannot be read") from error
        if version not in {1, _VERSION}:
            raise Unavailable("the keyring was written by a newer program")
        if service != self._root.service:
            message = f"the keyring is wrapped by the key service {service}: set GATEWAY_KEY_SERVICE to it"
            raise Unavailable(message)
        return {name: _upgraded(one) for name, one in tenants.items()} if version == 1 else tenants

    @contextmanager
    def _rewriting(self) -> Iterator[dict[str, Tenant]]:
        """The file's tenants under an exclusive lock; written back whole, by rename, when the block ends well."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tenants = self._read()
            yield tenants
            content = {"version": _VERSION, "service": self._root.service, "tenants": tenants}
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".keyring-")
            with os.fdopen(descriptor, "wb") as file:
                file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)


def _of(tenants: dict[str, Tenant], tenant_id: int) -> Tenant:
    stored = tenants.get(str(tenant_id))
    if stored is None:
        raise Unavailable("the keyring holds no keys of this tenant")
    match = stored.get("match")
    if not isinstance(match, dict) or not all(
        version.isdecimal() and isinstance(one, dict) for version, one in match.items()
    ):
        raise Unavailable(_DAMAGED)
    return stored


def _newest(match: dict[str, Any]) -> int:
    if not match:
        raise Unavailable(_DAMAGED)
    return max(int(version) for version in match)


def _upgraded(wrapped: dict[str, str]) -> Tenant:
    """A tenant of version 1 of the file -> the same of version 2."""
    match = {"1": {"wrapped": wrapped[_MATCH]}} if _MATCH in wrapped else {}
    return {"keys": {name: text for name, text in wrapped.items() if name != _MATCH}, "match": match}


def _context(tenant_id: int, purpose: KeyPurpose, version: int = 1) -> bytes:
    """What a wrapped key is bound to; the first version goes without saying."""
    suffix = "" if version == 1 else f":{version}"
    return f"consent-gateway:{tenant_id}:{purpose.value}{suffix}".encode()


def _as_reference(context: bytes) -> bytes:
    return context + b":reference"
