"""Stores of the log, of requests and of tenants: what goes in comes out, on both back ends."""

from __future__ import annotations

import pytest

from gateway.audit.entries import EntryKind
from gateway.audit.merkle import leaf_hash, root_of
from gateway.kernel.errors import IntegrityError, Stale, Unavailable
from gateway.storage import schema
from gateway.storage.guards import KEPT
from gateway.storage.log import Entry
from gateway.storage.rights import SubjectRow
from gateway.storage.tenants import ClientRow, TenantStore
from gateway.storage.unit_of_work import Storage
from tests.storage.samples import sample_rows


def entry(number: int, opening: bytes = b"") -> Entry:
    return Entry(EntryKind.CONSENT_RECORDED, b'{"n":%d}' % number, opening)


def test_the_log(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        assert unit.log.append([entry(0, b"who"), entry(1)], restrictions=1) == 0
        assert unit.log.append([entry(2, b"whom")]) == 2
        unit.commit()
    with storage.begin(1, write=True) as unit:
        head = unit.log.head()
        leaves = [entry(at).leaf for at in range(3)]
        assert (head.size, head.restrictions, head.epoch, head.frozen) == (3, 1, 1, False)
        assert head.frontier.root() == root_of([leaf_hash(leaf) for leaf in leaves])
        assert list(unit.log.entries(0, 3)) == list(enumerate(leaves))
        assert list(unit.log.entries(1, 2)) == [(1, leaves[1])]
        assert list(unit.log.openings(0, 3)) == [(0, b"who"), (2, b"whom")]
        assert unit.log.erase_openings([0, 1]) == 1
        assert list(unit.log.openings(0, 3)) == [(2, b"whom")]
        assert unit.log.leaf_hashes(0, 3) == [leaf_hash(leaf) for leaf in leaves]
        with pytest.raises(IntegrityError):
            unit.log.leaf_hashes(0, 4)


def test_kept_nodes_of_a_log_that_grew_over_two_runs(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        for start in (0, 300, 600):
            unit.log.append([entry(at) for at in range(start, start + 300)])
        hashes = unit.log.leaf_hashes(0, 900)
        assert unit.log.nodes(8, 0, 9) == [root_of(hashes[at : at + 256]) for at in (0, 256, 512)]
        assert unit.log.nodes(8, 1, 2) == [root_of(hashes[256:512])]
        assert unit.log.nodes(16, 0, 9) == []


def test_the_head(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        unit.log.applied_journal(77)
        unit.log.freeze(frozen=True)
        assert unit.log.open_epoch() == 2
        unit.commit()
    with storage.begin(1, write=True) as unit:
        assert unit.log.lock_unchanged(restrictions=0) == 0
        with pytest.raises(Stale):
            unit.log.lock_unchanged(restrictions=1)
        head = unit.log.head()
        assert (head.journal_offset, head.epoch, head.frozen) == (77, 2, True)


def test_a_tenant_without_a_log_is_unavailable(storage: Storage) -> None:
    with pytest.raises(Unavailable, match="no log"), storage.begin(9, write=False) as unit:
        unit.log.head()


def test_a_damaged_head_is_unavailable(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        unit.session.run("UPDATE head SET size = 5 WHERE tenant_id = ?", [1])
        with pytest.raises(Unavailable, match="damaged"):
            unit.log.head()


def test_checkpoints(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        assert unit.log.last_checkpoint() is None
        unit.log.add_checkpoint(2, "two", 10)
        unit.log.add_checkpoint(1, "one", 11)
        unit.log.add_checkpoint(2, "two again", 12)
        assert unit.log.checkpoints() == ["one", "two"]
        assert unit.log.last_checkpoint() == "two"


def test_requests(storage: Storage) -> None:
    one, other = SubjectRow(b"a" * 32, "email", "", b"sealed-a", 1), SubjectRow(b"b" * 32, "phone", "", b"sealed-b", 1)
    with storage.begin(1, write=True) as unit:
        unit.rights.add(5, b"r" * 16, "{}", "received", 900, [other, one])
        unit.rights.add(6, b"s" * 16, '{"later":1}', "received", 800, [one])
        assert (unit.rights.by_reference(b"r" * 16), unit.rights.by_reference(b"?" * 16)) == (5, None)
        assert unit.rights.bodies() == ['{"later":1}', "{}"]
        unit.rights.put(5, '{"approved":1}', "approved", 700)
        assert (unit.rights.get(5), unit.rights.get(5, lock=True), unit.rights.get(9)) == (
            '{"approved":1}',
            '{"approved":1}',
            None,
        )
        assert unit.rights.bodies("received") == ['{"later":1}']
        assert unit.rights.subjects(5) == [one, other]
        assert sorted(unit.rights.requests_about([one.token])) == [5, 6]
        assert unit.rights.forget_tokens([other.token]) == 1
        assert unit.rights.forget_subjects([6]) == 1
        assert (unit.rights.subjects(5), unit.rights.subjects(6)) == ([one], [])
        unit.rights.add_step(5, 3, "submitted", 100)
        unit.rights.add_step(5, 1, "received", 90)
        assert unit.rights.steps(5) == [(1, "received", 90), (3, "submitted", 100)]


def test_packages(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        unit.rights.put_package(5, b"old", 900)
        unit.rights.put_package(5, b"new", 1000)
        unit.rights.put_package(6, b"six", 500)
        assert (unit.rights.package(5, now=999), unit.rights.package(5, now=1000)) == (b"new", None)
        assert unit.rights.sweep_packages(now=500) == 1
        assert unit.rights.drop_packages([5, 6]) == 1


def client(number: int, tenant_id: int = 1) -> ClientRow:
    return ClientRow(
        tenant_id=tenant_id,
        client_id=number,
        name="till",
        role="channel",
        channel="store",
        client_class="trusted",
        outcomes=True,
        key_prefix=f"prefix{number}",
        key_hash=b"\x09" * 32,
        created_at=number,
        revoked_at=None,
    )


def test_tenants_and_clients(storage: Storage) -> None:
    with storage.session(write=True) as session:
        tenants = TenantStore(session)
        assert (tenants.find("two"), tenants.find("three"), tenants.all()) == (2, None, [(1, "one"), (2, "two")])
        for row in (client(2), client(1), client(3, tenant_id=2)):
            tenants.add_client(row)
        assert tenants.clients(1) == [client(1), client(2)]
        assert (tenants.client_by_prefix("prefix3"), tenants.client_by_prefix("?")) == (client(3, tenant_id=2), None)
        assert (tenants.revoke(1, 2, now=50), tenants.revoke(1, 2, now=60), tenants.revoke(1, 3, now=50)) == (1, 0, 0)
        assert tenants.clients(1)[1] == client(2)._replace(revoked_at=50)
        assert (tenants.keep_policy("sha256:1", "{}", 5), tenants.keep_policy("sha256:1", "{}", 6)) == (True, False)


def tables_with_rows(storage: Storage, tenant_id: int) -> set[str]:
    names = [table.name for table in schema.metadata.sorted_tables if "tenant_id" in table.columns]
    with storage.begin(tenant_id, write=False) as unit:
        sql = 'SELECT 1 FROM "{}" WHERE tenant_id = ?'
        return {name for name in names if unit.session.rows(sql.format(name), [tenant_id])}


def test_a_deleted_tenant_leaves_its_log_and_nothing_else(storage: Storage) -> None:
    own = [table for table in schema.metadata.sorted_tables if table.name not in {"tenant", "policy_set", "head"}]
    for tenant_id in (1, 2):
        with storage.begin(tenant_id, write=True) as unit:
            for table in own:
                unit.session.insert(table, sample_rows(table, tenant_id, 2, first=10 * tenant_id))
            unit.session.commit()
    with storage.session(write=True) as session:
        counts = TenantStore(session).delete_tenant(1, now=99)
        session.commit()
    assert counts == {table.name: 2 for table in own if table.name not in KEPT}
    assert tables_with_rows(storage, 1) == KEPT - {"policy_set"}
    assert tables_with_rows(storage, 2) == {table.name for table in own} | {"head", "tenant"}
    with storage.session(write=True) as session:
        tenants = TenantStore(session)
        assert (tenants.find("one"), tenants.all()) == (None, [(2, "two")])
        assert tenants.create("one", now=100) == 3
        session.commit()
