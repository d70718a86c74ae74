"""Records through ingest: every outcome, what is kept of each, and that one batch is one small number of statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

import pytest

from gateway.flows.context import Role
from gateway.flows.ingest import ingest
from gateway.flows.messages import ConsentAssertion, IncomingRecord, Problem, RecordResult
from gateway.identifiers.model import HashedIdentifier, RawIdentifier
from gateway.kernel.clock import DAY, HOUR
from gateway.kernel.errors import BehindJournal, Frozen, NotPermitted
from gateway.policy.model import PolicySet
from tests.flows.rigs import erase
from tests.simulator import MATCHING, NOW, SimulatedGateway, TenantSimulator, grant

PEOPLE = ("pseudonym", "record", "link", "membership", "profile", "ledger", "demotion")
"""Tables that say something of somebody."""


def kept(simulator: TenantSimulator) -> dict[str, int]:
    """Rows by table, of those that have any."""
    counts = {table: simulator.counted(table) for table in PEOPLE}
    return {table: count for table, count in counts.items() if count}


def one(results: list[RecordResult]) -> RecordResult:
    """The only result."""
    (result,) = results
    return result


def stated(kind: str, purpose: str = MATCHING, *, at: int = NOW - HOUR) -> ConsentAssertion:
    """A consent event on a record."""
    return ConsentAssertion(kind, purpose, at)


class TestOutcomes:
    def test_created_then_linked(self, simulator: TenantSimulator) -> None:
        created = one(simulator.send("store", simulator.record("r1", "email:anna", "phone:1")))
        linked = one(simulator.send("store", simulator.record("r2", "phone:1", "cookie:c")))
        assert (created.outcome, linked.outcome) == ("created", "linked")
        assert created.profile_id == linked.profile_id
        assert simulator.partition() == {frozenset({"email:anna", "phone:1", "cookie:c"})}
        assert linked.decision is not None
        assert linked.decision.permitted
        assert (linked.decision.reason, linked.decision.regimes) == ("granted", ("gdpr",))
        assert linked.decision.policy == simulator.gateway.policies.digest

    def test_in_one_batch_the_first_creates_and_the_others_link(self, simulator: TenantSimulator) -> None:
        batch = [simulator.record(f"r{place}", "email:anna", f"cookie:{place}") for place in range(3)]
        assert simulator.outcomes("store", *batch) == ["created", "linked", "linked"]
        assert len(simulator.partition()) == 1

    def test_a_merge(self, simulator: TenantSimulator) -> None:
        apart = [simulator.record("r1", "email:anna"), simulator.record("r2", "phone:1")]
        older, newer = simulator.send("store", *apart)
        merged = one(simulator.send("app", simulator.record("r3", "phone:1", "email:anna")))
        assert older.profile_id != newer.profile_id
        assert merged.outcome == "linked"
        assert simulator.partition() == {frozenset({"email:anna", "phone:1"})}

    def test_each_client_has_its_own_name_for_a_profile(self, simulator: TenantSimulator) -> None:
        names = {
            client: one(simulator.send(client, simulator.record("r1", "email:anna"))).profile_id
            for client in ("store", "app", "callcentre")
        }
        assert len(set(names.values())) == 3
        again = one(simulator.send("store", simulator.record("r2", "email:anna")))
        assert again.profile_id == names["store"]

    def test_refused_leaves_nothing(self, simulator: TenantSimulator) -> None:
        result = one(simulator.send("store", simulator.record("r1", "email:anna", "cookie:c", consents=[])))
        assert (result.outcome, result.profile_id) == ("refused", None)
        assert result.decision is not None
        assert not result.decision.permitted
        assert result.decision.reason == "no_consent"
        assert kept(simulator) == {}
        assert simulator.counted("decision") == 1

    def test_refused_keeps_what_the_record_stated(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna", "cookie:c", "household_id:h", consents=[stated("deny")])
        assert simulator.outcomes("store", record) == ["refused"]
        assert kept(simulator) == {"pseudonym": 2, "ledger": 2}
        assert [simulator.ledger(label) for label in ("email:anna", "cookie:c")] == ["deny", "deny"]

    def test_refused_is_decided_anew_when_it_comes_again(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna", "cookie:c", consents=[])
        assert simulator.outcomes("store", record) == ["refused"]
        simulator.state("store", "grant", "email:anna")
        assert simulator.outcomes("store", record) == ["created"]

    def test_an_unknown_jurisdiction_is_the_strictest(self, simulator: TenantSimulator) -> None:
        records = [
            simulator.record(f"r-{code}", f"email:{code}", jurisdiction=code, consents=[])
            for code in ("US-CA", "US-NY", None, "ZZ")
        ]
        assert simulator.outcomes("store", *records) == ["created", "refused", "refused", "refused"]

    def test_suppressed_after_an_erasure(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna", "phone:1")
        simulator.send("store", record)
        simulator.clock.advance(DAY)
        erase(simulator, "email:anna")
        assert simulator.outcomes("store", record) == ["suppressed"]
        assert simulator.outcomes("app", simulator.record("r9", "phone:1", "email:bob", at=NOW + DAY)) == ["suppressed"]
        assert kept(simulator) == {}

    def test_nothing_that_links(self, simulator: TenantSimulator) -> None:
        result = one(simulator.send("store", simulator.record("r1", "household_id:h")))
        assert result.outcome == "refused"
        assert result.decision is not None
        assert result.decision.reason == "nothing_to_link"

    def test_review_when_a_limit_is_touched(self, simulator: TenantSimulator) -> None:
        kinds = simulator.gateway.policies.kinds
        simulator.limited(email=replace(kinds["email"], per_profile=1))
        simulator.send("store", simulator.record("r1", "customer_id:c", "email:anna", at=NOW - 2 * HOUR))
        result = one(simulator.send("store", simulator.record("r2", "customer_id:c", "email:bob")))
        assert result.outcome == "review"
        assert simulator.partition() == {frozenset({"customer_id:c", "email:anna"}), frozenset({"email:bob"})}
        assert simulator.counted("change") == 3  # created, created, and the merge that was refused

    def test_what_never_links_is_kept_beside_but_joins_nobody(self, simulator: TenantSimulator) -> None:
        batch = [simulator.record(name, f"email:{name}", "household_id:h") for name in ("anna", "bob")]
        assert simulator.outcomes("store", *batch) == ["created", "created"]
        assert simulator.partition() == {frozenset({"email:anna"}), frozenset({"email:bob"})}
        assert simulator.counted("link") == 4


class TestIdempotency:
    def test_the_same_record_again_is_a_duplicate(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna", "phone:1")
        created = one(simulator.send("store", record))
        before = kept(simulator)
        again = one(simulator.send("store", record))
        assert (again.outcome, again.profile_id) == ("duplicate", created.profile_id)
        assert kept(simulator) == before

    def test_in_one_batch_too(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna", "phone:1")
        assert simulator.outcomes("store", record, record, record) == ["created", "duplicate", "duplicate"]
        assert simulator.counted("record") == 1

    def test_record_ids_are_a_channels_own(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna")
        assert simulator.outcomes("store", record) == ["created"]
        assert simulator.outcomes("app", record) == ["linked"]
        assert simulator.counted("record") == 2

    def test_a_newer_version_replaces_the_earlier_evidence(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1", at=NOW - 3 * HOUR))
        newer = simulator.record("r1", "email:anna", "phone:2", at=NOW - 2 * HOUR)
        assert simulator.outcomes("store", newer) == ["linked"]
        assert simulator.partition() == {frozenset({"email:anna", "phone:2"})}
        assert (simulator.counted("record"), simulator.counted("decision")) == (1, 1)

    def test_an_older_version_changes_nothing(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:2", at=NOW - 2 * HOUR))
        late = simulator.record("r1", "email:anna", "phone:1", at=NOW - 3 * HOUR)
        assert simulator.outcomes("store", late) == ["duplicate"]
        assert simulator.partition() == {frozenset({"email:anna", "phone:2"})}
        assert simulator.counted("record") == 1

    def test_versions_in_one_batch(self, simulator: TenantSimulator) -> None:
        versions = [
            simulator.record("r1", "email:anna", f"phone:{place}", at=NOW - (9 - place) * HOUR) for place in (2, 1, 3)
        ]
        assert simulator.outcomes("store", *versions) == ["created", "duplicate", "linked"]
        assert simulator.partition() == {frozenset({"email:anna", "phone:3"})}

    def test_a_newer_version_that_is_refused_leaves_the_earlier(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", at=NOW - 3 * HOUR))
        simulator.state("web", "opt_out", "phone:1")
        newer = simulator.record("r1", "email:anna", "phone:1", at=NOW - 2 * HOUR)
        assert simulator.outcomes("store", newer) == ["refused"]
        assert simulator.partition() == {frozenset({"email:anna"})}

    def test_consents_of_a_duplicate_count(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna")
        simulator.send("store", record)
        with_consent = replace(record, consents=(grant(), stated("opt_out", "sale")))
        assert simulator.outcomes("store", with_consent) == ["duplicate"]
        assert simulator.ledger("email:anna", "sale") == "opt_out"

    def test_consent_events_are_idempotent(self, simulator: TenantSimulator) -> None:
        for place in range(3):
            simulator.send("store", simulator.record(f"r{place}", "email:anna"))
        assert simulator.counted("ledger") == 1

    def test_raw_and_pre_hashed_values_meet(self, simulator: TenantSimulator) -> None:
        hashed = HashedIdentifier("email", sha256(b"anna@shop.example").digest(), "uid2")
        record = IncomingRecord("r1", NOW - HOUR, (hashed, RawIdentifier("cookie", "c")), "US-CA")
        again = IncomingRecord("r2", NOW - HOUR, (RawIdentifier("email", " Anna@SHOP.example"),), "US-CA")
        assert simulator.outcomes("store", record, again) == ["created", "linked"]
        assert simulator.counted("pseudonym") == 2


class TestBadRecords:
    BAD: Mapping[str, tuple[IncomingRecord | Problem, str, str]] = {
        "parsed": (Problem("identifiers", "required", "missing", 1), "identifiers", "required"),
        "kind": (
            IncomingRecord("bad", NOW - HOUR, (RawIdentifier("shoe_size", "44"),), "DE"),
            "identifiers[0].kind",
            "unknown_kind",
        ),
        "hashed": (
            IncomingRecord(
                "bad", NOW - HOUR, (RawIdentifier("email", "a@b.example"), RawIdentifier("phone", "0" * 64))
            ),
            "identifiers[1].value",
            "",
        ),
        "digest": (
            IncomingRecord("bad", NOW - HOUR, (HashedIdentifier("email", bytes(20), "uid2"),), "DE"),
            "identifiers[0].sha256",
            "digest_not_32_bytes",
        ),
        "purpose": (
            IncomingRecord("bad", NOW - HOUR, (RawIdentifier("cookie", "c"),), "DE", "world_domination"),
            "purpose",
            "unknown_purpose",
        ),
        "unmatched": (
            IncomingRecord("bad", NOW - HOUR, (RawIdentifier("cookie", "c"),), "DE", "analytics"),
            "purpose",
            "purpose_does_not_match",
        ),
        "consent": (
            IncomingRecord("bad", NOW - HOUR, (RawIdentifier("cookie", "c"),), consents=(stated("grant", "nothing"),)),
            "consents[0].purpose",
            "unknown_purpose",
        ),
    }

    @pytest.mark.parametrize("name", sorted(BAD))
    def test_one_never_spoils_the_batch(self, simulator: TenantSimulator, name: str) -> None:
        bad, field, rule = self.BAD[name]
        good = [simulator.record(f"r{place}", f"email:{place}") for place in range(2)]
        first, found, last = simulator.send("store", good[0], bad, good[1])
        assert (first.outcome, found.outcome, last.outcome) == ("created", "invalid", "created")
        assert found.problem is not None
        assert (found.problem.field, found.problem.index) == (field, 1)
        assert not rule or found.problem.rule == rule
        assert found.decision is None
        assert simulator.counted("record") == 2

    def test_nothing_but_bad_ones_writes_nothing(self, simulator: TenantSimulator) -> None:
        entries = simulator.counted("log_entry")
        assert simulator.outcomes("store", *(bad for bad, _, _ in self.BAD.values())) == ["invalid"] * len(self.BAD)
        assert simulator.send("store") == []
        assert simulator.counted("log_entry") == entries


class TestPublicClients:
    def test_one_grants_for_devices_alone(self, simulator: TenantSimulator) -> None:
        assert simulator.outcomes("web", simulator.record("r1", "email:anna", "cookie:c")) == ["refused"]
        assert (simulator.ledger("email:anna"), simulator.ledger("cookie:c")) == ("", "grant")
        assert simulator.outcomes("web", simulator.record("r2", "cookie:c", "device_id:d")) == ["created"]

    def test_it_joins_no_two_people(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"), simulator.record("r2", "email:bob"))
        assert simulator.outcomes("web", simulator.record("r3", "email:anna", "email:bob", "cookie:c")) == ["linked"]
        assert simulator.partition() == {frozenset({"email:anna"}), frozenset({"email:bob"}), frozenset({"cookie:c"})}

    def test_a_restriction_is_taken_from_it(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        record = simulator.record("r2", "email:anna", consents=[stated("opt_out")])
        assert simulator.outcomes("web", record) == ["refused"]
        assert simulator.partition() == set()


class TestConsentsOfRecords:
    def test_a_grant_in_the_future_is_none(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna", consents=[grant(at=NOW + DAY)])
        assert simulator.outcomes("store", record) == ["refused"]
        assert kept(simulator) == {}

    def test_nobody_grants_everything_at_once(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna", consents=[grant("*")])
        assert simulator.outcomes("store", record) == ["refused"]

    def test_an_expired_consent_does_not_carry(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna", consents=[grant(at=NOW - 900 * DAY)])
        result = one(simulator.send("store", record))
        assert result.decision is not None
        assert (result.outcome, result.decision.reason) == ("refused", "consent_expired")

    def test_a_restriction_later_in_the_batch_refuses_the_records_before_it(self, simulator: TenantSimulator) -> None:
        batch = [
            simulator.record("r1", "email:anna", "phone:1"),
            simulator.record("r2", "phone:1", consents=[stated("object")]),
        ]
        assert simulator.outcomes("store", *batch) == ["refused", "refused"]
        assert simulator.partition() == set()

    def test_a_withdrawal_on_a_record_retracts_what_stood(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"), simulator.record("r2", "email:bob"))
        simulator.send("app", simulator.record("r9", "email:anna", consents=[stated("withdraw")]))
        assert simulator.partition() == {frozenset({"email:bob"})}

    def test_restrictions_are_journaled_and_grants_are_not(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"))
        journal = simulator.gateway.journal
        assert journal.size(simulator.tenant_id) == 0
        simulator.send("store", simulator.record("r2", "email:bob", consents=[stated("deny")]))
        assert len(list(journal.entries(simulator.tenant_id))) == 1


class TestFailsClosed:
    def test_only_a_channel_sends_records(self, simulator: TenantSimulator) -> None:
        officer = replace(simulator.callers["store"], role=Role.DPO)
        with pytest.raises(NotPermitted):
            ingest(simulator.gateway, officer, [simulator.record("r1", "email:anna")])

    def test_a_class_that_the_policy_does_not_know(self, simulator: TenantSimulator) -> None:
        stranger = replace(simulator.callers["store"], client_class="friend")
        with pytest.raises(NotPermitted):
            ingest(simulator.gateway, stranger, [simulator.record("r1", "email:anna")])
        assert kept(simulator) == {}

    def test_behind_the_journal(self, site: SimulatedGateway) -> None:
        tenant = site.tenant()
        site.gateway.journal.append(tenant.tenant_id, {"type": "consent", "acts": []})
        with pytest.raises(BehindJournal):
            tenant.send("store", tenant.record("r1", "email:anna"))
        assert kept(tenant) == {}

    def test_frozen(self, site: SimulatedGateway) -> None:
        tenant = site.tenant()
        with site.gateway.storage.begin(tenant.tenant_id, write=True) as unit:
            unit.log.freeze(frozen=True)
            unit.commit()
        with pytest.raises(Frozen):
            tenant.send("store", tenant.record("r1", "email:anna"))
        assert tenant.state("store", "withdraw", "email:anna").outcome == "recorded"


def deny_all(policies: PolicySet) -> PolicySet:
    """The same policies without a rule about any purpose."""
    regimes = {name: replace(regime, consent={}) for name, regime in policies.regimes.items()}
    return replace(policies, regimes=regimes)


def test_without_a_permit_no_profile_is_looked_up(sqlite_site: SimulatedGateway) -> None:
    """DESIGN section 1: no code path looks a profile up before the decision."""
    tenant = sqlite_site.tenant()
    tenant.send("store", tenant.record("r1", "email:anna", "phone:1"))
    tenant.gateway = replace(tenant.gateway, policies=deny_all(tenant.gateway.policies))
    log: list[str] = []
    with tenant.gateway.storage.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(log.append)
    batch = [tenant.record("r2", "email:anna", "cookie:c"), tenant.record("r3", "phone:1", consents=[])]
    assert tenant.outcomes("store", *batch) == ["refused", "refused"]
    driver.set_trace_callback(None)
    assert any("FROM ledger" in statement for statement in log)
    assert not [statement for statement in log if "membership" in statement or "FROM profile" in statement]
    assert not [statement for statement in log if " link" in statement]
