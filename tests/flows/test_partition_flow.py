"""Profiles as a tenant sees them come and go: consent that tightens, limits, other graphs, and random traffic."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from gateway.flows.messages import IncomingRecord
from gateway.kernel.clock import DAY, HOUR
from tests.simulator import MATCHING, NOW, SimulatedGateway, TenantSimulator, check_partition, grant

NARROW = ("email", "phone", "device_id", "cookie", "session_id")


def narrow(simulator: TenantSimulator, **limits: int) -> None:
    """Limit kinds: `email=2` lets two in one profile and demotes above two persons."""
    kinds = simulator.gateway.policies.kinds
    simulator.limited(
        **{kind: replace(kinds[kind], per_profile=limit, shared_above=limit) for kind, limit in limits.items()}
    )


class TestWithdrawal:
    def test_it_retracts_the_links_and_the_profile_splits(self, simulator: TenantSimulator) -> None:
        simulator.send(
            "store",
            simulator.record("r1", "email:anna", "phone:1"),
            simulator.record("r2", "phone:1", "customer_id:c"),
            simulator.record("r3", "customer_id:c", "cookie:x"),
        )
        result = simulator.state("callcentre", "withdraw", "phone:1")
        assert (result.outcome, result.links_retracted) == ("recorded", 2)
        assert simulator.partition() == {frozenset({"customer_id:c", "cookie:x"})}
        assert simulator.counted("record") == 3

    def test_whoever_consents_again_is_linked_when_the_record_comes_again(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna", "phone:1")
        simulator.send("store", record)
        simulator.state("store", "withdraw", "email:anna")
        assert simulator.outcomes("store", record) == ["refused"]
        simulator.clock.advance(HOUR)
        simulator.state("store", "grant", "email:anna")
        assert simulator.outcomes("store", record) == ["created"]
        assert simulator.partition() == {frozenset({"email:anna", "phone:1"})}

    def test_the_word_of_one_is_not_the_word_of_the_other(self, simulator: TenantSimulator) -> None:
        """Withdrawn by e-mail: what was said with the phone alone still stands."""
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"), simulator.record("r2", "phone:1"))
        simulator.state("store", "withdraw", "email:anna")
        assert simulator.partition() == {frozenset({"phone:1"})}

    @pytest.mark.parametrize("kind", ["object", "opt_out", "restrict"])
    def test_what_binds_the_person_binds_the_whole_profile(self, simulator: TenantSimulator, kind: str) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"), simulator.record("r2", "phone:1"))
        assert simulator.state("web", kind, "email:anna").outcome == "recorded"
        assert simulator.ledger("phone:1") == kind
        assert simulator.partition() == set()

    def test_another_purpose_leaves_the_links(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        result = simulator.state("store", "opt_out", "email:anna", purpose="sale")
        assert (result.outcome, result.links_retracted) == ("recorded", 0)
        assert simulator.partition() == {frozenset({"email:anna", "phone:1"})}
        assert simulator.ledger("phone:1", "sale") == "opt_out"

    def test_lifting_gives_nothing_back_by_itself(self, simulator: TenantSimulator) -> None:
        record = simulator.record("r1", "email:anna")
        simulator.send("store", record)
        simulator.state("store", "restrict", "email:anna")
        simulator.clock.advance(HOUR)
        simulator.state("store", "unrestrict", "email:anna")
        assert simulator.partition() == set()
        assert simulator.outcomes("store", record) == ["created"]


def silent(simulator: TenantSimulator, record_id: str, *labels: str) -> IncomingRecord:
    """A Californian record without a word about consent."""
    return simulator.record(record_id, *labels, jurisdiction="US-CA", consents=[])


class TestInheritance:
    """A restriction that binds a person stands on every identifier of the profile, also on those linked later."""

    def test_a_merge_brings_it_to_the_other_side(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"), simulator.record("r2", "phone:1", "cookie:c"))
        simulator.state("store", "opt_out", "email:anna", purpose="sale")
        simulator.send("store", simulator.record("r3", "email:anna", "phone:1"))
        assert [simulator.ledger(label, "sale") for label in ("phone:1", "cookie:c")] == ["opt_out", "opt_out"]

    def test_a_split_never_lifts_it(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"), simulator.record("r2", "phone:1"))
        simulator.state("store", "opt_out", "email:anna", purpose="sale")
        simulator.state("store", "withdraw", "email:anna")
        assert simulator.partition() == {frozenset({"phone:1"})}
        assert simulator.ledger("phone:1", "sale") == "opt_out"

    def test_what_was_overruled_for_a_purpose_is_passed_on_for_the_others(self, simulator: TenantSimulator) -> None:
        """Anna objected to everything, then consented to be recognized: so may those be whom she is linked with."""
        simulator.state("store", "object", "email:anna", purpose="*", at=NOW - 2 * HOUR)
        simulator.state("store", "grant", "email:anna", at=NOW - HOUR)
        simulator.send("store", simulator.record("r1", "phone:1"))
        linked = simulator.record("r2", "phone:1", "email:anna", consents=[])
        assert simulator.outcomes("store", linked) == ["linked"]
        assert (simulator.ledger("phone:1"), simulator.ledger("phone:1", "sale")) == ("grant", "object")

    def test_a_restriction_that_is_lifted_later_hides_no_opt_out(self, simulator: TenantSimulator) -> None:
        simulator.state("store", "restrict", "email:anna", purpose="sale", at=NOW - 2 * HOUR)
        simulator.state("store", "opt_out", "email:anna", purpose="sale", at=NOW - HOUR)
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        simulator.state("store", "unrestrict", "phone:1", purpose="sale")
        assert simulator.ledger("phone:1", "sale") == "opt_out"

    def test_it_reaches_who_moves_in_while_others_move_out(self, simulator: TenantSimulator) -> None:
        """Found by random traffic: a profile that gained one member and lost another passed nothing on."""
        simulator.send("web", silent(simulator, "r2", "device_id:d", "cookie:c"))
        simulator.send("store", silent(simulator, "r3", "device_id:d", "email:anna"))
        simulator.state("store", "opt_out", "device_id:d", purpose="sale", jurisdiction="US-CA")
        batch = [
            silent(simulator, "r4", "cookie:c"),
            silent(simulator, "r5", "session_id:s", "email:anna"),
        ]
        simulator.send("store", *batch)
        assert simulator.partition() == {
            frozenset({"device_id:d", "email:anna", "session_id:s"}),
            frozenset({"cookie:c"}),
        }
        assert simulator.ledger("session_id:s", "sale") == "opt_out"

    def test_it_reaches_a_leaf_that_hangs_after_a_withdrawal(self, simulator: TenantSimulator) -> None:
        """Two people shared a browser that had opted out; when one leaves, it is the other's, and so is the opt-out."""
        people = [silent(simulator, name, f"email:{name}") for name in ("anna", "bob")]
        simulator.send("store", *people)
        visits = [silent(simulator, f"v-{name}", f"email:{name}", "cookie:c") for name in ("anna", "bob")]
        simulator.send("web", *visits)
        simulator.state("web", "opt_out", "cookie:c", purpose="sale", jurisdiction="US-CA")
        assert simulator.ledger("email:bob", "sale") == ""
        simulator.state("store", "withdraw", "email:anna", jurisdiction="US-CA")
        assert simulator.partition() == {frozenset({"email:bob", "cookie:c"})}
        assert simulator.ledger("email:bob", "sale") == "opt_out"


class TestRegimes:
    """A merge must be permitted under every regime known for either side."""

    def test_a_californian_record_does_not_reach_a_european_profile_whose_consent_has_ended(
        self, simulator: TenantSimulator
    ) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        simulator.clock.advance(1000 * DAY)
        late = simulator.record("r2", "phone:1", "cookie:c", jurisdiction="US-CA", consents=[], at=NOW + 999 * DAY)
        simulator.send("store", late)
        assert simulator.partition() == {frozenset({"email:anna", "phone:1"}), frozenset({"cookie:c"})}

    def test_but_it_does_while_the_consent_lasts(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        simulator.send("store", simulator.record("r2", "phone:1", "cookie:c", jurisdiction="US-CA", consents=[]))
        assert simulator.partition() == {frozenset({"email:anna", "phone:1", "cookie:c"})}


class TestGraphs:
    def test_links_of_one_purpose_never_serve_another(self, simulator: TenantSimulator) -> None:
        fraud = replace(
            simulator.record("r1", "email:anna", "phone:1"),
            purpose="fraud_prevention",
            consents=(grant("fraud_prevention"),),
        )
        simulator.send("store", fraud, simulator.record("r2", "email:anna"), simulator.record("r3", "phone:1"))
        assert simulator.partition() == {frozenset({"email:anna"}), frozenset({"phone:1"})}
        assert simulator.partition("fraud_prevention") == {frozenset({"email:anna", "phone:1"})}
        simulator.state("store", "withdraw", "email:anna")
        assert simulator.partition() == {frozenset({"phone:1"})}
        assert simulator.partition("fraud_prevention") == {frozenset({"email:anna", "phone:1"})}

    def test_a_record_that_changes_its_purpose_moves(self, simulator: TenantSimulator) -> None:
        first = simulator.record("r1", "email:anna", "phone:1", consents=[grant(), grant("fraud_prevention")])
        simulator.send("store", first)
        simulator.send("store", replace(first, purpose="fraud_prevention", observed_at=first.observed_at + 1))
        assert simulator.partition() == set()
        assert simulator.partition("fraud_prevention") == {frozenset({"email:anna", "phone:1"})}


class TestNames:
    def test_the_older_survives_and_the_largest_part_keeps_the_name(self, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna"))
        simulator.send("store", simulator.record("r2", "phone:1", "cookie:c", "device_id:d"))
        older = simulator.homes()["email:anna"]
        simulator.send("app", simulator.record("r3", "email:anna", "phone:1"))
        assert set(simulator.homes().values()) == {older}
        simulator.state("app", "withdraw", "email:anna")
        assert simulator.homes() == dict.fromkeys(("phone:1", "cookie:c", "device_id:d"), older)


class TestLimits:
    def test_an_office_phone_is_demoted_and_everybody_stands_alone(self, simulator: TenantSimulator) -> None:
        people = [simulator.record(f"r{place}", f"email:{place}", "phone:1") for place in range(6)]
        simulator.send("store", *people[:5])
        assert simulator.partition() == {frozenset({*(f"email:{place}" for place in range(5)), "phone:1"})}
        simulator.send("store", people[5])
        assert simulator.partition() == {frozenset({f"email:{place}"}) for place in range(6)}
        assert simulator.counted("demotion") == 2, "both digests of the number"

    def test_a_shared_identifier_speaks_for_nobody(self, simulator: TenantSimulator) -> None:
        people = [simulator.record(f"r{place}", f"email:{place}", "phone:1") for place in range(6)]
        simulator.send("store", *people)
        covered = simulator.record("r8", "email:new", "phone:1", consents=[])
        assert simulator.outcomes("store", covered) == ["refused"]
        assert simulator.state("web", "opt_out", "phone:1").links_retracted == 0
        assert len(simulator.partition()) == 6
        assert simulator.outcomes("store", simulator.record("r9", "email:new", "phone:1")) == ["created"]

    def test_one_national_id_keeps_two_people_apart(self, simulator: TenantSimulator) -> None:
        batch = [
            simulator.record("r1", "national_id:1", "email:shared", at=NOW - 3 * HOUR),
            simulator.record("r2", "national_id:2", "email:shared", at=NOW - 2 * HOUR),
        ]
        assert simulator.outcomes("store", *batch) == ["created", "review"]
        assert simulator.partition() == {frozenset({"national_id:1", "email:shared"}), frozenset({"national_id:2"})}


def traffic(simulator: TenantSimulator, seed: int, count: int) -> list[tuple[str, IncomingRecord]]:
    """Random Californian records over few identifiers, from all clients, each at a time of its own."""
    choose = random.Random(seed)
    labels = [f"{kind}:{place}" for kind in NARROW for place in range(1, 4)]
    return [
        (
            choose.choice(["store", "app", "callcentre", "web", "web"]),
            simulator.record(
                f"r{place}",
                *choose.sample(labels, choose.choice([1, 2, 2, 3])),
                at=NOW - HOUR + choose.randrange(1_000) * 1_000 + place,
                jurisdiction="US-CA",
                consents=[],
            ),
        )
        for place in range(count)
    ]


def check(simulator: TenantSimulator) -> None:
    """What stands is what the evidence makes, recomputed whole."""
    with simulator.reading() as unit:
        check_partition(unit, MATCHING, simulator.gateway.policies)


@pytest.mark.parametrize("seed", range(6))
def test_order_and_batches_of_random_traffic_do_not_matter(site: SimulatedGateway, seed: int) -> None:
    choose = random.Random(seed)
    found = []
    for shuffled in (False, True, True):
        tenant = site.tenant()
        narrow(tenant, **dict.fromkeys(NARROW, 2))
        sent = traffic(tenant, seed, 24)
        if shuffled:
            choose.shuffle(sent)
        while sent:
            client = sent[0][0]
            size = choose.randint(1, 5) if shuffled else 1
            batch = [record for who, record in sent[:size] if who == client]
            tenant.send(client, *batch)
            sent = [each for each in sent if each[1] not in batch]
            check(tenant)
        tenant.verify()
        found.append(tenant.partition())
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("seed", range(8))
def test_random_traffic_with_withdrawals_and_newer_versions(simulator: TenantSimulator, seed: int) -> None:
    choose = random.Random(seed)
    narrow(simulator, email=2, phone=2, cookie=2)
    sent: list[IncomingRecord] = []
    for client, record in traffic(simulator, seed, 16):
        again = (
            replace(choose.choice(sent), observed_at=NOW + len(sent), identifiers=record.identifiers)
            if sent
            else record
        )
        simulator.send(client, record, *([again] if choose.random() < 0.3 else []))
        sent.append(record)
        check(simulator)
        if choose.random() < 0.3:
            label = choose.choice(sorted(simulator.labels))
            kind = choose.choice(["withdraw", "grant"])
            simulator.clock.advance(1_000)
            simulator.state("store", kind, label, jurisdiction="US-CA")
            check(simulator)
