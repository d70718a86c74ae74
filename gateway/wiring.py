"""The only place where settings, keys, policy and storage meet."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from importlib import import_module

from gateway.flows.context import Gateway
from gateway.kernel.clock import Clock, SystemClock
from gateway.kernel.errors import Unavailable
from gateway.outbound.journal import Journal
from gateway.outbound.keyfile import FileRootKey, make_root_key_file, read_root_key
from gateway.outbound.keyring import Keyring
from gateway.outbound.root_key import RootKey
from gateway.policy.loader import load
from gateway.settings import KmsSettings, Pkcs11Settings, Settings, TransitSettings, secret
from gateway.storage import migrate
from gateway.storage.engine import open_engine
from gateway.storage.unit_of_work import Storage

_COLLECT_EVERY = 50_000
"""A batch makes many small objects and no cycles: collecting every 700 allocations cost a sixth of ingest."""


def initialize(settings: Settings) -> str:
    """Make the home directory, the root key and the database -> what the operator is told of a new root key, or "".

    Raises Unavailable when the key service or the database cannot be had.
    """
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.keyring.parent.mkdir(mode=0o700, exist_ok=True)
    in_file = settings.key_service is None and "GATEWAY_ROOT_KEY" not in os.environ
    notice = make_root_key_file(settings.root_key_file) if in_file else open_root_key(settings).prepare()
    upgrade_database(settings)
    return notice


def upgrade_database(settings: Settings) -> None:
    """Apply the migrations the database lacks. Raises Unavailable when it cannot be reached or refuses."""
    migrate.upgrade(settings.database_url, settings.migrations)


def check_database(settings: Settings) -> list[str]:
    """What is wrong with the database's schema, one finding a line; [] when it is as this program needs it."""
    return migrate.check(settings.database_url, settings.migrations)


def is_current(settings: Settings) -> bool:
    """Whether all migrations were applied. Raises Unavailable for a database that is newer than this program."""
    return migrate.is_current(settings.database_url, settings.migrations)


def build(settings: Settings, clock: Clock | None = None) -> Gateway:
    """Settings -> the gateway. Raises Unavailable when key, policy or store cannot be had: fails closed."""
    gc.set_threshold(_COLLECT_EVERY, 20, 100)
    return Gateway(
        storage=Storage(open_engine(settings.database_url)),
        policies=load(settings.policies),
        keys=Keyring(settings.keyring, open_root_key(settings)),
        journal=Journal(settings.journal),
        clock=clock or SystemClock(),
        controller=settings.controller,
    )


def open_root_key(settings: Settings) -> RootKey:
    """Settings -> the root key, wherever it is kept. Raises Unavailable when a secret or a library is missing."""
    match settings.key_service:
        case Pkcs11Settings(module, token, key):
            return _adapter("pkcs11", "Pkcs11RootKey", "pkcs11")(module, token, key, secret("GATEWAY_PKCS11_PIN"))
        case KmsSettings(key_id):
            return _adapter("kms", "KmsRootKey", "kms")(key_id)
        case TransitSettings(address, mount, key):
            return _adapter("transit", "TransitRootKey", "vault")(address, mount, key, secret("GATEWAY_TRANSIT_TOKEN"))
        case None:
            return FileRootKey(read_root_key(os.environ.get("GATEWAY_ROOT_KEY"), settings.root_key_file))


def _adapter(module: str, name: str, extra: str) -> Callable[..., RootKey]:
    """A key service's class, imported only where it is chosen: the library it needs is an optional extra."""
    try:
        adapter: Callable[..., RootKey] = getattr(import_module(f"gateway.outbound.{module}"), name)
    except ModuleNotFoundError as error:
        message = f"the key service {module} needs a library: pip install 'consent-gateway[{extra}]'"
        raise Unavailable(message) from error
    return adapter
