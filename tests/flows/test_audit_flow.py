"""The log as it is shown: checkpoints that continue each other, proofs and exports that anybody can check."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from gateway.audit.checkpoint import VerifierKey, open_checkpoint
from gateway.audit.merkle import EMPTY_ROOT, leaf_hash
from gateway.audit.proofs import verify_consistency, verify_inclusion
from gateway.audit.verify import verify_export, verify_proof
from gateway.flows import audit
from gateway.flows.admin import system_caller, tenant_name
from gateway.flows.context import Caller, Role
from gateway.kernel.errors import Conflict, IntegrityError, InvalidInput, NotFound, NotPermitted
from tests.flows.rigs import tamper
from tests.simulator import SimulatedGateway, TenantSimulator, raw


def auditor(tenant: TenantSimulator) -> Caller:
    """An auditor of the tenant."""
    return system_caller(tenant.gateway, tenant.tenant_id, Role.AUDITOR)


def size(tenant: TenantSimulator) -> int:
    """Entries in the tenant's log."""
    with tenant.reading() as unit:
        return unit.log.head().size


def fill(tenant: TenantSimulator) -> None:
    """Profiles appear and merge, somebody without consent is refused, somebody withdraws."""
    tenant.send("store", tenant.record("r1", "email:anna", "phone:1"), tenant.record("r2", "email:bob", consents=[]))
    tenant.send("app", tenant.record("r3", "phone:1", "customer_id:7"), tenant.record("r4", "email:carla"))
    tenant.state("store", "withdraw", "email:carla")


def test_a_checkpoint_is_made_only_when_the_log_grew(simulator: TenantSimulator) -> None:
    gateway, tenant_id = simulator.gateway, simulator.tenant_id
    before, first = size(simulator), audit.checkpoint(gateway, tenant_id)
    assert audit.checkpoint(gateway, tenant_id) == audit.latest_checkpoint(gateway, tenant_id) == first
    fill(simulator)
    assert audit.latest_checkpoint(gateway, tenant_id) == first
    second = audit.checkpoint(gateway, tenant_id)
    key = VerifierKey.parse(audit.verifier_key(gateway, tenant_id))
    shown = [open_checkpoint(note, [key]) for note in (first, second)]
    origin = f"consent-gateway/{tenant_name(gateway, tenant_id)}/{tenant_id}"
    assert {one.origin for one in shown} == {key.name} == {origin}
    assert [one.size for one in shown] == [before, size(simulator)]
    with simulator.reading() as unit:
        assert unit.log.checkpoints() == [first, second]
        assert shown[1].root == unit.log.head().frontier.root()


def test_the_first_checkpoint_is_made_when_it_is_asked_for(simulator: TenantSimulator) -> None:
    note = audit.latest_checkpoint(simulator.gateway, simulator.tenant_id)
    assert note == audit.checkpoint(simulator.gateway, simulator.tenant_id)


def test_tenants_have_keys_of_their_own(site: SimulatedGateway) -> None:
    one, other = site.tenant(), site.tenant()
    keys = [VerifierKey.parse(audit.verifier_key(site.gateway, tenant.tenant_id)) for tenant in (one, other)]
    assert keys[0].public != keys[1].public
    with pytest.raises(IntegrityError):
        open_checkpoint(audit.checkpoint(site.gateway, one.tenant_id), keys[1:])


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE head SET frontier = CAST(substr(frontier, 1, 8) || zeroblob(length(frontier) - 8) AS BLOB)",
        "DELETE FROM log_entry WHERE position = 3",
        "UPDATE log_entry SET leaf = (SELECT leaf FROM log_entry WHERE position = 2) WHERE position = 3",
    ],
)
def test_what_does_not_continue_the_last_checkpoint_is_not_signed(sqlite_site: SimulatedGateway, edit: str) -> None:
    tenant = sqlite_site.tenant()
    audit.checkpoint(sqlite_site.gateway, tenant.tenant_id)
    fill(tenant)
    tamper(sqlite_site.gateway, edit)
    with pytest.raises(IntegrityError):
        audit.checkpoint(sqlite_site.gateway, tenant.tenant_id)


def test_entries_are_read_in_ranges(simulator: TenantSimulator) -> None:
    fill(simulator)
    caller, end = auditor(simulator), size(simulator)
    every = audit.entries(simulator.gateway, caller, 0, end)
    assert [index for index, _ in every] == list(range(end))
    assert audit.entries(simulator.gateway, caller, 2, 4) == every[2:4]
    for start, stop in ((-1, 2), (0, end + 1), (3, 3), (4, 3)):
        with pytest.raises(InvalidInput):
            audit.entries(simulator.gateway, caller, start, stop)


def test_at_most_a_thousand_entries_at_once(sqlite_site: SimulatedGateway) -> None:
    tenant = sqlite_site.tenant()
    tenant.send("store", *[tenant.record(f"r{at}", f"customer_id:{at}") for at in range(500)])
    caller = auditor(tenant)
    assert len(audit.entries(sqlite_site.gateway, caller, 0, 1000)) == 1000
    with pytest.raises(InvalidInput, match="at most 1000"):
        audit.entries(sqlite_site.gateway, caller, 0, 1001)


def test_every_proof_verifies(simulator: TenantSimulator) -> None:
    fill(simulator)
    gateway, caller, end = simulator.gateway, auditor(simulator), size(simulator)
    key = VerifierKey.parse(audit.verifier_key(gateway, simulator.tenant_id))
    roots = {0: EMPTY_ROOT, end: open_checkpoint(audit.checkpoint(gateway, simulator.tenant_id), [key]).root}
    leaves = [leaf_hash(leaf.encode()) for _, leaf in audit.entries(gateway, caller, 0, end)]
    for index, leaf in enumerate(leaves):
        verify_inclusion(leaf, index, end, audit.inclusion(gateway, caller, index, end), roots[end])
    verify_consistency(0, EMPTY_ROOT, end, roots[end], audit.consistency(gateway, caller, 0, end))
    early = leaves[0]
    verify_consistency(1, early, end, roots[end], audit.consistency(gateway, caller, 1, end))
    for index, count in ((-1, end), (end, end), (0, end + 1)):
        with pytest.raises(InvalidInput):
            audit.inclusion(gateway, caller, index, count)
    for old, new in ((2, 1), (-1, 1), (0, end + 1)):
        with pytest.raises(InvalidInput):
            audit.consistency(gateway, caller, old, new)


def test_a_proof_file_needs_only_the_leaf_and_the_key(simulator: TenantSimulator) -> None:
    gateway, tenant_id, before = simulator.gateway, simulator.tenant_id, size(simulator)
    audit.checkpoint(gateway, tenant_id)
    fill(simulator)
    key, end = audit.verifier_key(gateway, tenant_id), size(simulator)
    for index, leaf in audit.entries(gateway, auditor(simulator), 0, end):
        proven = verify_proof(audit.proof(gateway, tenant_id, index), leaf.encode(), key)
        assert proven.index == index
        assert proven.checkpoint.size == (before if index < before else end)
    for index in (-1, end):
        with pytest.raises(InvalidInput):
            audit.proof(gateway, tenant_id, index)


def test_an_export_with_openings_verifies_and_is_an_entry(simulator: TenantSimulator, tmp_path: Path) -> None:
    fill(simulator)
    gateway, tenant_id, before = simulator.gateway, simulator.tenant_id, size(simulator)
    written = audit.export(gateway, tenant_id, tmp_path / "export", openings=True)
    found = verify_export(tmp_path / "export", str(written["vkey"]))
    assert (found.origin, found.size, found.root) == (written["origin"], written["size"], written["root"])
    assert (found.size, found.erased) == (before, 0)
    assert found.openings > found.kinds["consent.recorded"]
    ((_, leaf),) = audit.entries(gateway, auditor(simulator), before, before + 1)
    assert '"kind":"disclosure.made"' in leaf
    with pytest.raises(Conflict):
        audit.export(gateway, tenant_id, tmp_path / "export", openings=True)


def test_an_export_without_openings_discloses_nothing(simulator: TenantSimulator, tmp_path: Path) -> None:
    fill(simulator)
    before = size(simulator)
    written = audit.export(simulator.gateway, simulator.tenant_id, tmp_path / "export", openings=False)
    found = verify_export(tmp_path / "export", str(written["vkey"]))
    assert (found.openings, size(simulator)) == (0, before)
    content = b"".join(path.read_bytes() for path in (tmp_path / "export").iterdir())
    with simulator.reading() as unit:
        ids = [f"{number:x}" for number in simulator.ids(unit).values()]
    for text in (*ids, *(raw(label).value for label in simulator.labels)):
        assert text.encode() not in content


def test_an_export_over_http_is_the_log_up_to_its_checkpoint(simulator: TenantSimulator, tmp_path: Path) -> None:
    fill(simulator)
    gateway, caller = simulator.gateway, auditor(simulator)
    made = audit.start_export(gateway, caller)
    simulator.send("store", simulator.record("r9", "email:dora"))
    audit.checkpoint(gateway, simulator.tenant_id)
    for name in ("once", "again"):
        with audit.export_zip(gateway, caller, made.id) as file, zipfile.ZipFile(file) as archive:
            archive.extractall(tmp_path / name)
        found = verify_export(tmp_path / name, audit.verifier_key(gateway, simulator.tenant_id))
        assert (found.origin, found.size, found.openings) == (made.origin, made.size, 0)


def test_an_export_belongs_to_its_tenant(site: SimulatedGateway) -> None:
    one, other = site.tenant(), site.tenant()
    fill(one)
    made = audit.start_export(site.gateway, auditor(one))
    for export_id in (made.id, "exp_0", "req_0000000000000001", "", "../etc"):
        with pytest.raises(NotFound):
            audit.export_zip(site.gateway, auditor(other), export_id)


@pytest.mark.parametrize("role", [Role.CHANNEL, Role.REVIEWER])
def test_the_log_is_for_auditors_officers_and_administrators(sqlite_site: SimulatedGateway, role: Role) -> None:
    tenant = sqlite_site.tenant()
    caller = system_caller(sqlite_site.gateway, tenant.tenant_id, role)
    for ask in (
        lambda: audit.entries(sqlite_site.gateway, caller, 0, 1),
        lambda: audit.inclusion(sqlite_site.gateway, caller, 0, 1),
        lambda: audit.consistency(sqlite_site.gateway, caller, 0, 1),
        lambda: audit.start_export(sqlite_site.gateway, caller),
        lambda: audit.export_zip(sqlite_site.gateway, caller, "exp_0"),
    ):
        with pytest.raises(NotPermitted):
            ask()
