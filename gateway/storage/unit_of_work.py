"""The transaction boundary.

Order of events: `begin` opens the transaction, for writing under the tenant's partition lock; the flow reads,
decides and writes through the stores; `log.lock()` takes the head row, last; `commit` refuses when a change of
the partition has no entry in the log. Leaving without `commit` rolls everything back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.kernel.errors import IntegrityError, Unavailable
from gateway.storage.chains import ChainStore
from gateway.storage.disclosures import DisclosureStore
from gateway.storage.identifiers import IdentifierStore
from gateway.storage.imports import ImportStore
from gateway.storage.ledger import LedgerStore
from gateway.storage.log import LogStore
from gateway.storage.notices import NoticeStore
from gateway.storage.outward import OutwardStore
from gateway.storage.profiles import ProfileStore
from gateway.storage.records import RecordStore
from gateway.storage.retention import RetentionStore
from gateway.storage.rights import RightsStore
from gateway.storage.session import Session
from gateway.storage.tombstones import TombstoneStore


class UnitOfWork:
    """All stores of one tenant on one transaction."""

    def __init__(self, session: Session, tenant_id: int) -> None:
        self.session = session
        self.tenant_id = tenant_id
        self.identifiers = IdentifierStore(session, tenant_id)
        self.ledger = LedgerStore(session, tenant_id)
        self.imports = ImportStore(session, tenant_id)
        self.notices = NoticeStore(session, tenant_id)
        self.tombstones = TombstoneStore(session, tenant_id)
        self.chains = ChainStore(session, tenant_id)
        self.records = RecordStore(session, tenant_id)
        self.profiles = ProfileStore(session, tenant_id)
        self.disclosures = DisclosureStore(session, tenant_id)
        self.outward = OutwardStore(session, tenant_id)
        self.retention = RetentionStore(session, tenant_id)
        self.rights = RightsStore(session, tenant_id)
        self.log = LogStore(session, tenant_id)

    def commit(self) -> None:
        """Make everything durable. Raises IntegrityError when a change of the partition lacks its entry."""
        if self.profiles.changes_applied != self.log.changes_logged:
            raise IntegrityError("a change of the partition has no entry in the log: nothing was committed")
        self.session.commit()


class Storage:
    """Opens units of work on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.postgres = engine.dialect.name == "postgresql"

    @contextmanager
    def begin(self, tenant_id: int, *, write: bool, partition: bool = True) -> Iterator[UnitOfWork]:
        """A unit of work of one tenant; `partition=False` leaves the partition lock to others.

        Raises `Unavailable` when the database cannot be reached or is locked for too long.
        """
        with self.session(write=write) as session:
            if self.postgres:
                lock = ", pg_advisory_xact_lock(?)" if write and partition else ""
                wanted = [str(tenant_id), tenant_id] if lock else [str(tenant_id)]
                session.tell(f"SELECT set_config('gateway.tenant', ?, true){lock}", wanted)
            yield UnitOfWork(session, tenant_id)

    @contextmanager
    def session(self, *, write: bool) -> Iterator[Session]:
        """A bare transaction; rolled back unless it was committed."""
        try:
            with closing(self.engine.raw_connection()) as connection:
                session = Session(connection, postgres=self.postgres)
                session.begin(write=write)
                try:
                    yield session
                finally:
                    session.rollback()
        except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
            raise Unavailable("the database cannot be reached, or refused the work") from error
