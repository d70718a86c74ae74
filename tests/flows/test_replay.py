"""A restored backup that is older than its journal serves nobody before the journal has been replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.flows import rotate_keys
from gateway.flows.decide import decide_records
from gateway.flows.replay import replay
from gateway.flows.rights import package
from gateway.kernel.errors import BehindJournal, NotPermitted, Unavailable
from gateway.outbound.journal import Journal
from gateway.rights.model import State
from tests.notices import shown
from tests.rights_simulator import Office, asked, look_up, put_back_afterwards
from tests.simulator import NOW, SimulatedGateway, TenantSimulator, grant

DAY = 86_400_000
SALE = "sale"


@pytest.fixture
def simulator(sqlite_site: SimulatedGateway) -> Iterator[TenantSimulator]:
    tenant = sqlite_site.tenant()
    yield tenant
    tenant.verify()


@pytest.fixture
def office(simulator: TenantSimulator) -> Office:
    return Office.of(simulator)


def catch_up(office: Office) -> int:
    return replay(office.tenant.gateway, office.officer)


def check_refuses(office: Office, label: str, export: str) -> None:
    """Nothing is taken in, matched or disclosed."""
    tenant = office.tenant
    gateway, store = tenant.gateway, tenant.callers["store"]
    record = tenant.record("r-behind", label)
    with pytest.raises(BehindJournal):
        tenant.send("store", record)
    with pytest.raises(BehindJournal):
        decide_records(gateway, store, [record])
    with pytest.raises(BehindJournal):
        look_up(tenant, "store", label)
    with pytest.raises(BehindJournal):
        asked(tenant, "store", label)
    with pytest.raises(BehindJournal):
        tenant.state("store", "grant", label)
    with pytest.raises(BehindJournal):
        package(gateway, office.officer, export)


def test_an_erasure_after_the_backup(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1"), simulator.record("r2", "email:bob"))
    export = office.complete("access", "email:bob")
    with put_back_afterwards(simulator):
        office.complete("erasure", "email:anna")
    assert "email:anna" in simulator.known()
    check_refuses(office, "email:bob", export)
    assert catch_up(office) == 1
    assert catch_up(office) == 0
    assert simulator.known() == {"email:bob"}
    assert simulator.outcomes("store", simulator.record("r1", "email:anna", "phone:1")) == ["suppressed"]
    assert simulator.outcomes("store", simulator.record("r3", "phone:1")) == ["suppressed"]
    assert office.package(export)


def test_a_request_that_the_backup_knows_is_completed_by_the_replay(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"))
    request = office.submit("erasure", "email:anna").id
    with put_back_afterwards(simulator):
        office.approve(request)
        office.run()
    assert office.state_of(request) is State.VERIFIED
    catch_up(office)
    assert office.state_of(request) is State.COMPLETED
    assert office.subjects(request) == 0
    assert office.receipt(request).counts["record"] == 1


def test_the_job_catches_up_before_it_runs_anything(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"), simulator.record("r2", "email:bob"))
    waiting = office.submit("access", "email:bob").id
    office.approve(waiting)
    with put_back_afterwards(simulator):
        simulator.state("store", "opt_out", "email:anna", purpose=SALE)
    assert office.run() == {waiting: State.COMPLETED}
    assert simulator.ledger("email:anna", SALE) == "opt_out"


def test_somebody_who_first_came_after_the_backup_stays_erased(office: Office, simulator: TenantSimulator) -> None:
    with put_back_afterwards(simulator):
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        office.complete("erasure", "email:anna")
    catch_up(office)
    assert simulator.outcomes("store", simulator.record("r1", "email:anna")) == ["suppressed"]
    assert simulator.outcomes("app", simulator.record("a1", "phone:1", "cookie:c")) == ["suppressed"]


@pytest.mark.parametrize(
    ("kind", "purpose"), [("opt_out", SALE), ("object", "*"), ("restrict", "personalization"), ("withdraw", SALE)]
)
def test_a_restriction_after_the_backup(office: Office, simulator: TenantSimulator, kind: str, purpose: str) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "cookie:c"))
    with put_back_afterwards(simulator):
        simulator.state("web", kind, "email:anna", purpose=purpose)
        before = {label: simulator.ledger(label, purpose.strip("*") or SALE) for label in ("email:anna", "cookie:c")}
    assert simulator.ledger("email:anna", purpose.strip("*") or SALE) == ""
    assert catch_up(office) == 1
    now = {label: simulator.ledger(label, purpose.strip("*") or SALE) for label in ("email:anna", "cookie:c")}
    assert now == before
    assert simulator.counted("tombstone") == 0


def test_a_withdrawal_of_matching_splits_again(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1"), simulator.record("r2", "phone:1"))
    with put_back_afterwards(simulator):
        simulator.state("store", "withdraw", "email:anna")
        assert simulator.partition() == {frozenset({"phone:1"})}
    assert simulator.partition() == {frozenset({"email:anna", "phone:1"})}
    catch_up(office)
    assert simulator.partition() == {frozenset({"phone:1"})}


def test_opt_outs_of_people_the_backup_does_not_know(office: Office, simulator: TenantSimulator) -> None:
    """One right request is three events, and so is a browser's signal, on a cookie too, which erasure leaves without a
    tombstone.
    """
    with put_back_afterwards(simulator):
        simulator.send("store", simulator.record("r1", "email:anna"))
        office.complete("opt_out", "email:anna", jurisdiction="US-CA", proof="")
        simulator.send("app", simulator.record("a1", "email:bob", "cookie:b", gpc=True))
    assert catch_up(office) == 2
    assert simulator.known() == set()
    assert simulator.counted("tombstone") == 3 + 3 * 2
    decided = decide_records(
        simulator.gateway, simulator.callers["store"], [simulator.record("r1", "email:anna", consents=[shown(grant())])]
    )
    assert decided[0].outcome == "created"
    simulator.send("store", simulator.record("r1", "email:anna", consents=[grant(), grant(SALE)]))
    assert [simulator.ledger("email:anna", one) for one in (SALE, "sharing", "targeted_advertising")] == ["opt_out"] * 3
    simulator.send("app", simulator.record("a2", "cookie:b", "customer_id:b"))
    assert simulator.ledger("cookie:b", SALE) == "opt_out"
    assert simulator.ledger("customer_id:b", SALE) == "opt_out"
    assert simulator.ledger("email:bob", SALE) == ""
    assert simulator.counted("tombstone") == 3
    simulator.state("app", "grant", "email:bob", purpose=SALE, at=NOW - DAY)
    assert simulator.ledger("email:bob", SALE) == "opt_out"
    assert simulator.counted("tombstone") == 0


def test_an_opt_out_does_not_replace_the_tombstone_of_an_erasure(office: Office, simulator: TenantSimulator) -> None:
    with put_back_afterwards(simulator):
        simulator.send("store", simulator.record("r1", "email:anna"))
        office.complete("erasure", "email:anna")
        office.complete("opt_out", "email:anna", jurisdiction="US-CA", proof="")
    assert catch_up(office) == 2
    assert simulator.outcomes("store", simulator.record("r1", "email:anna")) == ["suppressed"]


def test_an_older_restriction_does_not_replace_a_later_one(office: Office, simulator: TenantSimulator) -> None:
    with put_back_afterwards(simulator):
        simulator.state("store", "opt_out", "email:anna", purpose=SALE, at=NOW - DAY)
        simulator.state("store", "opt_out", "email:anna", purpose=SALE, at=NOW - 3 * DAY)
    catch_up(office)
    between = [grant(), grant(SALE, at=NOW - 2 * DAY)]
    simulator.send("store", simulator.record("r1", "email:anna", consents=between))
    assert simulator.ledger("email:anna", SALE) == "opt_out"


def test_erasures_and_opt_outs_interleaved(office: Office, simulator: TenantSimulator) -> None:
    """What binds somebody because of a person who is then erased still binds them, also when it is replayed."""
    simulator.send("store", simulator.record("r1", "email:anna"), simulator.record("r2", "email:bob"))
    simulator.send("web", simulator.record("w1", "email:anna", "cookie:w"))
    with put_back_afterwards(simulator):
        simulator.state("store", "opt_out", "email:anna", purpose=SALE)
        office.complete("erasure", "email:anna")
        simulator.state("store", "object", "email:bob", purpose="analytics")
        after = {label: simulator.ledger(label, SALE) for label in ("cookie:w", "email:bob")}
        known = simulator.known()
    assert after == {"cookie:w": "opt_out", "email:bob": ""}
    assert catch_up(office) == 3
    assert {label: simulator.ledger(label, SALE) for label in after} == after
    assert simulator.ledger("email:bob", "analytics") == "object"
    assert simulator.known() == known


def test_a_restriction_journaled_after_a_rotation_waits_for_who_is_not_there(
    office: Office, simulator: TenantSimulator
) -> None:
    """Anna left and came back meanwhile: the backup has her under another id, and then not at all."""
    simulator.send("store", simulator.record("r1", "email:anna"))
    with put_back_afterwards(simulator):
        office.complete("erasure", "email:anna")
        simulator.clock.advance(2 * DAY)
        back = simulator.record("r2", "email:anna", at=NOW + DAY, consents=[grant(at=NOW + DAY)])
        assert simulator.outcomes("store", back) == ["created"]
        rotate_keys.rotate(simulator.gateway, simulator.tenant_id)
        rotate_keys.rekey(simulator.gateway, simulator.tenant_id)
        simulator.state("store", "opt_out", "email:anna", purpose=SALE)
    assert catch_up(office) == 2
    assert simulator.known() == set()
    assert simulator.outcomes("store", simulator.record("r3", "email:anna", at=NOW)) == ["suppressed"]
    assert simulator.outcomes("store", back) == ["created"]
    assert simulator.ledger("email:anna", SALE) == "opt_out"


def test_entries_of_before_rotations_do_not_say_where_tokens_stand(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1"), simulator.record("r2", "email:bob"))
    with put_back_afterwards(simulator):
        office.complete("erasure", "email:anna")
        simulator.state("store", "opt_out", "email:bob", purpose=SALE)
        simulator.state("store", "opt_out", "email:carla", purpose=SALE)
    journal, tenant = simulator.gateway.journal, simulator.tenant_id
    entries = [entry for _, entry in journal.entries(tenant)]
    journal_file(simulator).unlink()
    for entry in entries:
        journal.append(tenant, without_known(entry))
    assert b"known" not in journal_file(simulator).read_bytes()
    assert catch_up(office) == 3
    assert simulator.known() == {"email:bob"}
    assert simulator.ledger("email:bob", SALE) == "opt_out"
    assert simulator.outcomes("store", simulator.record("r1", "email:anna", "phone:1")) == ["suppressed"]
    rotate_keys.rotate(simulator.gateway, tenant)
    rotate_keys.rekey(simulator.gateway, tenant)
    simulator.send("store", simulator.record("r3", "email:carla"))
    assert simulator.ledger("email:carla", SALE) == "opt_out"
    assert simulator.outcomes("app", simulator.record("a1", "email:anna")) == ["suppressed"]


def without_known(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as it was written before there were chains."""
    kept = {name: value for name, value in entry.items() if name != "known"}
    if "acts" in kept:
        kept["acts"] = [without_known(act) for act in kept["acts"]]
    return kept


def journal_file(tenant: TenantSimulator) -> Path:
    """The file of the tenant's journal."""
    return tenant.gateway.journal._directory / f"tenant-{tenant.tenant_id}.journal"


class TestTheFile:
    """The journal itself: a line is an act, whole or not at all."""

    def test_a_torn_line_was_never_acknowledged_and_stops_nobody(
        self, office: Office, simulator: TenantSimulator
    ) -> None:
        simulator.state("store", "opt_out", "email:anna", purpose=SALE)
        whole = journal_file(simulator).read_bytes()
        journal_file(simulator).write_bytes(whole + b'0badc0de {"type":"eras')
        assert simulator.gateway.journal.size(simulator.tenant_id) == len(whole)
        assert simulator.outcomes("store", simulator.record("r1", "email:bob")) == ["created"]
        assert catch_up(office) == 0
        simulator.state("store", "opt_out", "email:bob", purpose=SALE)
        entries = [entry["type"] for _, entry in simulator.gateway.journal.entries(simulator.tenant_id)]
        assert entries == ["consent", "consent"]

    def test_only_torn(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path)
        (tmp_path / "tenant-1.journal").write_bytes(b"0badc0de {")
        assert journal.size(1) == 0
        end = journal.append(1, {"type": "consent", "acts": []})
        assert [at for at, _ in journal.entries(1)] == [end] == [journal.size(1)]

    def test_a_damaged_line_is_not_carried_out(self, office: Office, simulator: TenantSimulator) -> None:
        with put_back_afterwards(simulator):
            simulator.state("store", "opt_out", "email:anna", purpose=SALE)
        text = journal_file(simulator).read_bytes()
        journal_file(simulator).write_bytes(text.replace(b"opt_out", b"opt_uot"))
        with pytest.raises(Unavailable, match="damaged"):
            catch_up(office)
        journal_file(simulator).write_bytes(text)
        assert catch_up(office) == 1

    def test_an_act_of_a_later_version_is_not_skipped(self, office: Office, simulator: TenantSimulator) -> None:
        with put_back_afterwards(simulator):
            simulator.gateway.journal.append(simulator.tenant_id, {"type": "rectification"})
        with pytest.raises(Unavailable, match="upgrade"):
            catch_up(office)
        journal_file(simulator).unlink()

    def test_nobody_is_named_in_it(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"))
        simulator.state("store", "opt_out", "email:anna", purpose=SALE)
        with simulator.reading() as unit:
            (row,) = unit.identifiers.describe([simulator.ids(unit)["email:anna"]])
        office.complete("erasure", "email:anna")
        text = journal_file(simulator).read_text()
        assert "anna" not in text
        assert row.token.hex() not in text
        assert f"{row.identifier_id:x}" not in text
        assert journal_file(simulator).stat().st_mode & 0o777 == 0o600


def test_only_the_operator_replays(simulator: TenantSimulator) -> None:
    with pytest.raises(NotPermitted):
        replay(simulator.gateway, simulator.callers["store"])
