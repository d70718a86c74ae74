"""Consent: the order of events does not matter, no restriction is ever lost, and no merge widens anybody's consent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.consent.decide import Candidate, Subject, decide, narrow
from gateway.consent.ledger import LedgerView, binding, fold, standing, under
from gateway.consent.model import ANY_PURPOSE, NO_STATE, PERMISSIVE, RESTRICTIVE, EventKind, Fact, Permit
from gateway.flows.messages import ConsentAssertion, IncomingRecord
from gateway.kernel.clock import DAY, years_after
from gateway.policy.model import DEVICE_ACCESS
from tests.databases import migrate
from tests.properties.tape import Tape
from tests.simulator import MATCHING, NOW, SimulatedGateway, TenantSimulator, check_partition, check_restrictions
from tests.unit.consent.facts import POLICIES

PURPOSES = (MATCHING, "sale", DEVICE_ACCESS)
REFUSING = RESTRICTIVE - NO_STATE - {EventKind.EXPIRE}
"""Kinds that refuse by themselves: an expiry leaves silence, and an age asks for other grants."""
AGES = (13, 16, 18)
GATED = (MATCHING, "sale", "dynamic_pricing", "health_care", "child_directed")
RULES = [rule for regime in POLICIES.regimes.values() for rules in regime.consent.values() for rule in rules]
LIFETIMES = sorted({rule.consent_lifetime_days for rule in RULES if rule.consent_lifetime_days is not None})
GRANTED = ("consent", "parental_consent", "explicit_consent")
BASES = ("consent", "consent", "consent", "parental_consent")
SCOPES = {1: "person", 2: "person", 3: "device", 4: "device"}
FLOWS = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def facts(tape: Tape, *, distinct: bool = False) -> list[Fact]:
    """Some events on four identifiers; no two at one moment where `distinct`."""
    made = []
    for position in range(tape.below(9)):
        kind = list(EventKind)[tape.below(len(EventKind))]
        purpose = ANY_PURPOSE if kind in NO_STATE else (*PURPOSES, ANY_PURPOSE)[tape.below(4)]
        hours = 16 * tape.below(12) + (position if distinct else 0)
        ends = NOW + DAY * (tape.below(4) - 1) if tape.below(3) == 0 else None
        verified = tape.below(4) > 0
        basis = under(AGES[tape.below(3)]) if kind == EventKind.MINOR else BASES[tape.below(4)]
        made.append(Fact(1 + tape.below(4), purpose, kind, NOW - hours, position, ends, basis, verified, derived=False))
    return made


def minors(tape: Tape) -> list[Fact]:
    """One or two identifiers of people who reach an age soon, or have reached it, and what was granted for them."""
    granted = [
        Fact(
            1 + tape.below(2),
            GATED[tape.below(len(GATED))],
            EventKind.GRANT,
            NOW - DAY * tape.below(300),
            200 + number,
            None,
            GRANTED[tape.below(len(GRANTED))],
            verified=True,
            derived=False,
        )
        for number in range(8)
    ]
    return granted + [
        Fact(
            1 + tape.below(2),
            ANY_PURPOSE,
            EventKind.MINOR,
            NOW - 5000 * DAY,
            100 + number,
            NOW + DAY * 100 * (tape.below(30) - 15),
            under(AGES[tape.below(3)]),
            verified=True,
            derived=False,
        )
        for number in range(1 + tape.below(2))
    ]


LEDGERS = st.binary(min_size=20, max_size=80).map(lambda blob: facts(Tape(blob)))
DISTINCT = st.binary(min_size=20, max_size=80).map(lambda blob: facts(Tape(blob), distinct=True))
MINORS = st.binary(min_size=40, max_size=70).map(lambda blob: [*minors(Tape(blob[:45])), *facts(Tape(blob[45:]))])
SUBJECTS = st.sets(st.sampled_from(sorted(SCOPES)), min_size=1).map(sorted)
ONE_REGIME = st.sampled_from(sorted(POLICIES.regimes)).map(lambda name: [name])
REGIMES = st.sets(st.sampled_from(sorted(POLICIES.regimes)), min_size=1).map(sorted)


def subject(identifiers: Sequence[int]) -> Subject:
    """A record of these."""
    return Subject({one: SCOPES[one] for one in identifiers})


def permits(
    view: LedgerView, identifiers: Sequence[int], regimes: Sequence[str], purpose: str = MATCHING, now: int = NOW
) -> bool:
    """Whether a record of these may be used for the purpose."""
    return isinstance(decide(POLICIES, regimes, purpose, subject(identifiers), view, now), Permit)


@given(DISTINCT, st.integers(), st.sampled_from(PURPOSES))
def test_the_order_in_which_events_are_read_does_not_matter(events: list[Fact], seed: int, purpose: str) -> None:
    mine = [event._replace(identifier_id=1) for event in events]
    order = sorted(mine, key=lambda event: hash((seed, event.position)))
    assert fold(order, purpose) == fold(mine, purpose)


@given(DISTINCT, st.integers(), st.sampled_from(PURPOSES))
def test_nor_does_the_order_in_which_they_were_recorded(events: list[Fact], seed: int, purpose: str) -> None:
    """With distinct moments only these decide: `position` is where an event came in."""
    mine = [event._replace(identifier_id=1) for event in events]
    moved = [event._replace(position=hash((seed, event.position)) % 1000) for event in mine]
    one, other = fold(mine, purpose), fold(moved, purpose)
    assert (one and one._replace(position=0)) == (other and other._replace(position=0))


@given(
    LEDGERS,
    SUBJECTS,
    REGIMES,
    st.sampled_from(sorted(RESTRICTIVE - NO_STATE)),
    st.sampled_from([MATCHING, ANY_PURPOSE]),
)
def test_a_restriction_refuses_now_and_never_permits(
    events: list[Fact], asked: list[int], regimes: list[str], kind: EventKind, purpose: str
) -> None:
    said = Fact(asked[0], purpose, kind, NOW, 99, None, "", verified=False, derived=False)
    if kind in REFUSING:
        assert not permits(LedgerView([*events, said]), asked, regimes)
    for hours in range(0, 200, 7):
        earlier = LedgerView([*events, said._replace(occurred_at=NOW - hours)])
        assert permits(LedgerView(events), asked, regimes) or not permits(earlier, asked, regimes)


@given(LEDGERS)
def test_what_is_kept_of_an_identifier_that_expired_restricts_as_before_and_permits_nothing(events: list[Fact]) -> None:
    mine = [event._replace(identifier_id=1) for event in events]
    kept = standing(mine, PURPOSES)
    assert {fact.kind for fact in kept} <= RESTRICTIVE
    assert standing(list(kept), PURPOSES) == kept, "to expire again changes nothing"
    lifted = [Fact(1, one, EventKind.UNRESTRICT, NOW, 99, None, "", verified=True, derived=False) for one in PURPOSES]
    for purpose in PURPOSES:
        assert kept.issuperset(binding(mine, purpose))
        for later in ([], lifted):
            was, now = fold([*mine, *later], purpose), fold([*kept, *later], purpose)
            if was is not None and was.kind in REFUSING:
                assert now is not None
                assert now.kind in REFUSING


@given(LEDGERS, SUBJECTS, REGIMES, REGIMES)
def test_more_regimes_never_permit_more(
    events: list[Fact], asked: list[int], regimes: list[str], others: list[str]
) -> None:
    """A law about devices binds beside others: alone, it says nothing of whoever has none."""
    assume(any(POLICIES.regimes[name].subjects == "everyone" for name in regimes))
    view = LedgerView(events)
    if permits(view, asked, sorted({*regimes, *others})):
        assert permits(view, asked, regimes)


@given(LEDGERS, SUBJECTS, REGIMES)
def test_a_permit_rests_on_grants_that_stand(events: list[Fact], asked: list[int], regimes: list[str]) -> None:
    view = LedgerView(events)
    decision = decide(POLICIES, regimes, MATCHING, subject(asked), view, NOW)
    if isinstance(decision, Permit):
        states = [view.state(one, purpose) for one in asked for purpose in (MATCHING, DEVICE_ACCESS)]
        grants = {state.position for state in states if state is not None and state.kind in PERMISSIVE}
        assert grants.issuperset(decision.basis)
        about_it = [view.state(one, MATCHING) for one in asked]
        assert not any(state is not None and state.kind in REFUSING for state in about_it)
        assert decision.expires_at is None or decision.expires_at > NOW


def moments(events: Sequence[Fact]) -> list[int]:
    """From now on, each moment at which time could change a decision that rests on these, and the one before it."""
    found = {NOW}
    for event in events:
        if event.kind == EventKind.MINOR:
            found.update(years_after(event.expires_at or 0, years) for years in range(6))
        elif event.expires_at is not None:
            found.add(event.expires_at)
        found.update(event.occurred_at + days * DAY for days in LIFETIMES)
    return sorted({at for one in found for at in (one - 1, one) if at >= NOW})


@settings(max_examples=300)
@given(MINORS, SUBJECTS, ONE_REGIME, st.sampled_from(GATED))
def test_time_alone_never_permits_and_least_of_all_a_birthday(
    events: list[Fact], asked: list[int], regimes: list[str], purpose: str
) -> None:
    view = LedgerView(events)
    answers = [permits(view, asked, regimes, purpose, now=at) for at in moments(events)]
    assert answers == sorted(answers, reverse=True)


@settings(max_examples=300)
@given(MINORS, SUBJECTS, ONE_REGIME, st.sampled_from(GATED))
def test_a_permit_names_the_first_moment_at_which_time_changes_it(
    events: list[Fact], asked: list[int], regimes: list[str], purpose: str
) -> None:
    view = LedgerView(events)
    first = decide(POLICIES, regimes, purpose, subject(asked), view, NOW)
    if isinstance(first, Permit):
        ends = first.expires_at
        for at in moments(events):
            later = decide(POLICIES, regimes, purpose, subject(asked), view, at)
            assert (later == first) == (ends is None or at < ends)


@given(LEDGERS, SUBJECTS, REGIMES, st.lists(st.tuples(SUBJECTS, REGIMES), max_size=3))
def test_a_merge_is_permitted_under_all_regimes_of_both_sides(
    events: list[Fact], asked: list[int], regimes: list[str], others: list[tuple[list[int], list[str]]]
) -> None:
    view = LedgerView(events)
    permit = decide(POLICIES, regimes, MATCHING, subject(asked), view, NOW)
    if not isinstance(permit, Permit):
        return
    candidates = [
        Candidate(number, {one: SCOPES[one] for one in members}, frozenset(known))
        for number, (members, known) in enumerate(others)
    ]
    merge = narrow(permit, subject(asked), candidates, POLICIES, view, NOW)
    assert merge.profiles | merge.dropped == set(range(len(others)))
    assert not merge.profiles & merge.dropped
    for number, (members, known) in enumerate(others):
        together = permits(view, sorted({*asked, *members}), sorted({*regimes, *known}))
        assert (number in merge.profiles) == together


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedGateway]:
    """A gateway whose store these tests share, each example with a tenant of its own."""
    home: Path = tmp_path_factory.mktemp("consent")
    url = f"sqlite:///{home / 'gateway.db'}"
    migrate(url)
    with SimulatedGateway.opened(url, home) as opened:
        yield opened


LABELS = ("email:1", "email:2", "phone:1", "phone:2", "cookie:1", "cookie:2")
CODES = ("DE", "US-CA", "US-CA", "GB")
KINDS = ("grant", "withdraw", "opt_out", "object", "restrict", "unrestrict", "opt_in", "deny")


def random_record(tenant: TenantSimulator, tape: Tape, number: int, *, silent: bool) -> IncomingRecord:
    """A record of one to three identifiers; where it is not `silent`, with a word about consent."""
    labels = [LABELS[place] for place in tape.several(range(len(LABELS)), 1 + tape.below(3))]
    stated = []
    if not silent and tape.below(3):
        purpose = PURPOSES[tape.below(3)] if tape.below(4) == 0 else MATCHING
        kind = "grant" if tape.below(4) else KINDS[1 + tape.below(4)]
        stated.append(ConsentAssertion(kind, purpose, NOW - tape.below(200)))
    gpc = not silent and tape.below(8) == 0
    code, at = CODES[tape.below(4)], NOW - tape.below(50)
    return tenant.record(f"r{number}", *labels, at=at, jurisdiction=code, consents=stated, gpc=gpc)


def states(tenant: TenantSimulator) -> dict[tuple[str, str], Fact | None]:
    """What decides for each known identifier and each purpose."""
    with tenant.reading() as unit:
        ids = tenant.ids(unit)
        view = LedgerView(unit.ledger.facts(ids.values()))
    purposes = tenant.gateway.policies.purposes
    return {(label, purpose): view.state(number, purpose) for label, number in ids.items() for purpose in purposes}


def check(tenant: TenantSimulator) -> None:
    """The partition is the evidence's, nobody is linked against their word, what binds a person binds the profile."""
    with tenant.reading() as unit:
        for graph in tenant.gateway.policies.graphs:
            check_partition(unit, graph, tenant.gateway.policies)
            check_restrictions(unit, graph, tenant.gateway.policies)


def drive(site: SimulatedGateway, blob: bytes) -> None:
    """Random records and statements from all clients, trusted and public."""
    tenant, tape = site.tenant(), Tape(blob)
    kinds = tenant.gateway.policies.kinds
    tenant.limited(
        email=replace(kinds["email"], per_profile=1),
        phone=replace(kinds["phone"], shared_above=1),
        cookie=replace(kinds["cookie"], per_profile=1, shared_above=1),
    )
    clients = sorted(tenant.callers)
    numbers = itertools.count()
    while tape:
        client = clients[tape.below(len(clients))]
        if tape.below(3):
            batch = [random_record(tenant, tape, next(numbers), silent=False) for _ in range(1 + tape.below(3))]
            tenant.send(client, *batch)
        else:
            about = [LABELS[place] for place in tape.several(range(len(LABELS)), 1 + tape.below(2))]
            kind, at = KINDS[tape.below(len(KINDS))], NOW - tape.below(100)
            purpose = (*PURPOSES, ANY_PURPOSE)[tape.below(4)]
            tenant.state(client, kind, *about, purpose=purpose, at=at, jurisdiction=CODES[tape.below(4)])
        check(tenant)
    tenant.verify()


@FLOWS
@given(blob=st.binary(min_size=150, max_size=250))
def test_nobody_is_linked_against_their_word(site: SimulatedGateway, blob: bytes) -> None:
    drive(site, blob)


@pytest.mark.fuzz
@settings(FLOWS, max_examples=1_000)
@given(blob=st.binary(min_size=150, max_size=400))
def test_nobody_is_linked_against_their_word_for_long(site: SimulatedGateway, blob: bytes) -> None:
    drive(site, blob)


@FLOWS
@given(blob=st.binary(min_size=100, max_size=160))
def test_merging_never_widens_consent(site: SimulatedGateway, blob: bytes) -> None:
    """Records that say nothing of consent link who is there: whatever stood against a use still stands against it."""
    tenant, tape = site.tenant(), Tape(blob)
    for number in range(4):
        tenant.send("store", random_record(tenant, tape, number, silent=False))
    for kind in ("opt_out", "object"):
        about = LABELS[tape.below(len(LABELS))]
        tenant.state("store", kind, about, purpose=("sale", ANY_PURPOSE)[tape.below(2)], at=NOW - tape.below(100))
    before = states(tenant)
    for number in range(10, 16):
        client = ("store", "web")[tape.below(2)]
        tenant.send(client, random_record(tenant, tape, number, silent=True))
    after = states(tenant)
    for key, stood in before.items():
        stands = after[key]
        if stands != stood:
            assert stands is not None
            assert stands.derived
            assert stands.kind in RESTRICTIVE
    tenant.verify()
