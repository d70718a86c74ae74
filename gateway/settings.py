"""Configuration: environment variables and the layout of the gateway's home directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.kernel.errors import InvalidInput, Unavailable

_PACKAGE = Path(__file__).resolve().parent
_ROOT_KEY_NAME = "consent-gateway-root"
_BACKENDS = ("sqlite:///", "postgresql://", "postgresql+psycopg://")


def _shipped(name: str) -> Path:
    """A directory that stands beside the package in a checkout and inside it in a wheel."""
    beside = _PACKAGE.parent / name
    return beside if beside.is_dir() else _PACKAGE / f"_{name}"


@dataclass(frozen=True, slots=True)
class Pkcs11Settings:
    """A PKCS#11 token: `GATEWAY_PKCS11_MODULE` (path of its shared library), `_TOKEN` and `_KEY` (labels).

    The user's PIN is the secret `GATEWAY_PKCS11_PIN`.
    """

    module: str
    token: str
    key: str


@dataclass(frozen=True, slots=True)
class KmsSettings:
    """AWS KMS: `GATEWAY_KMS_KEY_ID` (id, ARN or alias of a symmetric key). The rest are the usual AWS variables."""

    key_id: str


@dataclass(frozen=True, slots=True)
class TransitSettings:
    """OpenBao or Vault: `GATEWAY_TRANSIT_ADDRESS` (URL), `_MOUNT` (of the Transit engine) and `_KEY` (its root key).

    The token is the secret `GATEWAY_TRANSIT_TOKEN`.
    """

    address: str
    mount: str
    key: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are. Secrets are read when they are needed and never kept here.

    `key_service` is where the root key is; None stands for a key file or `GATEWAY_ROOT_KEY`.
    """

    home: Path
    database_url: str
    policies: Path
    migrations: Path
    controller: str
    max_body_bytes: int
    key_service: Pkcs11Settings | KmsSettings | TransitSettings | None = None

    @property
    def keyring(self) -> Path:
        """The wrapped tenant keys."""
        return self.home / "keys" / "keyring.json"

    @property
    def root_key_file(self) -> Path:
        """The root key, unless `GATEWAY_ROOT_KEY` holds it."""
        return self.home / "keys" / "root.key"

    @property
    def journal(self) -> Path:
        """The journals, outside of every backup."""
        return self.home / "journal"

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is one SQLite file."""
        return self.database_url.startswith("sqlite")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read `GATEWAY_HOME`, `_DATABASE_URL`, `_POLICIES`, `_CONTROLLER`, `_MAX_BODY_MIB` and `_KEY_SERVICE`.

        The key service is `file` (the default), `pkcs11`, `kms` or `transit`, each with variables of its own. Raises
        InvalidInput.
        """
        given = os.environ if environment is None else environment
        home = Path(given.get("GATEWAY_HOME", "gateway-data")).absolute()
        return cls(
            home=home,
            database_url=_database(given.get("GATEWAY_DATABASE_URL") or f"sqlite:///{home / 'gateway.db'}"),
            policies=Path(given.get("GATEWAY_POLICIES") or _shipped("policies")),
            migrations=_shipped("migrations"),
            controller=given.get("GATEWAY_CONTROLLER", "The controller"),
            max_body_bytes=_whole("GATEWAY_MAX_BODY_MIB", given.get("GATEWAY_MAX_BODY_MIB", "16")) << 20,
            key_service=_key_service(given),
        )


def secret(name: str) -> str:
    """A secret from the environment variable `name`, else from the file of mode 0600 that `name` + `_FILE` names.

    Raises Unavailable when neither is there, or the file can be read by others or not at all.
    """
    if name in os.environ:
        return os.environ[name]
    path = os.environ.get(f"{name}_FILE")
    if path is None:
        raise Unavailable(f"a secret is missing: set {name}, or {name}_FILE to a file of mode 0600 that holds it")
    return read_private(Path(path)).decode(errors="replace").rstrip("\r\n")


def read_private(path: Path) -> bytes:
    """A file that holds a secret -> its bytes. Raises Unavailable when it cannot be read, or others can read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise Unavailable(f"a file with a secret can be read by others: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(f"a file with a secret cannot be read: {path}") from error


def _key_service(given: Mapping[str, str]) -> Pkcs11Settings | KmsSettings | TransitSettings | None:
    name = given.get("GATEWAY_KEY_SERVICE", "file")
    match name:
        case "file":
            return None
        case "pkcs11":
            key = given.get("GATEWAY_PKCS11_KEY", _ROOT_KEY_NAME)
            return Pkcs11Settings(_needed("GATEWAY_PKCS11_MODULE", given), _needed("GATEWAY_PKCS11_TOKEN", given), key)
        case "kms":
            return KmsSettings(_needed("GATEWAY_KMS_KEY_ID", given))
        case "transit":
            address = _needed("GATEWAY_TRANSIT_ADDRESS", given)
            mount = given.get("GATEWAY_TRANSIT_MOUNT", "transit")
            return TransitSettings(address, mount, given.get("GATEWAY_TRANSIT_KEY", _ROOT_KEY_NAME))
        case _:
            message = "file, pkcs11, kms or transit is needed"
            raise InvalidInput(message, field="GATEWAY_KEY_SERVICE", rule="key_service")


def _needed(name: str, given: Mapping[str, str]) -> str:
    if not given.get(name):
        raise InvalidInput("this key service needs it", field=name, rule="required")
    return given[name]


def _database(url: str) -> str:
    if not url.startswith(_BACKENDS):
        raise InvalidInput(f"a URL that begins with {' or '.join(_BACKENDS)} is needed", field="GATEWAY_DATABASE_URL")
    return url


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise InvalidInput("a whole number is needed", field=name, rule="number")
    return int(text)
