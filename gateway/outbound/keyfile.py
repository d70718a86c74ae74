"""The root key in a file of mode 0600, or in `GATEWAY_ROOT_KEY`: 32 bytes in Base64, AES-256-GCM.

Whoever loses it loses every pseudonym, tombstone and opening: keep a copy away from the database and its backups.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.identifiers.keys import KEY_BYTES
from gateway.kernel.errors import InvalidInput, Unavailable
from gateway.settings import read_private

_NONCE: Final = 12
_NO_MACS: Final = "a key file computes no MACs: set GATEWAY_KEY_SERVICE to pkcs11, kms or transit"


def make_root_key() -> str:
    """A fresh root key as Base64 text."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def read_root_key(text: str | None, path: Path) -> bytes:
    """Root key from its Base64 text, else from the key file -> 32 bytes. Raises Unavailable with what to do."""
    if text is None and not path.exists():
        raise Unavailable(f"no root key: set GATEWAY_ROOT_KEY or run `gateway init` ({path} is missing)")
    encoded = read_private(path) if text is None else text.encode(errors="replace")
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise Unavailable("the root key is not 32 bytes in Base64")
    return key


def make_root_key_file(path: Path) -> str:
    """Write a new root key to `path` where there is none -> what to tell the operator, "" when there was one."""
    if path.exists():
        return ""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(make_root_key() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return (
        f"A new root key is in {path}\nKeep a copy away from this machine: without it nobody can read the store again."
    )


class FileRootKey:
    """The root key (32 bytes) in this process. It computes no MACs: match keys are unwrapped like all others."""

    service: Final = "file"

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def prepare(self) -> str:
        """Nothing is to be made: the key is there -> ""."""
        return ""

    def wrap(self, context: bytes, key: bytes) -> bytes:
        """A key and its context -> nonce and ciphertext."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, key, context)

    def unwrap(self, context: bytes, wrapped: bytes) -> bytes:
        """The reverse of `wrap`. Raises Unavailable when it does not open."""
        try:
            return self._cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], context)
        except (InvalidTag, ValueError) as error:
            raise Unavailable("the keyring does not open under this root key") from error

    def make_mac_key(self, label: str) -> NoReturn:
        """Raises InvalidInput: a file computes no MACs, whatever the `label`."""
        del label
        raise InvalidInput(_NO_MACS, field="macs_in_service", rule="key_service")

    def mac_key(self, reference: str) -> NoReturn:
        """Raises Unavailable: no `reference` is of a key in a file."""
        del reference
        raise Unavailable(_NO_MACS)

    def destroy_mac_key(self, reference: str) -> NoReturn:
        """Raises Unavailable: no `reference` is of a key in a file."""
        del reference
        raise Unavailable(_NO_MACS)
