"""The root key and match keys in the Transit engine of OpenBao or HashiCorp Vault.

Keys are not exportable and have no plaintext backup; any that could leave the engine is refused. Wrapping is
aes256-gcm96 with the context as associated data. MACs are asked for 100 at a time, always of version 1 of the engine's
key: a key that is rotated in the engine must not change pseudonyms.

Source: OpenBao API documentation, Transit secrets engine.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import hvac
from hvac.exceptions import Forbidden, InvalidRequest, VaultError
from requests.exceptions import RequestException

from gateway.identifiers.keys import KEY_BYTES, MacKey
from gateway.kernel.errors import Unavailable

_TIMEOUT_SECONDS: Final = 5
_BATCH: Final = 100
_PREFIX: Final = "vault:v1:"
_KEPT_INSIDE: Final = {"exportable": False, "allow_plaintext_backup": False}
_WRAPPING: Final = {"type": "aes256-gcm96", "derived": False}
_MACS: Final = {"type": "hmac", "key_size": KEY_BYTES}

Answer = dict[str, Any]


class TransitRootKey:
    """The root key `key` of the Transit engine mounted at `mount`, on the server at `address`."""

    service: Final = "transit"

    def __init__(self, address: str, mount: str, key: str, token: str) -> None:
        self._mount = mount
        self._key = key
        self._client: Any = hvac.Client(address, token=token, timeout=_TIMEOUT_SECONDS, allow_redirects=False)

    def __repr__(self) -> str:
        return "<TransitRootKey hidden>"

    def prepare(self) -> str:
        """Make the root key where it is missing -> what to tell the operator, or "". Raises Unavailable."""
        if self.find(self._key):
            self.check(self._key, _WRAPPING)
            return ""
        self.write(f"keys/{self._key}", {**_WRAPPING, **_KEPT_INSIDE})
        return (
            f"A new root key is in the Transit engine {self._mount}, named {self._key}\n"
            "Back the server up by its own means: without it nobody can read the store again."
        )

    def wrap(self, context: bytes, key: bytes) -> bytes:
        """A key and its context -> the engine's ciphertext. Raises Unavailable."""
        self.check(self._key, _WRAPPING)
        sent = {"plaintext": _encoded(key), "associated_data": _encoded(context)}
        with _failing_closed():
            return str(self.write(f"encrypt/{self._key}", sent)["ciphertext"]).encode()

    def unwrap(self, context: bytes, wrapped: bytes) -> bytes:
        """The reverse of `wrap`. Raises Unavailable."""
        self.check(self._key, _WRAPPING)
        sent = {"ciphertext": wrapped.decode(errors="replace"), "associated_data": _encoded(context)}
        with _failing_closed():
            return base64.b64decode(self.write(f"decrypt/{self._key}", sent)["plaintext"])

    def make_mac_key(self, label: str) -> str:
        """Make a key for HMAC-SHA256 in the engine -> its name. Raises Unavailable."""
        self.write(f"keys/{label}", {**_MACS, **_KEPT_INSIDE})
        return label

    def mac_key(self, reference: str) -> MacKey:
        """The key of that name. Raises Unavailable when it is not there, no HMAC key, or could leave the engine."""
        self.check(reference, _MACS)
        return _TransitMacKey(self, reference)

    def destroy_mac_key(self, reference: str) -> None:
        """Destroy the key of that name; one that is gone already is no error. Raises Unavailable."""
        if self.find(reference):
            self.write(f"keys/{reference}/config", {"deletion_allowed": True})
            with _failing_closed():
                self._client.delete(f"{self._mount}/keys/{reference}")

    def find(self, name: str) -> Answer | None:
        """The name of a key -> what the engine says of it, None when there is none. Raises Unavailable."""
        with _failing_closed():
            answer = self._client.read(f"{self._mount}/keys/{name}")
            return None if answer is None else dict(answer["data"])

    def check(self, name: str, wanted: Answer) -> None:
        """Raises Unavailable unless the key is there, of the `wanted` kind, and cannot leave the engine."""
        found = self.find(name)
        if found is None:
            raise Unavailable(f"the Transit engine holds no key named {name}: run `gateway init`")
        for what, value in {**wanted, **_KEPT_INSIDE}.items():
            if found.get(what) != value:
                raise Unavailable(f"the Transit key {name} has {what} {found.get(what)}, not {value}: it is not used")

    def write(self, path: str, data: Answer) -> Answer:
        """A request below the mount -> the data of the answer. Raises Unavailable."""
        with _failing_closed():
            answer = self._client.write_data(f"{self._mount}/{path}", data=data)
            return dict(answer["data"] or {}) if isinstance(answer, dict) else {}


class _TransitMacKey:
    """A match key that stays in the engine."""

    __slots__ = ("_name", "_root")

    def __init__(self, root: TransitRootKey, name: str) -> None:
        self._root = root
        self._name = name

    def __repr__(self) -> str:
        return "<MAC key in Transit>"

    def macs(self, messages: Sequence[bytes]) -> list[bytes]:
        """Messages -> the HMAC-SHA256 of each, in order. Raises Unavailable."""
        made: list[bytes] = []
        with _failing_closed():
            for start in range(0, len(messages), _BATCH):
                inputs = [{"input": _encoded(message)} for message in messages[start : start + _BATCH]]
                answer = self._root.write(f"hmac/{self._name}/sha2-256", {"batch_input": inputs, "key_version": 1})
                made += [_mac(one["hmac"]) for one in answer["batch_results"]]
        if len(made) != len(messages):
            raise Unavailable("Transit did not answer with a MAC per message")
        return made


@contextmanager
def _failing_closed() -> Iterator[None]:
    """Turns a failure of the server into Unavailable; what the server wrote is not passed on."""
    try:
        yield
    except Forbidden:
        message = "Transit refused the token: check GATEWAY_TRANSIT_TOKEN, its policy and its end"
        raise Unavailable(message) from None
    except InvalidRequest:
        message = "Transit refused the request: the keyring does not open under this root key, or a key was deleted"
        raise Unavailable(message) from None
    except VaultError as error:
        what = type(error).__name__
        message = f"Transit did not do what was asked ({what}): check mount, key and whether the server is unsealed"
        raise Unavailable(message) from None
    except RequestException as error:
        message = f"Transit cannot be reached ({type(error).__name__}): check GATEWAY_TRANSIT_ADDRESS and network"
        raise Unavailable(message) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        message = "Transit answered what no Transit engine answers: check GATEWAY_TRANSIT_ADDRESS"
        raise Unavailable(message) from None


def _mac(text: str) -> bytes:
    if not text.startswith(_PREFIX):
        raise Unavailable("Transit computed a MAC under another version than 1 of a match key")
    return base64.b64decode(text.removeprefix(_PREFIX))


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()
