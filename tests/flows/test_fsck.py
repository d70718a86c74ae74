"""What fsck finds: nothing on a store that flows alone have written, and each thing that somebody edited by hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.audit.entries import Leaf, parse_leaf
from gateway.flows import audit
from gateway.flows.fsck import FsckReport, fsck, release
from gateway.flows.maintenance import sweep
from gateway.identifiers.keys import KeyPurpose
from gateway.identifiers.pseudonyms import tombstone_token
from gateway.kernel.clock import DAY
from gateway.kernel.errors import Frozen, IntegrityError, Unavailable
from gateway.rights.model import RequestKind
from gateway.storage.tombstones import ERASED, Tombstone
from tests.flows.rigs import ask, erase, run_request, tamper
from tests.simulator import NOW, SimulatedGateway, TenantSimulator, raw


def fill(tenant: TenantSimulator) -> None:
    """Profiles appear, merge and split, an identifier is demoted, somebody is refused, somebody is public."""
    tenant.send("store", tenant.record("r1", "email:anna", "phone:1"), tenant.record("r2", "email:bob", consents=[]))
    tenant.send("app", tenant.record("r3", "phone:1", "customer_id:7"), tenant.record("r4", "email:carla", "phone:2"))
    tenant.send("web", tenant.record("r5", "email:carla", "cookie:c"))
    tenant.send("store", *[tenant.record(f"h{at}", f"email:h{at}", "phone:9") for at in range(8)])
    tenant.state("store", "withdraw", "phone:2")
    tenant.state("callcentre", "object", "email:anna")
    audit.checkpoint(tenant.gateway, tenant.tenant_id)


def rules(report: FsckReport) -> set[str]:
    """The rules that were found broken."""
    return {finding.rule for finding in report.findings}


def last_leaf(tenant: TenantSimulator) -> Leaf:
    """The newest entry."""
    with tenant.reading() as unit:
        size = unit.log.head().size
        ((_, leaf),) = unit.log.entries(size - 1, size)
    return parse_leaf(leaf)


@pytest.fixture(scope="module")
def template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TenantSimulator]:
    """A tenant with something of everything in more than 256 entries; to be copied."""
    home = tmp_path_factory.mktemp("edited")
    shutil.copy(sqlite_template, home / "gateway.db")
    with SimulatedGateway.opened(f"sqlite:///{home / 'gateway.db'}", home) as site:
        tenant = site.tenant()
        fill(tenant)
        erase(tenant, "email:anna")
        tenant.send("store", *[tenant.record(f"m{at}", f"customer_id:m{at}") for at in range(128)])
        tenant.verify()
    return home, tenant


@pytest.fixture
def edited(template: tuple[Path, TenantSimulator], tmp_path: Path) -> Iterator[TenantSimulator]:
    """A copy on an SQLite store, to be edited."""
    original, tenant = template
    home = shutil.copytree(original, tmp_path / "gateway")
    with SimulatedGateway.opened(f"sqlite:///{home / 'gateway.db'}", home) as site:
        yield replace(tenant, gateway=site.gateway, clock=site.clock, labels=set(tenant.labels))


def test_what_flows_have_written_is_whole(simulator: TenantSimulator) -> None:
    fill(simulator)
    erase(simulator, "email:anna")
    report = fsck(simulator.gateway, simulator.tenant_id)
    assert (report.findings, report.edited) == ((), False)
    checked = (
        "entries",
        "openings",
        "decisions",
        "checkpoints",
        "ledger",
        "changes",
        "identifiers",
        "links",
        "members",
    )
    assert all(report.checked[one] > 0 for one in checked)
    leaf = last_leaf(simulator)
    assert (leaf.kind, leaf.facts["findings"], leaf.facts["entries"]) == (
        "fsck.completed",
        0,
        report.checked["entries"],
    )


def test_an_empty_tenant_is_whole(simulator: TenantSimulator) -> None:
    assert fsck(simulator.gateway, simulator.tenant_id).findings == ()


FORGE = "UPDATE log_entry SET leaf = CAST(replace(CAST(leaf AS TEXT), '2026-11', '2026-10') AS BLOB) WHERE position = 5"
EDITED = [
    ("log.leaf", "UPDATE log_entry SET leaf = x'7b7d' WHERE position = 5"),
    ("log.leaf", "DELETE FROM log_entry WHERE position = 5"),
    ("log.leaf", "INSERT INTO log_entry SELECT tenant_id, 100000, leaf FROM log_entry WHERE position = 5"),
    ("log.head", FORGE),
    ("log.checkpoint", FORGE),
    ("log.checkpoint", "UPDATE checkpoint SET note = replace(note, 'shop', 'shap')"),
    ("log.checkpoint", "UPDATE checkpoint SET note = 'no note'"),
    ("log.node", "UPDATE log_node SET hash = zeroblob(32) WHERE level = 8 AND position = 0"),
    ("log.node", "DELETE FROM log_node WHERE position = 0"),
    ("log.node", "INSERT INTO log_node VALUES (1, 24, 0, zeroblob(32))"),
    ("log.head", "UPDATE head SET frontier = CAST(substr(frontier, 1, 8) || zeroblob(length(frontier) - 8) AS BLOB)"),
    ("log.head", "UPDATE head SET size = size - 1"),
    ("log.head", "UPDATE head SET frontier = x'00'"),
    ("log.opening", "UPDATE log_opening SET disclosures = x'5b5d01' WHERE position = 3"),
    ("log.opening", "UPDATE log_opening SET disclosures = CAST(replace(disclosures, 'a', 'b') AS BLOB)"),
    ("log.opening", "UPDATE log_opening SET position = 100000 WHERE position = 3"),
    ("log.decisions", "UPDATE decision SET disclosure = (SELECT MAX(disclosure) FROM decision)"),
    ("log.decisions", "UPDATE decision_batch SET commitments = zeroblob(length(commitments))"),
    ("log.decisions", "DELETE FROM decision_batch"),
    ("log.decisions", "UPDATE decision_batch SET position = position - 1"),
    ("ledger.entry", "UPDATE ledger SET kind = 'grant' WHERE kind = 'withdraw'"),
    ("ledger.entry", "UPDATE ledger SET purpose = 'analytics' WHERE kind = 'withdraw'"),
    ("ledger.entry", "UPDATE ledger SET occurred_at = occurred_at + 86400000 WHERE kind = 'withdraw'"),
    ("ledger.entry", "UPDATE ledger SET position = 2 WHERE kind = 'withdraw'"),
    ("ledger.entry", "UPDATE ledger SET position = 100000 WHERE kind = 'withdraw'"),
    ("ledger.rows", "UPDATE ledger SET occurred_at = occurred_at - 1 WHERE kind = 'withdraw'"),
    ("ledger.rows", "UPDATE ledger SET basis = 'contract' WHERE kind = 'grant'"),
    ("ledger.rows", "UPDATE ledger SET regimes = 'ccpa' WHERE kind = 'grant'"),
    ("ledger.rows", "UPDATE ledger SET expires_at = occurred_at + 1 WHERE kind = 'grant'"),
    ("ledger.rows", "UPDATE ledger SET verified = NOT verified WHERE kind = 'grant'"),
    ("ledger.rows", "DELETE FROM ledger WHERE kind = 'withdraw'"),
    ("ledger.rows", "UPDATE ledger SET identifier_id = -identifier_id WHERE kind = 'withdraw'"),
    ("ledger.rows", "DELETE FROM log_opening WHERE position = (SELECT MAX(position) FROM ledger)"),
    ("change.entry", "DELETE FROM change WHERE position = (SELECT MAX(position) FROM change)"),
    ("change.entry", "UPDATE change SET profile_id = 1 WHERE position = (SELECT MAX(position) FROM change)"),
    ("change.entry", "UPDATE change SET kind = 'merged' WHERE position = (SELECT MAX(position) FROM change)"),
    ("change.entry", "UPDATE change SET position = 2 WHERE position = (SELECT MAX(position) FROM change)"),
    ("change.entry", "UPDATE change SET position = 100000 WHERE position = (SELECT MAX(position) FROM change)"),
    ("store.types", "UPDATE log_entry SET leaf = 'text' WHERE position = 5"),
    ("store.types", "UPDATE ledger SET occurred_at = 'yesterday' WHERE kind = 'withdraw'"),
]
CONTRADICTING = [
    ("partition.home", "UPDATE membership SET profile_id = (SELECT MIN(profile_id) FROM profile)"),
    ("partition.home", "UPDATE record SET active = 0"),
    ("partition.home", "DELETE FROM membership"),
    ("partition.cut", "UPDATE link SET cut = 1 WHERE kind = 'email'"),
    ("partition.demotion", "DELETE FROM demotion"),
    (
        "partition.demotion",
        "INSERT OR IGNORE INTO demotion SELECT tenant_id, graph, identifier_id, 1, 0 FROM membership",
    ),
    ("partition.kind", "UPDATE link SET kind = 'shoe_size' WHERE kind = 'email'"),
    ("link.record", "DELETE FROM record WHERE record_id = (SELECT MIN(record_id) FROM record)"),
    ("record.link", "DELETE FROM link WHERE record_id = (SELECT MIN(record_id) FROM record)"),
    ("link.pseudonym", "DELETE FROM pseudonym WHERE kind = 'customer_id'"),
    ("membership.pseudonym", "DELETE FROM pseudonym WHERE kind = 'customer_id'"),
    ("ledger.pseudonym", "DELETE FROM pseudonym WHERE kind = 'phone'"),
    ("demotion.pseudonym", "DELETE FROM pseudonym WHERE kind = 'phone'"),
    ("membership.profile", "DELETE FROM profile WHERE profile_id = (SELECT MIN(profile_id) FROM profile)"),
    ("profile.members", "INSERT INTO profile VALUES (1, 1, 'identity_resolution', 0, '', 0, 0, 0)"),
    ("decision.batch", "INSERT INTO decision SELECT tenant_id, 1, place, disclosure FROM decision LIMIT 1"),
    ("journal.behind", "UPDATE head SET journal_offset = journal_offset - 1"),
    ("journal.lost", "UPDATE head SET journal_offset = journal_offset + 1"),
]


@pytest.mark.parametrize(("rule", "edit"), EDITED)
def test_an_edited_log_is_found_and_freezes_the_tenant(edited: TenantSimulator, rule: str, edit: str) -> None:
    gateway, tenant_id = edited.gateway, edited.tenant_id
    tamper(gateway, edit)
    report = fsck(gateway, tenant_id)
    assert rule in rules(report)
    assert report.edited
    assert ask(gateway, "SELECT frozen FROM head") == [(1,)]
    assert fsck(gateway, tenant_id).findings == report.findings
    with pytest.raises((Frozen, Unavailable, IntegrityError)):
        edited.send("store", edited.record("new", "email:new"))


@pytest.mark.parametrize(("rule", "edit"), CONTRADICTING)
def test_a_store_that_contradicts_itself_is_found_and_goes_on(edited: TenantSimulator, rule: str, edit: str) -> None:
    tamper(edited.gateway, edit)
    report = fsck(edited.gateway, edited.tenant_id)
    assert rule in rules(report)
    assert not report.edited
    leaf = last_leaf(edited)
    assert (leaf.kind, leaf.facts["findings"]) == ("fsck.completed", sum(one.count for one in report.findings))


def test_while_frozen_withdrawals_and_requests_go_on(edited: TenantSimulator) -> None:
    gateway, tenant_id = edited.gateway, edited.tenant_id
    tamper(gateway, FORGE)
    fsck(gateway, tenant_id)
    with pytest.raises(Frozen):
        edited.send("store", edited.record("new", "email:new"))
    assert edited.state("store", "withdraw", "email:h1").outcome == "recorded"
    erase(edited, "email:h2")
    assert "email:h2" not in edited.known()


def test_a_frozen_tenant_is_released_only_when_its_log_is_whole(edited: TenantSimulator) -> None:
    gateway, tenant_id = edited.gateway, edited.tenant_id
    back = FORGE.replace("'2026-11', '2026-10'", "'2026-10', '2026-11'")
    tamper(gateway, FORGE)
    assert fsck(gateway, tenant_id).edited
    with pytest.raises(Frozen, match="still found edited"):
        release(gateway, tenant_id)
    tamper(gateway, back)
    size = fsck(gateway, tenant_id).checked["entries"]
    assert fsck(gateway, tenant_id).checked["entries"] == size, "a frozen tenant gets no entry"
    with pytest.raises(Frozen):
        edited.send("store", edited.record("new", "email:new"))
    assert release(gateway, tenant_id).findings == ()
    assert edited.outcomes("store", edited.record("new", "email:new")) == ["created"]
    edited.verify()


def test_somebody_who_was_erased_and_is_back_is_found(simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "cookie:c"))
    gateway, tenant_id = simulator.gateway, simulator.tenant_id
    key = gateway.keys.tenant(tenant_id).hmac(KeyPurpose.SUPPRESS)
    with gateway.storage.begin(tenant_id, write=True) as unit:
        (row,) = unit.identifiers.describe([simulator.ids(unit)["email:anna"]])
        stone = Tombstone(tombstone_token(key, row.token), 1, "gdpr", ERASED, "test", 1, NOW, NOW + DAY)
        unit.tombstones.put([stone])
        unit.commit()
    report = fsck(gateway, tenant_id)
    assert [(one.rule, one.count) for one in report.findings] == [("tombstone.active", 1)]
    simulator.clock.advance(2 * DAY)
    assert fsck(gateway, tenant_id).findings == ()
    assert sweep(gateway, tenant_id) == {"tombstone": 1, "right_package": 0, "right_subject": 0}
    assert simulator.counted("tombstone") == 0


def test_findings_name_nobody(edited: TenantSimulator) -> None:
    tamper(edited.gateway, "DELETE FROM pseudonym", FORGE)
    report = fsck(edited.gateway, edited.tenant_id)
    said = " ".join(f"{one.rule} {one.detail}" for one in report.findings)
    known = [value for (value,) in ask(edited.gateway, "SELECT identifier_id FROM membership")]
    assert said
    for text in (*(f"{value:x}" for value in known), *map(str, known), *(raw(one).value for one in edited.labels)):
        assert text not in said


def test_one_tenant_is_frozen_not_the_other(sqlite_site: SimulatedGateway) -> None:
    one, other = sqlite_site.tenant(), sqlite_site.tenant()
    for tenant in (one, other):
        fill(tenant)
    tamper(sqlite_site.gateway, f"{FORGE} AND tenant_id = {one.tenant_id}")
    assert fsck(sqlite_site.gateway, one.tenant_id).edited
    other.verify()
    assert other.outcomes("store", other.record("new", "email:new")) == ["created"]


def test_expired_packages_are_swept(simulator: TenantSimulator) -> None:
    fill(simulator)
    run_request(simulator, RequestKind.ACCESS, "email:anna")
    kept = simulator.gateway.policies.retention.export_package_days * DAY
    simulator.clock.advance(kept - DAY)
    assert sweep(simulator.gateway, simulator.tenant_id) == {"tombstone": 0, "right_package": 0, "right_subject": 0}
    assert simulator.counted("right_package") == 1
    simulator.clock.advance(DAY)
    assert sweep(simulator.gateway, simulator.tenant_id) == {"tombstone": 0, "right_package": 1, "right_subject": 0}
    assert simulator.counted("right_package") == 0
