"""Consent events on their own: what each does to ledger and profile, who may state it, what can be asked back."""

from __future__ import annotations

import pytest

from gateway.audit.entries import EntryKind, parse_leaf
from gateway.flows.admin import system_caller
from gateway.flows.context import Role
from gateway.flows.messages import ConsentAssertion, Problem
from gateway.flows.record_consent import record_consent
from gateway.flows.requests import ConsentEventInput
from gateway.identifiers.model import RawIdentifier
from gateway.kernel.clock import DAY
from gateway.kernel.errors import InvalidInput, NotPermitted
from tests.notices import shown
from tests.rights_simulator import asked
from tests.simulator import MATCHING, NOW, TenantSimulator, grant, raw

SALE = "sale"


def entries(tenant: TenantSimulator) -> int:
    with tenant.reading() as unit:
        return unit.log.head().size


class TestWithdrawal:
    def test_it_splits_the_profile_and_leaves_what_has_a_basis_of_its_own(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        simulator.send(
            "app", simulator.record("r2", "phone:1", "cookie:c"), simulator.record("r3", "cookie:c", "maid:m")
        )
        simulator.send("store", simulator.record("r4", "email:bob"))
        home = simulator.homes()["email:anna"]
        result = simulator.state("store", "withdraw", "email:anna")
        assert (result.outcome, result.links_retracted) == ("recorded", 1)
        assert simulator.partition() == {frozenset({"phone:1", "cookie:c", "maid:m"}), frozenset({"email:bob"})}
        assert simulator.homes()["phone:1"] == home, "the largest part keeps the id"
        again = simulator.state("store", "withdraw", "email:anna", at=NOW)
        assert (again.outcome, again.links_retracted) == ("known", 0)

    def test_two_parts(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        simulator.send("store", simulator.record("r2", "email:anna", "cookie:c", consents=[]))
        simulator.send("app", simulator.record("a1", "phone:1", "maid:m"), simulator.record("a2", "cookie:c", "maid:n"))
        assert len(simulator.partition()) == 1
        assert simulator.state("web", "withdraw", "email:anna").links_retracted == 2
        assert simulator.partition() == {frozenset({"phone:1", "maid:m"}), frozenset({"cookie:c", "maid:n"})}

    def test_of_another_purpose_leaves_the_links(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        assert simulator.state("store", "withdraw", "email:anna", purpose=SALE).links_retracted == 0
        assert simulator.partition() == {frozenset({"email:anna", "phone:1"})}

    def test_a_later_grant_lets_the_same_record_in_again(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna", "phone:1", consents=[])
        simulator.state("store", "grant", "email:anna", at=NOW - DAY)
        simulator.send("store", record)
        simulator.state("store", "withdraw", "email:anna")
        assert simulator.outcomes("store", record) == ["refused"]
        simulator.clock.advance(1_000)
        simulator.state("store", "grant", "email:anna")
        assert simulator.outcomes("store", record) == ["created"]

    def test_each_change_has_its_entry(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        size = entries(simulator)
        simulator.state("store", "withdraw", "email:anna")
        with simulator.reading() as unit:
            new = [parse_leaf(leaf).kind for _, leaf in unit.log.entries(size, unit.log.head().size)]
        assert new == [EntryKind.CONSENT_RECORDED, EntryKind.PROFILE_SPLIT]


class TestWhatBindsThePerson:
    @pytest.mark.parametrize("kind", ["opt_out", "object", "restrict"])
    def test_it_spreads_to_the_profile_and_to_who_is_linked_later(self, simulator: TenantSimulator, kind: str) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        simulator.state("app", kind, "email:anna", purpose=SALE)
        assert simulator.ledger("phone:1", SALE) == kind
        simulator.send("app", simulator.record("r2", "phone:1", "cookie:late"))
        simulator.send("web", simulator.record("w1", "email:anna", "cookie:hung"))
        assert [simulator.ledger(one, SALE) for one in ("cookie:late", "cookie:hung")] == [kind, kind]
        simulator.send("store", simulator.record("r3", "customer_id:7"))
        simulator.send("store", simulator.record("r4", "customer_id:7", "phone:1"))
        assert simulator.ledger("customer_id:7", SALE) == kind

    def test_a_withdrawal_does_not(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        simulator.state("app", "withdraw", "email:anna", purpose=SALE)
        assert simulator.ledger("phone:1", SALE) == ""

    def test_no_split_of_its_origin_lifts_it(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"), simulator.record("r2", "phone:1"))
        simulator.state("app", "opt_out", "email:anna", purpose=SALE)
        simulator.state("store", "withdraw", "email:anna")
        assert simulator.partition() == {frozenset({"phone:1"})}
        assert simulator.ledger("phone:1", SALE) == "opt_out"

    def test_an_objection_to_everything_ends_the_profile(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"), simulator.record("r2", "phone:1"))
        assert simulator.state("web", "object", "email:anna", purpose="*").links_retracted == 1
        assert simulator.partition() == set()
        assert simulator.ledger("phone:1", "analytics") == "object"


class TestWhoMayStateIt:
    def test_a_public_client_grants_for_no_address(self, simulator: TenantSimulator) -> None:
        refused = simulator.state("web", "grant", "email:anna")
        assert refused.outcome == "refused"
        assert refused.problem is not None
        assert refused.problem.rule == "client_may_not_assert"
        assert simulator.known() == set()
        assert simulator.state("web", "grant", "email:anna", "cookie:c").outcome == "recorded"
        assert (simulator.ledger("cookie:c"), simulator.ledger("email:anna")) == ("grant", "")
        assert simulator.state("web", "withdraw", "email:anna").outcome == "recorded"
        assert simulator.ledger("email:anna") == "withdraw"

    def test_nobody_grants_in_the_future_or_against_a_later_act(self, simulator: TenantSimulator) -> None:
        assert simulator.state("store", "grant", "email:anna", at=NOW + DAY).outcome == "refused"
        simulator.state("store", "withdraw", "email:anna", at=NOW - DAY)
        assert simulator.state("store", "grant", "email:anna", at=NOW - 2 * DAY).outcome == "recorded"
        assert simulator.ledger("email:anna") == "withdraw"
        assert simulator.state("store", "grant", "email:anna", at=NOW - DAY).outcome == "recorded"
        assert simulator.ledger("email:anna") == "withdraw", "at the same moment the restriction stands"
        simulator.state("store", "grant", "email:anna")
        assert simulator.ledger("email:anna") == "grant"

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.REVIEWER, Role.ADMIN])
    def test_roles(self, simulator: TenantSimulator, role: Role) -> None:
        caller = system_caller(simulator.gateway, simulator.tenant_id, role)
        event = ConsentEventInput((raw("email:anna"),), grant(), "DE")
        with pytest.raises(NotPermitted):
            record_consent(simulator.gateway, caller, [event])


class TestBatches:
    def test_a_bad_event_spoils_no_other(self, simulator: TenantSimulator) -> None:
        good = ConsentEventInput((raw("email:anna"),), shown(grant()), "DE")
        unknown = ConsentEventInput((raw("email:anna"),), ConsentAssertion("grant", "world_peace", NOW), "DE")
        broken = ConsentEventInput((raw("email:anna"), RawIdentifier("email", "no address")), grant(), "DE")
        unread = Problem("consent", "required", "this field is required", 3)
        simulator.labels.add("email:anna")
        results = record_consent(simulator.gateway, simulator.callers["store"], [good, unknown, broken, unread, good])
        assert [one.outcome for one in results] == ["recorded", "invalid", "invalid", "invalid", "known"]
        problems = [(one.problem.field, one.problem.rule) for one in results if one.problem]
        assert problems == [
            ("purpose", "unknown_purpose"),
            ("identifiers[1].value", "not_an_email"),
            ("consent", "required"),
        ]
        assert simulator.counted("ledger") == 1

    def test_events_are_idempotent(self, simulator: TenantSimulator) -> None:
        for _ in range(2):
            simulator.state("store", "grant", "email:anna", "phone:1", at=NOW - DAY)
            simulator.state("app", "opt_out", "email:anna", purpose=SALE, at=NOW - DAY)
        size = entries(simulator)
        assert simulator.state("app", "opt_out", "email:anna", purpose=SALE, at=NOW - DAY).outcome == "known"
        assert (simulator.counted("ledger"), entries(simulator)) == (4, size)
        assert simulator.state("store", "grant", "email:anna", "maid:m", at=NOW - DAY).outcome == "recorded"
        assert simulator.counted("ledger") == 5


class TestQuery:
    def test_what_was_known_and_what_was_in_force(self, simulator: TenantSimulator) -> None:
        """`as_of` is about the person's act, `known_at` about when the gateway heard of it."""
        simulator.state("store", "grant", "email:anna", at=NOW - 10 * DAY)
        simulator.clock.advance(5 * DAY)
        simulator.state("store", "withdraw", "email:anna", at=NOW - DAY)
        cases = {
            (None, None): ("withdraw", False),
            (NOW - 2 * DAY, None): ("grant", True),
            (NOW - 11 * DAY, None): ("", False),
            (NOW, NOW): ("grant", True),
            (None, NOW - 1): ("", False),
        }
        for (as_of, known_at), (event, permitted) in cases.items():
            state = asked(simulator, "store", "email:anna", as_of=as_of, known_at=known_at)
            assert (state.identifiers[0].event, state.permitted) == (event, permitted), (as_of, known_at)

    def test_an_unknown_jurisdiction_is_the_strictest(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", consents=[], jurisdiction="US-CA"))
        laws = {"US-CA": "ccpa", "DE": "gdpr", "XX": "default", None: "default"}
        for jurisdiction, law in laws.items():
            state = asked(simulator, "store", "email:anna", jurisdiction=jurisdiction)
            assert (state.permitted, state.regimes) == (law == "ccpa", (law,))
        for place, jurisdiction in enumerate(("DE", "XX", None)):
            record = simulator.record(f"n{place}", f"email:n{place}", consents=[], jurisdiction=jurisdiction)
            assert simulator.outcomes("store", record) == ["refused"]

    def test_only_what_ones_own_channel_has_sent(self, simulator: TenantSimulator) -> None:
        simulator.send("app", simulator.record("r1", "email:anna", "phone:1"))
        state = asked(simulator, "store", "email:anna", "phone:1")
        assert (state.permitted, [one.event for one in state.identifiers]) == (False, ["", ""])
        simulator.send("store", simulator.record("s1", "email:anna"))
        state = asked(simulator, "store", "email:anna", "phone:1")
        assert [(one.event, one.derived) for one in state.identifiers] == [("grant", False), ("", False)]

    def test_unknown_purposes_are_a_fault_of_the_question(self, simulator: TenantSimulator) -> None:
        with pytest.raises(InvalidInput) as refused:
            asked(simulator, "store", "email:anna", purpose="world_peace")
        assert refused.value.rule == "unknown_purpose"

    def test_it_changes_nothing(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"))
        size = entries(simulator)
        asked(simulator, "store", "email:anna", "cookie:new", purpose=MATCHING)
        assert (entries(simulator), simulator.known()) == (size, {"email:anna"})


@pytest.mark.parametrize("kind", ["withdraw", "opt_out", "object", "restrict"])
def test_a_restriction_from_the_future_counts_from_now(simulator: TenantSimulator, kind: str) -> None:
    """A clock that is years ahead, or a lie: what the person says tomorrow is later all the same."""
    simulator.state("store", kind, "email:anna", at=NOW + 900 * DAY)
    ahead = ConsentAssertion(kind, MATCHING, NOW + 900 * DAY)
    assert simulator.outcomes("store", simulator.record("r1", "email:bob", consents=[ahead])) == ["refused"]
    simulator.clock.advance(DAY)
    again = [
        simulator.record(f"{one}2", f"email:{one}", consents=[grant(at=simulator.clock.now())])
        for one in ("anna", "bob")
    ]
    assert simulator.outcomes("store", *again) == ["created", "created"]
