"""What is decided does not depend on the order in which events come in, and what was known then is known for ever."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from gateway.flows.context import Caller
from gateway.flows.decide import decide_records
from gateway.flows.messages import ConsentAssertion
from gateway.flows.query_consent import query_consent
from gateway.flows.record_consent import record_consent
from gateway.flows.replay_decision import replay_decision
from gateway.flows.requests import ConsentEventInput, ConsentQuery
from gateway.flows.views import ConsentState
from gateway.kernel.clock import DAY
from tests.notices import shown
from tests.properties.consent_history import BASES, KINDS, LABELS, Setting, Visit, carry_out, next_step
from tests.properties.tape import Tape
from tests.rights_simulator import Office
from tests.simulator import MATCHING, NOW, TenantSimulator, raw

FLOWS = settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
ASIDE = ("sale", "analytics", "customer_support", "health_care")
PEOPLE = (("email:1", "phone:1", "cookie:1"), ("email:2", "device_id:2"))


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    with Setting.opened(tmp_path_factory.mktemp("order")) as opened:
        yield opened


def events(tape: Tape, purposes: Sequence[str]) -> list[ConsentEventInput]:
    """Events about two people, no two of them at one moment."""
    made = []
    for number in range(2 + tape.below(10)):
        kind = KINDS[tape.below(len(KINDS))]
        purpose = purposes[tape.below(len(purposes))]
        if purpose == "*" and kind in ("grant", "opt_in"):
            purpose = MATCHING
        at = NOW - tape.below(120) * DAY - number
        ends = NOW + (tape.below(60) - 20) * DAY if kind == "grant" and tape.below(4) == 1 else None
        said = ConsentAssertion(kind, purpose, at, BASES[tape.below(4)], expires_at=ends)
        person = PEOPLE[tape.below(2)]
        labels = [person[place] for place in tape.several(range(len(person)), 1 + tape.below(2))]
        code = ("DE", "US-CA", "GB")[tape.below(3)]
        made.append(ConsentEventInput(tuple(map(raw, labels)), shown(said), code))
    return made


def arrive(tenant: TenantSimulator, several: Iterable[Sequence[ConsentEventInput]]) -> None:
    """The events come in, batch by batch."""
    for batch in several:
        results = record_consent(tenant.gateway, tenant.callers["store"], batch)
        assert {result.outcome for result in results} <= {"recorded", "known"}


def cut(tape: Tape, several: Sequence[ConsentEventInput]) -> list[Sequence[ConsentEventInput]]:
    """The same events in batches of one to four."""
    batches, start = [], 0
    while start < len(several):
        size = 1 + tape.below(4)
        batches.append(several[start : start + size])
        start += size
    return batches


def met(tenant: TenantSimulator) -> TenantSimulator:
    """A tenant that knows the two people, for whom the law asks for nothing before they are matched."""
    for number, labels in enumerate(PEOPLE):
        assert tenant.outcomes("store", tenant.record(f"r{number}", *labels, jurisdiction="US-CA", consents=[])) == [
            "created"
        ]
    return tenant


Answer = tuple[object, ...]


def answers(tenant: TenantSimulator) -> dict[tuple[str, ...], Answer]:
    """Everything that can be asked of the ledger now: of each identifier and each person, for each purpose and law."""
    caller = tenant.callers["store"]
    told: dict[tuple[str, ...], Answer] = {}
    asked = [*PEOPLE, *((label,) for person in PEOPLE for label in person)]
    for labels, purpose, code in itertools.product(asked, tenant.gateway.policies.purposes, ("DE", "US-CA")):
        query = ConsentQuery(tuple(map(raw, labels)), purpose, jurisdiction=code)
        state = query_consent(tenant.gateway, caller, query)
        stands = [(one.event, one.occurred_at) for one in state.identifiers]
        told[(*labels, purpose, code)] = (state.permitted, state.rule, state.reason, stands)
    sent = [tenant.record(f"asked-{at}", *labels, consents=[]) for at, labels in enumerate(asked)]
    for labels, result in zip(asked, decide_records(tenant.gateway, caller, sent), strict=True):
        decision = result.decision
        told[labels] = (
            () if decision is None else (decision.permitted, decision.rule, decision.reason, decision.expires_at)
        )
    return told


def check_order(setting: Setting, blob: bytes, purposes: Sequence[str], *, known: bool) -> None:
    """One history comes in as it was drawn, at once; then shuffled and in batches, at another tenant."""
    tape = Tape(blob)
    drawn = events(tape, purposes)
    shuffled = random.Random(tape.below(256)).sample(drawn, len(drawn))
    batches = cut(tape, shuffled)
    for batch in batches:
        note(repr([one.consent for one in batch]))
    one, other = (setting.site.anew().tenant() for _ in range(2))
    if known:
        one, other = met(one), met(other)
    arrive(one, [drawn])
    arrive(other, batches)
    assert answers(one) == answers(other)


@FLOWS
@given(blob=st.binary(min_size=30, max_size=120))
def test_the_order_of_events_changes_no_decision(setting: Setting, blob: bytes) -> None:
    """Of identifiers that nothing links: everything can be said of every purpose."""
    check_order(setting, blob, (MATCHING, MATCHING, *ASIDE, "*"), known=False)


@FLOWS
@given(blob=st.binary(min_size=30, max_size=120))
def test_nor_does_it_where_they_bind_whole_people(setting: Setting, blob: bytes) -> None:
    """Of people who stay linked: nothing that is said concerns matching, which would take them apart."""
    check_order(setting, blob, ASIDE, known=True)


def ask_all(setting: TenantSimulator, officer: Caller, as_of: int, known_at: int) -> list[ConsentState]:
    """What the officer is told of some identifiers, for two purposes under two laws."""
    asked = [LABELS[:1], LABELS[3:4], LABELS[5:], LABELS[1:5]]
    return [
        query_consent(
            setting.gateway, officer, ConsentQuery(tuple(map(raw, labels)), purpose, as_of, known_at, jurisdiction=code)
        )
        for labels, purpose, code in itertools.product(asked, (MATCHING, "sale"), ("DE", "US-CA"))
    ]


def remember(setting: Setting, blob: bytes) -> None:
    """What was known at a moment is asked when it is past, then and at the end; all decisions are made again then."""
    office, tape = Office.of(setting.site.anew().tenant()), Tape(blob)
    tenant, numbers = office.tenant, itertools.count()
    told: list[tuple[int, int, list[ConsentState]]] = []
    decided: dict[str, tuple[str, ...]] = {}
    while tape:
        step = next_step(tape, tenant.clock.now())
        note(repr(step))
        result = carry_out(tenant, step, next(numbers), setting.sets)
        if isinstance(step, Visit) and result is not None and result.decision is not None:
            decided[result.decision.id] = step.labels if result.decision.permitted else ()
        known_at = tenant.clock.now()
        tenant.clock.advance(1)
        if tenant.gateway.policies is setting.sets[False]:
            as_of = known_at - tape.below(4) * 30 * DAY
            told.append((as_of, known_at, ask_all(tenant, office.officer, as_of, known_at)))
    tenant.gateway = replace(tenant.gateway, policies=setting.sets[False])
    for as_of, known_at, before in told:
        for was, now in zip(before, ask_all(tenant, office.officer, as_of, known_at), strict=True):
            assert now == was
    replays = {one: replay_decision(tenant.gateway, office.officer, one).status for one in decided}
    assert [one for one, status in replays.items() if status != "same"] == []
    check_erasure(office, decided)


def check_erasure(office: Office, decided: Mapping[str, Sequence[str]]) -> None:
    """After an erasure each decision comes out the same, or is gone, as is each whose record let nobody else in.

    A refusal that rests on no event names nobody: it stays. `decided` has the identifiers of what was permitted.
    """
    tenant = office.tenant
    gone = next((one for group in tenant.partition() for one in group), None)
    if gone is None:
        return
    office.complete("erasure", gone)
    known = tenant.known()
    for decision, labels in decided.items():
        status = replay_decision(tenant.gateway, office.officer, decision).status
        assert status == "erased" or (status == "same" and (not labels or not known.isdisjoint(labels)))


@settings(FLOWS, max_examples=6)
@given(blob=st.binary(min_size=40, max_size=100))
def test_what_was_known_then_never_changes(setting: Setting, blob: bytes) -> None:
    remember(setting, blob)


@pytest.mark.fuzz
@settings(FLOWS, max_examples=500)
@given(blob=st.binary(min_size=60, max_size=300))
def test_what_was_known_then_never_changes_for_long(setting: Setting, blob: bytes) -> None:
    remember(setting, blob)


@pytest.mark.fuzz
@settings(FLOWS, max_examples=500)
@given(blob=st.binary(min_size=30, max_size=250), known=st.booleans())
def test_the_order_of_events_changes_no_decision_for_long(setting: Setting, blob: bytes, known: bool) -> None:  # noqa: FBT001 - as hypothesis calls it
    check_order(setting, blob, ASIDE if known else (MATCHING, MATCHING, *ASIDE, "*"), known=known)
