"""Gateways on fresh stores, and a few records, for tests that drive flows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.flows.admin import create_client, create_tenant
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.ingest import ingest
from gateway.flows.messages import ConsentAssertion, IncomingRecord, RecordResult
from gateway.identifiers.model import RawIdentifier
from gateway.kernel.clock import DAY, ManualClock
from gateway.outbound.journal import Journal
from gateway.outbound.keyfile import FileKeyring
from gateway.policy.loader import load
from gateway.settings import Settings
from gateway.storage.engine import open_engine
from gateway.storage.migrate import upgrade
from gateway.storage.unit_of_work import Storage

NOW = 1_795_500_000_000  # 2026-11-24
ROOT_KEY = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Rig:
    """A gateway on a store of its own, its settings and the clock that moves it."""

    gateway: Gateway
    settings: Settings
    clock: ManualClock

    @property
    def file(self) -> Path:
        """The SQLite file."""
        return self.settings.home / "gateway.db"

    def close(self) -> None:
        """Close all connections to the store."""
        self.gateway.storage.engine.dispose()

    def tamper(self, *statements: str) -> None:
        """Run SQL behind the gateway's back, with the guarding triggers gone and come back."""
        with closing(sqlite3.connect(self.file)) as connection:
            guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in guards:
                connection.execute(f'DROP TRIGGER "{name}"')
            for statement in statements:
                assert connection.execute(statement).rowcount != 0, statement
            for _, sql in guards:
                connection.execute(sql)
            connection.commit()

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of a SELECT on the SQLite file."""
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(sql).fetchall()


def rig(home: Path, url: str = "") -> Rig:
    """A gateway whose files are in `home`, on a migrated store: SQLite, or the database at `url`."""
    given = {"GATEWAY_HOME": str(home), "GATEWAY_DATABASE_URL": url, "GATEWAY_CONTROLLER": "Shop"}
    settings = Settings.from_environment(given)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    upgrade(settings.database_url, settings.migrations)
    return opened(settings)


def opened(settings: Settings) -> Rig:
    """A gateway on what is at the place of `settings`, or nothing."""
    clock = ManualClock(NOW)
    gateway = Gateway(
        storage=Storage(open_engine(settings.database_url)),
        policies=load(settings.policies),
        keys=FileKeyring(settings.keyring, ROOT_KEY),
        journal=Journal(settings.journal),
        clock=clock,
        controller=settings.controller,
    )
    return Rig(gateway, settings, clock)


@contextmanager
def running(home: Path, url: str = "") -> Iterator[Rig]:
    """`rig`, closed at the end."""
    made = rig(home, url)
    try:
        yield made
    finally:
        made.close()


def shop(gateway: Gateway, name: str = "shop") -> tuple[int, Caller]:
    """A tenant, and a caller for its channel `store`."""
    tenant_id = create_tenant(gateway, name)
    row, _ = create_client(
        gateway, tenant_id, name="tills", role=Role.CHANNEL, channel="store", client_class="trusted", outcomes=True
    )
    return tenant_id, Caller(tenant_id, row.client_id, row.name, Role.CHANNEL, "store", "trusted", outcomes=True)


def record(name: str, *identifiers: tuple[str, str], consents: bool = True) -> IncomingRecord:
    """A record seen an hour ago, with a grant of the day before unless `consents` is False."""
    grant = ConsentAssertion("grant", "identity_resolution", NOW - DAY)
    return IncomingRecord(
        record_id=name,
        observed_at=NOW - DAY // 24,
        identifiers=tuple(RawIdentifier(kind, value) for kind, value in identifiers),
        jurisdiction="DE",
        consents=(grant,) if consents else (),
    )


def fill(gateway: Gateway, caller: Caller) -> list[RecordResult]:
    """Three batches: people appear, two profiles merge, somebody without consent is refused."""
    batches: Sequence[list[IncomingRecord]] = (
        [
            record("r1", ("email", "anna@shop.example"), ("phone", "+4917139200001")),
            record("r2", ("customer_id", "C-1001"), ("cookie", "cookie-anna-1")),
            record("r3", ("email", "bob@shop.example"), consents=False),
        ],
        [record("r4", ("phone", "+4917139200001"), ("customer_id", "C-1001"))],
        [record("r5", ("email", "carla@shop.example"), ("customer_id", "C-2002"))],
    )
    return [result for batch in batches for result in ingest(gateway, caller, batch)]
