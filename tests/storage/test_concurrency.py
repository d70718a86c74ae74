"""Writers of a tenant take turns, readers wait for nobody, and positions in the log are given out once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from gateway.audit.entries import EntryKind
from gateway.kernel.errors import Unavailable
from gateway.storage.engine import open_engine
from gateway.storage.log import Entry
from gateway.storage.unit_of_work import Storage

ENTRY = Entry(EntryKind.CONSENT_RECORDED, b"{}")


@pytest.fixture
def impatient_postgres(postgres: Storage) -> Iterator[Storage]:
    """Another process' store, which gives up waiting for a lock at once."""
    url = make_url(str(postgres.engine.url)).update_query_dict({"options": "-c lock_timeout=1ms"})
    engine = open_engine(url.render_as_string())
    yield Storage(engine)
    engine.dispose()


@pytest.fixture
def impatient_sqlite(sqlite: Storage) -> Iterator[Storage]:
    """Another process' store, which gives up waiting for a lock at once."""
    engine = open_engine(str(sqlite.engine.url))
    event.listen(engine, "connect", _do_not_wait)
    yield Storage(engine)
    engine.dispose()


def _do_not_wait(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout=0")


def test_a_second_writer_of_a_tenant_waits_on_postgresql(postgres: Storage, impatient_postgres: Storage) -> None:
    with postgres.begin(1, write=True) as first:
        first.log.head()
        with pytest.raises(Unavailable) as refused, impatient_postgres.begin(1, write=True) as second:
            second.log.head()
        assert isinstance(refused.value.__cause__, psycopg.errors.LockNotAvailable)
        first.log.append([ENTRY])
        first.commit()
    with impatient_postgres.begin(1, write=True) as second:
        assert second.log.lock().size == 1


def test_readers_and_other_tenants_do_not_wait_on_postgresql(postgres: Storage, impatient_postgres: Storage) -> None:
    with postgres.begin(1, write=True) as writer:
        writer.log.append([ENTRY])
        with impatient_postgres.begin(1, write=False) as reader:
            assert reader.log.head().size == 0
        with impatient_postgres.begin(2, write=True) as other:
            assert other.log.lock().size == 0


def test_without_the_partition_lock_writers_meet_at_the_head(postgres: Storage, impatient_postgres: Storage) -> None:
    with postgres.begin(1, write=True) as first, impatient_postgres.begin(1, write=True, partition=False) as second:
        assert second.log.lock().size == 0
        second.commit()
        first.log.lock()
        with pytest.raises(Unavailable) as refused, impatient_postgres.begin(1, write=True, partition=False) as third:
            third.log.lock()
        assert isinstance(refused.value.__cause__, psycopg.errors.LockNotAvailable)


def test_a_reader_may_not_write_on_postgresql(postgres: Storage) -> None:
    with pytest.raises(Unavailable) as refused, postgres.begin(1, write=False) as unit:
        unit.log.applied_journal(5)
    assert isinstance(refused.value.__cause__, psycopg.errors.ReadOnlySqlTransaction)


def test_a_second_writer_waits_on_sqlite(sqlite: Storage, impatient_sqlite: Storage) -> None:
    with sqlite.begin(1, write=True) as first:
        with pytest.raises(Unavailable) as refused, impatient_sqlite.begin(2, write=True):
            pass
        assert isinstance(refused.value.__cause__, sqlite3.OperationalError)
        first.log.append([ENTRY])
        with impatient_sqlite.begin(1, write=False) as reader:
            assert reader.log.head().size == 0
        first.commit()
    with impatient_sqlite.begin(1, write=True) as second:
        assert second.log.lock().size == 1


def test_writers_side_by_side_leave_no_gap_in_the_log(storage: Storage) -> None:
    def write(_: int) -> list[int]:
        positions = []
        for _round in range(5):
            with storage.begin(1, write=True) as unit:
                positions.append(unit.log.append([ENTRY, ENTRY]))
                unit.commit()
        return positions

    with ThreadPoolExecutor(4) as pool:
        given = sorted(position for positions in pool.map(write, range(4)) for position in positions)
    assert given == list(range(0, 40, 2))
    with storage.begin(1, write=False) as unit:
        assert unit.log.head().size == len(unit.log.leaf_hashes(0, 40)) == 40


def test_settings_of_a_sqlite_connection(sqlite_engine: Engine) -> None:
    asked = ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "recursive_triggers", "busy_timeout")
    with sqlite_engine.connect() as connection:
        answers = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in asked]
    assert answers == ["wal", 2, 1, 1, 1, 30_000]
