"""Erasure: what goes, what stays for others, and whom nobody can reach by it."""

from __future__ import annotations

import pytest

from gateway.consent.model import EventKind
from gateway.flows.fsck import fsck
from gateway.flows.messages import ConsentAssertion
from gateway.kernel.clock import DAY
from gateway.rights.cascade import check_complete
from gateway.rights.model import State
from gateway.storage.schema import metadata
from tests.rights_simulator import Office, look_up
from tests.simulator import NOW, TenantSimulator, grant

LATER = NOW + 60_000


@pytest.fixture
def office(simulator: TenantSimulator) -> Office:
    return Office.of(simulator)


def test_every_table_with_a_persons_data_has_its_rule() -> None:
    tables = {table.name for table in metadata.sorted_tables if table.info.get("person")}
    assert check_complete(tables) == []
    named = {
        "identifier_id",
        "profile_id",
        "record_id",
        "token",
        "sealed",
        "disclosures",
        "disclosure",
        "body",
        "place",
    }
    holding = {table.name for table in metadata.sorted_tables if named & {column.name for column in table.columns}}
    assert holding - {"policy_set"} == tables


def test_a_person_goes_from_every_table(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("b1", "email:bob", "phone:2"))
    before = office.counts()
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
    simulator.send("app", simulator.record("r2", "phone:1", "cookie:a"))
    simulator.send("app", simulator.record("r3", "email:anna", consents=[]))
    simulator.state("app", "deny", "email:anna", purpose="sale")
    look_up(simulator, "store", "email:anna")
    office.complete("access", "email:anna")
    request = office.submit("erasure", "email:anna").id
    seen = office.approve(request).preflight
    assert office.run() == {request: State.COMPLETED}
    receipt = office.receipt(request)
    after = office.counts()
    told = {"change": 3, "outward_id": 2}  # of the end: the officer, the store and the app by its own id
    assert {table: after[table] - before[table] for table in before} == dict.fromkeys(before, 0) | told
    assert simulator.partition() == {frozenset({"email:bob", "phone:2"})}
    assert (simulator.counted("right_package"), simulator.counted("tombstone"), office.subjects(request)) == (0, 3, 0)
    assert seen is not None
    assert seen["tables"] == {**receipt.counts, "right_subject": receipt.counts["right_subject"]}
    assert (receipt.counts["record"], receipt.counts["pseudonym"], receipt.counts["right_package"]) == (3, 3, 1)


def test_what_nothing_names_any_more_goes_too(office: Office, simulator: TenantSimulator) -> None:
    """A refused record left ledger facts on a phone, a replaced one a cookie: neither is linked to the person."""
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1", consents=[grant("sale")]))
    simulator.send("store", simulator.record("r2", "email:anna", "cookie:old", consents=[grant()]))
    simulator.send("store", simulator.record("r2", "email:anna", "cookie:new", at=NOW - 1, consents=[]))
    assert "cookie:old" in simulator.known()
    office.complete("erasure", "email:anna")
    assert simulator.known() == set()


def test_a_replaced_record_leaves_no_identifier_behind(simulator: TenantSimulator) -> None:
    simulator.state("store", "grant", "email:anna")
    simulator.send("store", simulator.record("r1", "email:anna", "cookie:old", consents=[]))
    simulator.send("store", simulator.record("r1", "email:anna", "cookie:new", at=NOW - 1, consents=[]))
    assert simulator.known() == {"email:anna", "cookie:new"}


def test_a_withdrawal_first_hides_nothing_from_the_erasure(office: Office, simulator: TenantSimulator) -> None:
    """The profile is gone already and its records are without force; the log still names it."""
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
    simulator.state("store", "withdraw", "email:anna")
    assert simulator.partition() == set()
    with simulator.reading() as unit:
        openings = dict(unit.log.openings(0, unit.log.head().size))
    office.complete("erasure", "email:anna")
    assert simulator.known() == set()
    assert simulator.counted("change") == 0
    with simulator.reading() as unit:
        left = dict(unit.log.openings(0, unit.log.head().size)).keys() & openings.keys()
        kinds = {leaf.split(b'"kind":"')[1].split(b'"')[0] for at, leaf in unit.log.entries(0, 99) if at in left}
    assert kinds <= {b"client.created"}


def test_a_shared_phone_is_detached_and_stays(office: Office, simulator: TenantSimulator) -> None:
    people = [f"email:p{place}" for place in range(7)]
    simulator.send("store", *[simulator.record(f"r{one}", one, "phone:9") for one in people])
    assert simulator.partition() == {frozenset({one}) for one in people}
    request = office.submit("erasure", people[0], "phone:9").id
    seen = office.approve(request).preflight
    assert seen is not None
    assert (seen["shared"], seen["profiles"]) == ({"phone": 1}, 1)
    office.run()
    assert simulator.known() == {*people[1:], "phone:9"}
    assert simulator.outcomes("store", simulator.record("new", "phone:9", "email:p7")) != ["suppressed"]
    assert simulator.outcomes("store", simulator.record("back", people[0])) == ["suppressed"]


def test_a_household_never_reaches_the_family(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "household_id:h"))
    simulator.send("store", simulator.record("r2", "email:bob", "household_id:h"))
    office.complete("erasure", "household_id:h")
    assert simulator.known() == {"email:anna", "email:bob", "household_id:h"}
    office.complete("erasure", "email:anna", "household_id:h")
    assert simulator.known() == {"email:bob", "household_id:h"}


@pytest.mark.parametrize("order", [("national_id:b", "phone:1"), ("phone:1", "national_id:b")])
def test_a_limit_that_kept_two_people_apart_keeps_them_apart_here(
    office: Office, simulator: TenantSimulator, order: tuple[str, str]
) -> None:
    """A family's phone is not demoted, but a profile holds one national id: the second link was cut."""
    simulator.send("store", simulator.record("r1", "national_id:a", "phone:1", at=NOW - DAY))
    assert simulator.outcomes("store", simulator.record("r2", *order)) == ["review"]
    assert simulator.partition() == {frozenset({"national_id:a", "phone:1"}), frozenset({"national_id:b"})}
    office.complete("erasure", "national_id:a")
    assert simulator.known() == {"national_id:b", "phone:1"}
    assert simulator.partition() == {frozenset({"national_id:b", "phone:1"})}
    assert simulator.outcomes("store", simulator.record("r3", "phone:1", "national_id:b")) == ["linked"]


def test_hanging_identifiers_only_when_included(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
    simulator.send("web", simulator.record("w1", "email:anna", "cookie:w"))
    (whole,) = simulator.partition()
    assert whole == {"email:anna", "phone:1", "cookie:w"}
    request = office.submit("erasure", "email:anna").id
    seen = office.approve(request).preflight
    assert seen is not None
    assert seen["untrusted_links"] == 1
    office.run()
    assert simulator.known() == {"cookie:w"}
    simulator.send("store", simulator.record("r2", "email:bob"))
    simulator.send("web", simulator.record("w2", "email:bob", "cookie:b"))
    office.complete("erasure", "email:bob", include_hanging=True)
    assert simulator.known() == {"cookie:w"}


def test_what_came_after_the_request_hangs(office: Office, simulator: TenantSimulator) -> None:
    simulator.send("store", simulator.record("r1", "email:anna"))
    request = office.submit("erasure", "email:anna").id
    simulator.clock.advance(1_000)
    simulator.send("store", simulator.record("r2", "email:anna", "email:bob"))
    seen = office.approve(request).preflight
    assert seen is not None
    assert seen["untrusted_links"] == 1
    office.run()
    assert simulator.known() == {"email:bob"}


def test_an_ended_profiles_id_names_nobody_afterwards(office: Office, simulator: TenantSimulator) -> None:
    """What hung on the person gets a new profile: the id that recipients knew must not live on with it."""
    simulator.send("store", simulator.record("r1", "email:anna"))
    simulator.send("web", simulator.record("w1", "email:anna", "cookie:w"))
    before = set(simulator.homes().values())
    office.complete("erasure", "email:anna")
    assert simulator.homes().keys() == {"cookie:w"}
    assert before.isdisjoint(simulator.homes().values())


class TestWhoseData:
    """Issue A: "attaching somebody's e-mail to one's own profile and proving one's own cookie"."""

    def test_a_public_record_that_hangs_a_cookie_on_the_victim_gives_nothing(
        self, office: Office, simulator: TenantSimulator
    ) -> None:
        simulator.send("store", simulator.record("r1", "email:victim", "phone:1"))
        look_up(simulator, "store", "email:victim")
        simulator.send("web", simulator.record("w1", "email:victim", "cookie:attacker"))
        assert len(simulator.partition()) == 1
        before = office.counts()
        with simulator.reading() as unit:
            openings = len(dict(unit.log.openings(0, unit.log.head().size)))
        request = office.submit("erasure", "cookie:attacker").id
        seen = office.approve(request, include_hanging=True).preflight
        assert seen is not None
        assert (seen["untrusted_links"], seen["profiles"]) == (0, 0)
        office.run()
        assert simulator.partition() == {frozenset({"email:victim", "phone:1"})}
        assert simulator.outcomes("store", simulator.record("r1", "email:victim", "phone:1")) == ["duplicate"]
        lost = {table: before[table] - count for table, count in office.counts().items()}
        assert (lost["record"], lost["disclosure"], lost["profile"], lost["pseudonym"]) == (0, 0, 0, 1)
        with simulator.reading() as unit:
            left = len(dict(unit.log.openings(0, unit.log.head().size)))
        assert left >= openings - 2

    @pytest.mark.parametrize("proof", ["phone_code", "email_link"])
    def test_a_proof_of_one_address_does_not_reach_another_kind(
        self, office: Office, simulator: TenantSimulator, proof: str
    ) -> None:
        simulator.send("store", simulator.record("r1", "email:victim"))
        simulator.send("store", simulator.record("r2", "phone:6"))
        office.complete("erasure", "email:victim", "phone:6", proof=proof)
        assert simulator.known() == ({"email:victim"} if proof == "phone_code" else {"phone:6"})

    def test_a_digest_is_no_proof(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:victim"))
        office.complete("erasure", "cookie:attacker", digests=["email:victim"])
        assert simulator.known() == {"email:victim"}

    def test_a_strangers_restriction_is_not_lifted_with_ones_own_data(
        self, office: Office, simulator: TenantSimulator
    ) -> None:
        """One event named the victim's address and the attacker's cookie; erasing the cookie must not undo it."""
        simulator.send("store", simulator.record("r1", "email:victim"))
        simulator.state("web", "withdraw", "email:victim", "cookie:attacker")
        assert simulator.ledger("email:victim") == "withdraw"
        office.complete("erasure", "cookie:attacker")
        assert simulator.ledger("email:victim") == "withdraw"
        assert simulator.known() == {"email:victim"}

    def test_a_family_tablet_takes_nobodys_word_along(self, office: Office, simulator: TenantSimulator) -> None:
        """The victim consented on it; whoever proves the tablet's cookie erases the cookie, not the consent."""
        simulator.state("store", "grant", "email:victim", "cookie:tablet")
        simulator.send("store", simulator.record("r1", "email:victim", "phone:1", consents=[]))
        simulator.send("web", simulator.record("w1", "email:victim", "cookie:tablet", consents=[]))
        office.complete("erasure", "cookie:tablet")
        assert simulator.known() == {"email:victim", "phone:1"}
        assert simulator.partition() == {frozenset({"email:victim", "phone:1"})}
        assert simulator.ledger("email:victim") == "grant"


def test_a_shared_phone_loses_the_word_of_whoever_is_erased(office: Office, simulator: TenantSimulator) -> None:
    people = [f"email:p{place}" for place in range(7)]
    for one in people:
        says = [grant(), ConsentAssertion("deny", "sale", NOW - DAY)] if one == people[0] else [grant()]
        simulator.send("store", simulator.record(f"r{one}", one, "phone:9", consents=says))
    assert simulator.ledger("phone:9", "sale") == "deny"
    office.complete("erasure", people[0])
    assert simulator.ledger("phone:9", "sale") == ""


def test_an_opt_out_outlives_the_erasure_of_whoever_brought_it(office: Office, simulator: TenantSimulator) -> None:
    """Expiry, split or erasure of its origin never lifts a derived restriction (DESIGN section 4)."""
    simulator.send("store", simulator.record("r1", "email:anna"))
    simulator.send("web", simulator.record("w1", "email:anna", "cookie:w"))
    simulator.state("store", "opt_out", "email:anna", purpose="sale")
    assert simulator.ledger("cookie:w", "sale") == "opt_out"
    office.complete("erasure", "email:anna")
    assert simulator.known() == {"cookie:w"}
    assert simulator.ledger("cookie:w", "sale") == "opt_out"


def test_a_record_that_stood_on_the_erased_persons_consent_goes(office: Office, simulator: TenantSimulator) -> None:
    """The first of the two on a phone consented; the other never did and was linked by that consent."""
    strict = simulator.gateway.policies.kinds["phone"]
    simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
    assert simulator.outcomes("store", simulator.record("r2", "phone:1", "cookie:b", consents=[])) == ["linked"]
    assert strict.shared_above > 1
    people = [f"email:p{place}" for place in range(6)]
    simulator.send("store", *[simulator.record(f"s{one}", one, "phone:1") for one in people])
    office.complete("erasure", "email:anna")
    assert simulator.partition() == {frozenset({one}) for one in people}
    assert simulator.known() == {*people, "phone:1"}


def test_what_binds_a_profile_binds_who_joins_it_by_an_erasure(office: Office, simulator: TenantSimulator) -> None:
    """The phone was shared by six; one is erased, and it is the sixth's again, who had opted out meanwhile."""
    people = [f"email:p{place}" for place in range(6)]
    simulator.send("store", *[simulator.record(f"r{one}", one, "phone:9") for one in people])
    simulator.state("store", "opt_out", people[1], purpose="sale")
    assert simulator.ledger("phone:9", "sale") == ""
    office.complete("erasure", people[0])
    assert {*people[1:], "phone:9"} in simulator.partition()
    assert simulator.ledger("phone:9", "sale") == "opt_out"
    assert simulator.ledger(people[5], "sale") == "opt_out"


class TestComingBack:
    """Issue A: an erased person comes back through the next feed, sign-in, admin edit or restored backup."""

    @pytest.fixture(autouse=True)
    def erased(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("r1", "email:anna", "phone:1"))
        simulator.clock.advance(1_000)
        office.complete("erasure", "email:anna")
        simulator.clock.advance(60_000)

    def test_the_next_feed_brings_nobody_back(self, simulator: TenantSimulator) -> None:
        for client in ("store", "app", "web"):
            again = simulator.record("r1", "email:anna", "phone:1")
            later = simulator.record("r2", "phone:1", "cookie:x", at=LATER)
            assert simulator.outcomes(client, again, later) == ["suppressed", "suppressed"]
        assert simulator.known() == set()

    @pytest.mark.parametrize("kind", list(EventKind))
    def test_no_consent_event_brings_anybody_back(self, simulator: TenantSimulator, kind: EventKind) -> None:
        assert simulator.state("callcentre", kind, "email:anna", at=LATER).outcome == "suppressed"
        assert simulator.known() == set()

    def test_only_a_new_trusted_grant_on_the_record_does(self, simulator: TenantSimulator) -> None:
        new, old, future = grant(at=LATER), grant(at=NOW), grant(at=LATER * 9)
        record = simulator.record
        assert simulator.outcomes("web", record("n1", "email:anna", at=LATER, consents=[new])) == ["suppressed"]
        assert simulator.outcomes("store", record("n2", "email:anna", at=NOW, consents=[new])) == ["suppressed"]
        assert simulator.outcomes("store", record("n3", "email:anna", at=LATER, consents=[old])) == ["suppressed"]
        californian = record("n4", "email:anna", at=LATER, consents=[future], jurisdiction="US-CA")
        assert simulator.outcomes("store", californian) == ["suppressed"]
        assert simulator.outcomes("store", record("n5", "email:anna", at=LATER, consents=[new])) == ["created"]
        assert simulator.outcomes("app", record("n6", "email:anna", "cookie:n", at=LATER, consents=[])) == ["linked"]

    def test_what_was_observed_before_stays_out_also_after_the_return(self, simulator: TenantSimulator) -> None:
        back = simulator.record("n1", "email:anna", at=LATER, consents=[grant("sale", at=NOW), grant(at=LATER)])
        assert simulator.outcomes("store", back) == ["created"]
        assert simulator.ledger("email:anna", "sale") == ""
        assert simulator.outcomes("store", simulator.record("r1", "email:anna", "phone:1")) == ["suppressed"]
        assert simulator.state("store", "grant", "email:anna", purpose="sale", at=NOW).outcome == "suppressed"
        assert simulator.state("store", "grant", "email:anna", purpose="sale", at=LATER).outcome == "recorded"

    def test_who_is_back_can_be_erased_again(self, office: Office, simulator: TenantSimulator) -> None:
        simulator.send("store", simulator.record("n1", "email:anna", at=LATER, consents=[grant(at=LATER)]))
        simulator.clock.advance(1_000)
        office.complete("erasure", "email:anna")
        assert simulator.outcomes("store", simulator.record("n2", "email:anna", at=LATER)) == ["suppressed"]
        assert simulator.counted("tombstone") == 3

    def test_an_opt_out_of_an_erased_person_waits_for_the_return(
        self, office: Office, simulator: TenantSimulator
    ) -> None:
        office.complete("opt_out", "email:anna", jurisdiction="US-CA", proof="")
        assert simulator.known() == set()
        assert fsck(simulator.gateway, simulator.tenant_id).findings == ()
        simulator.clock.advance(1_000)
        at = simulator.clock.now()
        simulator.send("store", simulator.record("n1", "email:anna", at=at, consents=[grant(at=at)]))
        assert [simulator.ledger("email:anna", one) for one in ("sale", "sharing")] == ["opt_out", "opt_out"]
