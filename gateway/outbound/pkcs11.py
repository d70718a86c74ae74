"""The root key and match keys in a PKCS#11 token (OASIS PKCS #11 v2.40), a hardware module or SoftHSM.

Keys are objects of the token, sensitive and not extractable, found by their label; one that could leave the token is
refused. Wrapping is AES-256-GCM (nonce, then ciphertext), a MAC is one C_Sign of SHA256_HMAC.

A process logs in to a token once, and python-pkcs11 initializes the module without locks (C_Initialize without
arguments): so the login belongs to this module, not to an object, and one thread at a time talks to a token. After
any failure the next call logs in anew, but never with a PIN that was refused: tokens lock themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass

from gateway.identifiers.keys import KEY_BYTES, MacKey
from gateway.kernel.errors import Unavailable

_NONCE: Final = 12
_TAG_BITS: Final = 128
_KEPT_INSIDE: Final = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.MODIFIABLE: False}
_AES: Final = MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT
_MAC: Final = MechanismFlag.SIGN | MechanismFlag.VERIFY


@dataclass(frozen=True, slots=True)
class _Login:
    """A session in which the user is logged in, and the keys found in it, by label and type."""

    session: pkcs11.Session
    keys: dict[tuple[str, KeyType], Any] = field(default_factory=dict)

    def key(self, label: str, key_type: KeyType) -> Any:  # noqa: ANN401 - the library composes the classes of its keys
        """The one key of that label and type. Raises Unavailable when it is not there or could leave the token."""
        known = self.keys.get((label, key_type))
        if known is None:
            found = [one for one in self.labeled(label) if one[Attribute.KEY_TYPE] is key_type]
            if not found:
                raise Unavailable(f"the PKCS#11 token holds no key labeled {label}: run `gateway init`")
            if len(found) > 1:
                raise Unavailable(f"the PKCS#11 token holds several keys labeled {label}: none is used")
            known = found[0]
            if known[Attribute.EXTRACTABLE] or not known[Attribute.SENSITIVE]:
                raise Unavailable(f"the key labeled {label} could leave the PKCS#11 token: it is not used")
            self.keys[label, key_type] = known
        return known

    def labeled(self, label: str) -> list[Any]:
        """All secret keys of that label, as they are in the token now."""
        return list(self.session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: label}))


_LOCK = Lock()
_LOGINS: dict[tuple[str, str], _Login] = {}


class Pkcs11RootKey:
    """The root key `key` in the token labeled `token`, through the module (shared library) at `module`."""

    service: Final = "pkcs11"

    def __init__(self, module: str, token: str, key: str, pin: str) -> None:
        self._where = (module, token)
        self._key = key
        self._pin: str | None = pin

    def __repr__(self) -> str:
        return "<Pkcs11RootKey hidden>"

    def prepare(self) -> str:
        """Make the root key in the token where it is missing -> what to tell the operator, "" when it was there."""
        with self.login() as login:
            if login.labeled(self._key):
                login.key(self._key, KeyType.AES)
                return ""
            _generate(login, KeyType.AES, self._key, _AES)
        return (
            f"A new root key is in the PKCS#11 token {self._where[1]}, labeled {self._key}\n"
            "Back the token up by its own means: without it nobody can read the store again."
        )

    def wrap(self, context: bytes, key: bytes) -> bytes:
        """A key and its context -> nonce and ciphertext. Raises Unavailable."""
        nonce = os.urandom(_NONCE)
        with self.login() as login:
            root = login.key(self._key, KeyType.AES)
            return nonce + bytes(root.encrypt(key, mechanism=Mechanism.AES_GCM, mechanism_param=_gcm(nonce, context)))

    def unwrap(self, context: bytes, wrapped: bytes) -> bytes:
        """The reverse of `wrap`. Raises Unavailable."""
        if len(wrapped) < _NONCE + _TAG_BITS // 8:
            raise Unavailable("the keyring does not open: a wrapped key is too short")
        nonce, sealed = wrapped[:_NONCE], wrapped[_NONCE:]
        with self.login() as login:
            root = login.key(self._key, KeyType.AES)
            return bytes(root.decrypt(sealed, mechanism=Mechanism.AES_GCM, mechanism_param=_gcm(nonce, context)))

    def make_mac_key(self, label: str) -> str:
        """Make a key for HMAC-SHA256 in the token -> its label. Raises Unavailable."""
        with self.login() as login:
            _generate(login, KeyType.GENERIC_SECRET, label, _MAC, Mechanism.GENERIC_SECRET_KEY_GEN)
        return label

    def mac_key(self, reference: str) -> MacKey:
        """The key of that label. Raises Unavailable when it is not there or could leave the token."""
        with self.login() as login:
            login.key(reference, KeyType.GENERIC_SECRET)
        return _TokenMacKey(self, reference)

    def destroy_mac_key(self, reference: str) -> None:
        """Destroy the key of that label; one that is gone already is no error. Raises Unavailable."""
        with self.login() as login:
            login.keys.pop((reference, KeyType.GENERIC_SECRET), None)
            for one in login.labeled(reference):
                one.destroy()

    @contextmanager
    def login(self) -> Iterator[_Login]:
        """The token, for one thread at a time. Raises Unavailable with the kind of the failure and what to do."""
        with _LOCK:
            try:
                login = _LOGINS.get(self._where)
                if login is None:
                    login = _LOGINS[self._where] = self._log_in()
                yield login
            except RuntimeError as error:  # the library's errors derive from it
                self._forget()
                message = f"the PKCS#11 token {self._where[1]} did not do what was asked ({type(error).__name__}): "
                raise Unavailable(message + _ADVICE.get(type(error), "check the module and the token")) from error

    def _log_in(self) -> _Login:
        module, label = self._where
        if self._pin is None:
            raise Unavailable("the PKCS#11 token refused the PIN before: correct GATEWAY_PKCS11_PIN and start again")
        token = pkcs11.lib(module).get_token(token_label=label)
        try:
            return _Login(token.open(rw=True, user_pin=self._pin))
        except pkcs11.PinIncorrect:
            self._pin = None
            raise

    def _forget(self) -> None:
        login = _LOGINS.pop(self._where, None)
        if login is not None:
            with suppress(RuntimeError):
                login.session.close()


class _TokenMacKey:
    """A match key that stays in the token."""

    __slots__ = ("_label", "_root")

    def __init__(self, root: Pkcs11RootKey, label: str) -> None:
        self._root = root
        self._label = label

    def __repr__(self) -> str:
        return "<MAC key in a PKCS#11 token>"

    def macs(self, messages: Sequence[bytes]) -> list[bytes]:
        """Messages -> the HMAC-SHA256 of each, in order. Raises Unavailable."""
        with self._root.login() as login:
            sign = login.key(self._label, KeyType.GENERIC_SECRET).sign
            return [bytes(sign(message, mechanism=Mechanism.SHA256_HMAC)) for message in messages]


_ADVICE: Final[dict[type[RuntimeError], str]] = {
    pkcs11.PinIncorrect: "check GATEWAY_PKCS11_PIN, before the token locks itself",
    pkcs11.PinLocked: "the token locked itself after wrong PINs: let its security officer reset the PIN",
    pkcs11.NoSuchToken: "check GATEWAY_PKCS11_TOKEN, the label of an initialized token",
    pkcs11.PKCS11Error: "check GATEWAY_PKCS11_MODULE, the path of the token's shared library",
    pkcs11.GeneralError: "the keyring does not open under this root key, or the token failed",
    pkcs11.EncryptedDataInvalid: "the keyring does not open under this root key",
}
"""What to do about a failure, by its exact type; the library raises the base class where a module cannot be loaded."""


def _generate(login: _Login, key_type: KeyType, label: str, uses: MechanismFlag, how: Mechanism | None = None) -> None:
    bits = KEY_BYTES * 8
    login.session.generate_key(
        key_type, bits, label=label, store=True, capabilities=uses, mechanism=how, template=dict(_KEPT_INSIDE)
    )


def _gcm(nonce: bytes, context: bytes) -> pkcs11.GCMParams:
    return pkcs11.GCMParams(nonce, context, _TAG_BITS)
