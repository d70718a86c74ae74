"""Keys are rotated without raw values: nothing that anybody can see changes, and no old key is lost too early."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.flows import rotate_keys
from gateway.flows.fsck import fsck
from gateway.identifiers.model import HashedIdentifier, RawIdentifier
from gateway.kernel.clock import DAY, HOUR
from gateway.kernel.errors import Conflict, NotFound
from tests.flows.test_one_identifier import posted, sha256
from tests.rights_simulator import Office, asked, look_up
from tests.simulator import NOW, TenantSimulator, grant

SALE = "sale"


@pytest.fixture
def office(simulator: TenantSimulator) -> Office:
    return Office.of(simulator)


def chains(simulator: TenantSimulator) -> dict[str, tuple[int, int, int]]:
    """Chain -> identifiers, tombstones and subjects of requests on it."""
    found = rotate_keys.key_status(simulator.gateway, simulator.tenant_id)
    return {one.name: (one.rows, one.tombstones, one.requests) for one in found.chains}


def rotate(simulator: TenantSimulator) -> int:
    return rotate_keys.rotate(simulator.gateway, simulator.tenant_id)


def rekey(simulator: TenantSimulator, per_second: int | None = None) -> int:
    return rotate_keys.rekey(simulator.gateway, simulator.tenant_id, per_second=per_second)


def test_rows_are_wrapped_and_whoever_is_seen_again_is_keyed_directly(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "email:bert"))
    assert rotate(simulator) == 2
    assert chains(simulator) == {"2": (0, 0, 0), "1-2": (0, 0, 0), "1": (2, 0, 0)}
    assert simulator.outcomes("store", simulator.record("r2", "email:anna", "cookie:a")) == ["linked"]
    assert chains(simulator) == {"2": (2, 0, 0), "1-2": (0, 0, 0), "1": (1, 0, 0)}
    assert rekey(simulator) == 1
    assert chains(simulator) == {"2": (2, 0, 0), "1-2": (1, 0, 0)}, "the chain of the first version is retired"
    assert simulator.outcomes("app", simulator.record("r3", "email:bert")) == ["linked"]
    assert chains(simulator) == {"2": (3, 0, 0), "1-2": (0, 0, 0)}
    rotate_keys.retire(simulator.gateway, simulator.tenant_id, "1-2")
    rotate_keys.destroy_version(simulator.gateway, simulator.tenant_id, 1)
    assert simulator.gateway.keys.tenant(simulator.tenant_id).versions == (2,)
    assert simulator.outcomes("app", simulator.record("r4", "email:anna")) == ["linked"]
    assert simulator.partition() == {frozenset({"email:anna", "email:bert", "cookie:a"})}


def test_a_record_sent_again_is_a_duplicate_also_after_a_rotation(simulator: TenantSimulator) -> None:
    record = simulator.record("r1", "email:anna", "phone:1")
    simulator.send("store", record)
    rotate(simulator)
    assert simulator.outcomes("store", record) == ["duplicate"]
    rekey(simulator)
    assert simulator.outcomes("store", record) == ["duplicate"]


def test_what_is_needed_is_neither_retired_nor_destroyed(office: Office, simulator: TenantSimulator) -> None:
    gateway, tenant = simulator.gateway, simulator.tenant_id
    simulator.send("store", simulator.record("r1", "email:anna"), simulator.record("r2", "email:bert"))
    office.complete("erasure", "email:bert")
    with pytest.raises(Conflict, match="newest"):
        rotate_keys.retire(gateway, tenant, "1")
    rotate(simulator)
    with pytest.raises(Conflict, match="1 of pseudonym"):
        rotate_keys.retire(gateway, tenant, "1")
    rekey(simulator)
    assert chains(simulator) == {"2": (0, 0, 0), "1-2": (1, 0, 0), "1": (0, 1, 0)}
    with pytest.raises(Conflict, match="1 of tombstone"):
        rotate_keys.retire(gateway, tenant, "1")
    with pytest.raises(Conflict, match="1-2"):
        rotate_keys.destroy_version(gateway, tenant, 1)
    with pytest.raises(Conflict):
        rotate_keys.destroy_version(gateway, tenant, 2)
    with pytest.raises(NotFound):
        rotate_keys.retire(gateway, tenant, "2-3")
    with pytest.raises(NotFound):
        rotate_keys.destroy_version(gateway, tenant, 7)


def test_a_tombstone_goes_with_the_person_who_is_seen_again(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"))
    office.complete("erasure", "email:anna")
    rotate(simulator)
    rekey(simulator)
    assert simulator.outcomes("store", simulator.record("r2", "email:anna")) == ["suppressed"]
    assert chains(simulator) == {"2": (0, 1, 0), "1": (0, 0, 0)}
    rotate_keys.retire(simulator.gateway, simulator.tenant_id, "1")
    rotate_keys.destroy_version(simulator.gateway, simulator.tenant_id, 1)
    assert simulator.outcomes("store", simulator.record("r3", "email:anna")) == ["suppressed"]


def test_a_request_finds_its_person_across_rotations(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
    early = office.submit("access", "email:anna").id
    late = office.submit("erasure", "email:nobody").id
    rotate(simulator)
    between = office.submit("erasure", "email:anna").id
    rekey(simulator)
    simulator.send("store", simulator.record("r2", "email:nobody", "cookie:n"))
    for request in (early, between, late):
        office.approve(request)
    office.run()
    assert simulator.counted("pseudonym") == 0
    assert simulator.outcomes("store", simulator.record("r3", "email:anna")) == ["suppressed"]
    assert simulator.outcomes("store", simulator.record("r4", "email:nobody")) == ["suppressed"]


def test_an_opt_out_binds_across_rotations(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1", jurisdiction="US-CA"))
    simulator.state("web", "opt_out", "email:anna", purpose=SALE, jurisdiction="US-CA")
    rotate(simulator)
    assert not asked(simulator, "store", "phone:1", purpose=SALE).permitted
    rekey(simulator)
    rotate(simulator)
    assert not asked(simulator, "store", "phone:1", purpose=SALE).permitted
    assert simulator.ledger("email:anna", SALE) == "opt_out"


def test_a_view_is_the_same_before_during_and_after(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1", "cookie:a"))
    before = look_up(simulator, "store", "email:anna")
    rotate(simulator)
    assert look_up(simulator, "store", "email:anna") == before
    rekey(simulator, per_second=1_000)
    assert look_up(simulator, "store", "phone:1") == before


def test_a_gateway_that_remembers_older_chains_looks_again(simulator: TenantSimulator) -> None:
    """Two processes: the other one rotated, finished and destroyed the old key."""
    simulator.send("store", simulator.record("r1", "email:anna"))
    other = replace(simulator.gateway, chains={})
    mine = replace(simulator, gateway=other)
    rotate_keys.rotate(simulator.gateway, simulator.tenant_id)
    assert mine.outcomes("store", mine.record("r2", "email:anna")) == ["linked"]
    rotate_keys.rekey(simulator.gateway, simulator.tenant_id)
    rotate_keys.destroy_version(simulator.gateway, simulator.tenant_id, 1)
    other.chains[simulator.tenant_id] = (257, 1)
    assert mine.outcomes("store", mine.record("r3", "email:anna", "cookie:c")) == ["linked"]
    assert len(simulator.partition()) == 1


def test_a_rotation_that_stopped_between_keyring_and_store_is_taken_up(simulator: TenantSimulator) -> None:
    simulator.gateway.keys.add_version(simulator.tenant_id)
    simulator.send("store", simulator.record("r1", "email:anna"))
    assert chains(simulator) == {"1": (1, 0, 0)}
    assert rotate(simulator) == 2
    assert rekey(simulator) == 1


def test_many_rotations_wrap_one_over_the_other(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"))
    for version in (2, 3, 4):
        assert rotate(simulator) == version
        assert rekey(simulator) == 1
    assert chains(simulator) == {"4": (0, 0, 0), "1-4": (1, 0, 0)}
    assert simulator.outcomes("store", simulator.record("r2", "email:anna", "cookie:c")) == ["linked"]
    assert chains(simulator)["4"] == (2, 0, 0)


def test_every_digest_of_a_value_moves(simulator: TenantSimulator) -> None:
    simulator.send("store", posted("r1", RawIdentifier("phone", "+491713920001"), RawIdentifier("cookie", "c")))
    rotate(simulator)
    rekey(simulator)
    meta = HashedIdentifier("phone", sha256("491713920001"), "meta")
    assert [one.outcome for one in simulator.send("app", posted("r2", meta))] == ["linked"]


def test_fsck_finds_rows_that_no_look_up_reaches(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"))
    with simulator.gateway.storage.begin(simulator.tenant_id, write=True) as unit:
        unit.log.use_chains([2])
        unit.commit()
    found = {one.rule: one.count for one in fsck(simulator.gateway, simulator.tenant_id).findings}
    assert found == {"keys.chain": 1}
    with simulator.gateway.storage.begin(simulator.tenant_id, write=True) as unit:
        unit.log.use_chains([1])
        unit.commit()


def test_who_came_back_is_found_under_the_newest_key(office: Office, simulator: TenantSimulator) -> None:
    later = NOW + DAY
    simulator.send("store", simulator.record("r1", "email:anna"))
    office.complete("erasure", "email:anna")
    rotate(simulator)
    simulator.clock.advance(2 * DAY)
    back = simulator.record("r2", "email:anna", at=later, consents=[grant(at=later)])
    assert simulator.outcomes("store", back) == ["created"]
    assert simulator.outcomes("store", simulator.record("r3", "email:anna", at=NOW - HOUR)) == ["suppressed"]
