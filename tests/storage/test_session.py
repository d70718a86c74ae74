"""One transaction's statements: keys in any number, rows of every table, and nothing left of what was not committed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.kernel.errors import Unavailable
from gateway.storage import schema
from gateway.storage.engine import open_engine
from gateway.storage.identifiers import StoredIdentifier
from gateway.storage.unit_of_work import Storage
from tests.storage.samples import sample_rows


def token(number: int) -> bytes:
    return number.to_bytes(32, "big")


def fill(storage: Storage, count: int) -> None:
    with storage.begin(1, write=True) as unit:
        unit.identifiers.add([StoredIdentifier(token(one), one, "email", "", 1) for one in range(count)])
        unit.commit()


def insert_and_commit(storage: Storage, *batches: Sequence[Sequence[object]]) -> None:
    with storage.begin(1, write=True) as unit:
        for rows in batches:
            unit.session.insert(schema.pseudonym, rows)
        unit.commit()


def count_of(storage: Storage, table: str = "pseudonym") -> int:
    with storage.begin(1, write=False) as unit:
        return int(unit.session.rows(f'SELECT count(*) FROM "{table}"')[0][0])  # noqa: S608 - a name of the schema


@pytest.mark.parametrize("size", [0, 1, 2, 4096, 4097, 5000])
def test_reads_by_key_find_what_is_asked_and_nothing_else(storage: Storage, size: int) -> None:
    fill(storage, 6000)
    numbers = range(3500, 3500 + size)
    expected = list(range(3500, min(6000, 3500 + size)))
    with storage.begin(1, write=False) as unit:
        assert sorted(one.identifier_id for one in unit.identifiers.describe(numbers)) == expected
        assert sorted(unit.identifiers.find([token(one) for one in numbers]).values()) == expected


def test_a_key_asked_for_twice_finds_its_row_once(storage: Storage) -> None:
    fill(storage, 3)
    with storage.begin(1, write=False) as unit:
        assert len(unit.identifiers.describe([2, *range(5000), 2, 2])) == 3


def test_keys_may_be_negative_and_as_large_as_a_column(storage: Storage) -> None:
    extremes = [-(2**63), -1, 0, 2**63 - 1]
    with storage.begin(1, write=True) as unit:
        rows = [StoredIdentifier(token(at), one, "email", "", 1) for at, one in enumerate(extremes)]
        unit.identifiers.add(rows)
        assert sorted(one.identifier_id for one in unit.identifiers.describe(extremes)) == extremes


@pytest.mark.parametrize("size", [0, 1, 5000])
def test_deletes_by_key_count_what_they_removed(storage: Storage, size: int) -> None:
    fill(storage, 4500)
    with storage.begin(1, write=True) as unit:
        assert unit.identifiers.delete(range(size)) == min(size, 4500)
        unit.commit()
    assert count_of(storage) == 4500 - min(size, 4500)


@pytest.mark.parametrize("count", [1, 3])
def test_rows_of_every_table_come_back_as_they_went_in(storage: Storage, count: int) -> None:
    with storage.begin(3, write=True) as unit:
        for table in schema.metadata.sorted_tables:
            one_per_tenant = [column.name for column in table.primary_key] == ["tenant_id"]
            rows = sample_rows(table, 3, 1 if one_per_tenant else count)
            unit.session.insert(table, rows)
            columns = ",".join(f'"{column.name}"' for column in table.columns)
            where = "WHERE tenant_id = 3" if "tenant_id" in table.columns else ""
            stored = unit.session.rows(f'SELECT {columns} FROM "{table.name}" {where}')  # noqa: S608 - of the schema
            assert (table.name, set(stored), len(stored)) == (table.name, set(rows), len(rows))


def test_no_rows_are_no_statement(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        unit.session.insert(schema.link, [])
        unit.session.run_many("this is not SQL", [])
        assert unit.session.rows_by_key("neither is this", []) == []
        assert unit.session.delete_by_key("nor this", []) == 0


def fail(storage: Storage, *, commit: bool) -> None:
    """Write five links and fail, before the commit or after it."""
    with storage.begin(1, write=True) as unit:
        unit.session.insert(schema.link, sample_rows(schema.link, 1, 5))
        if commit:
            unit.commit()
        raise RuntimeError("while at it")


def test_an_exception_undoes_the_transaction(storage: Storage) -> None:
    with pytest.raises(RuntimeError, match="while at it"):
        fail(storage, commit=False)
    assert count_of(storage, "link") == 0


def test_leaving_without_commit_undoes_the_transaction(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        unit.session.insert(schema.link, sample_rows(schema.link, 1, 5))
    assert count_of(storage, "link") == 0


def test_what_was_committed_stays_whatever_comes_after(storage: Storage) -> None:
    with pytest.raises(RuntimeError, match="while at it"):
        fail(storage, commit=True)
    assert count_of(storage, "link") == 5


def test_a_refused_statement_says_nothing_of_the_values(storage: Storage) -> None:
    rows = sample_rows(schema.pseudonym, 1, 2)
    with pytest.raises(Unavailable) as refused, storage.begin(1, write=True) as unit:  # noqa: PT012 - what was inserted is sent, and refused, at the end
        unit.session.insert(schema.pseudonym, [*rows, rows[0]])
        unit.session.send()
    assert str(refused.value) == "the database cannot be reached, or refused the work"
    assert count_of(storage) == 0


def test_nothing_after_a_refused_statement_is_done(storage: Storage) -> None:
    """Where statements travel together, the commit behind a refused one does not take place, and the connection is
    as good as new.
    """
    rows = sample_rows(schema.pseudonym, 1, 2)
    with pytest.raises(Unavailable):
        insert_and_commit(storage, rows, rows)
    assert count_of(storage) == 0
    fill(storage, 2)
    assert count_of(storage) == 2


def test_what_was_told_is_seen_by_the_next_question(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        unit.session.insert(schema.pseudonym, sample_rows(schema.pseudonym, 1, 3))
        unit.session.tell("DELETE FROM pseudonym WHERE tenant_id = ? AND chain >= ?", [1, 0])
        assert unit.session.one("SELECT count(*) FROM pseudonym WHERE tenant_id = 1") == (0,)
        unit.session.insert(schema.pseudonym, sample_rows(schema.pseudonym, 1, 1))
    assert count_of(storage) == 0


def test_a_reader_sees_one_state_to_its_end(storage: Storage) -> None:
    count = "SELECT count(*) FROM pseudonym WHERE tenant_id = 1"
    with storage.begin(1, write=False) as reader:
        before = reader.session.one(count)
        fill(storage, 3)
        assert reader.session.one(count) == before == (0,)
    assert count_of(storage) == 3


@pytest.mark.parametrize("url", ["sqlite:////nowhere/gateway.db", "postgresql+psycopg://u@/d?host=/nowhere"])
def test_a_store_that_is_not_there_is_unavailable(url: str) -> None:
    storage = Storage(open_engine(url))
    with pytest.raises(Unavailable), storage.begin(1, write=False):
        pass
