"""The only place where settings, keys, policy and storage meet."""

from __future__ import annotations

import gc
import os

from gateway.flows.context import Gateway
from gateway.kernel.clock import Clock, SystemClock
from gateway.outbound.journal import Journal
from gateway.outbound.keyfile import FileKeyring, make_root_key, read_root_key
from gateway.policy.loader import load
from gateway.settings import Settings
from gateway.storage import migrate
from gateway.storage.engine import open_engine
from gateway.storage.unit_of_work import Storage

_COLLECT_EVERY = 50_000
"""A batch makes many small objects and no cycles: collecting every 700 allocations cost a sixth of ingest."""


def initialize(settings: Settings) -> bool:
    """Make the home directory, the root key file and the database -> True when a new root key was made."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.root_key_file.parent.mkdir(mode=0o700, exist_ok=True)
    made = "GATEWAY_ROOT_KEY" not in os.environ and not settings.root_key_file.exists()
    if made:
        descriptor = os.open(settings.root_key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make_root_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
    upgrade_database(settings)
    return made


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
    root_key = read_root_key(os.environ.get("GATEWAY_ROOT_KEY"), settings.root_key_file)
    return Gateway(
        storage=Storage(open_engine(settings.database_url)),
        policies=load(settings.policies),
        keys=FileKeyring(settings.keyring, root_key),
        journal=Journal(settings.journal),
        clock=clock or SystemClock(),
        controller=settings.controller,
    )
