"""A view of the ledger says the same whenever its facts come, and what a decision rests on decides alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.decide import Subject, decide, decide_openly
from gateway.consent.ledger import LedgerView, fold, under
from gateway.consent.model import ANY_PURPOSE, EventKind, Fact
from gateway.kernel.clock import DAY
from tests.unit.consent.facts import NOW, POLICIES

PURPOSES = ("identity_resolution", "device_access", "sale")
SITES = ("", "web", "app")
REGIMES = (("gdpr",), ("gdpr", "eprivacy"), ("ccpa",))
SCOPES = {1: "person", 2: "device"}
_OFTEN = (EventKind.GRANT, EventKind.RESTRICT, EventKind.EXPIRE, EventKind.UNRESTRICT)


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    """Facts of two identifiers, many of them at the same moments."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(SCOPES)),
                st.sampled_from((*PURPOSES, ANY_PURPOSE)),
                st.sampled_from(list(EventKind)) | st.sampled_from(_OFTEN),
                st.integers(0, 5),
                st.sampled_from(SITES),
            ),
            max_size=14,
        )
    )
    return [_fact(position, *one) for position, one in enumerate(drawn)]


def _fact(position: int, one: int, purpose: str, kind: EventKind, days: int, site: str) -> Fact:
    at = NOW - days * DAY
    if kind == EventKind.MINOR:
        until = NOW + (days - 3) * DAY
        return Fact(one, ANY_PURPOSE, kind, at, position, until, under(13 + days % 2 * 3), verified=True, derived=False)
    return Fact(one, purpose, kind, at, position, None, "consent", verified=True, derived=False, site=site)


@given(facts())
def test_states_that_were_asked_before_are_those_of_all_facts(given_facts: list[Fact]) -> None:
    view = LedgerView()
    for place, one in enumerate(given_facts):
        view.add(one)
        for identifier in SCOPES:
            for purpose in PURPOSES:
                for site in SITES:
                    own = [fact for fact in given_facts[: place + 1] if fact.identifier_id == identifier]
                    assert view.state(identifier, purpose, site) == fold(own, purpose, site)


@given(facts(), facts())
def test_an_event_is_held_where_one_alike_stands(given_facts: list[Fact], others: list[Fact]) -> None:
    early, late = LedgerView(given_facts), LedgerView()
    for one in given_facts:
        late.holds(one.identifier_id, one)
        late.add(one)
    for other in others:
        assert early.holds(other.identifier_id, other) == late.holds(other.identifier_id, other)
        assert LedgerView([other]).holds(other.identifier_id, other)
    assert all(early.holds(one.identifier_id, one) for one in given_facts)


@given(facts(), st.sampled_from(REGIMES), st.sampled_from(PURPOSES), st.sampled_from(SITES))
def test_what_a_decision_rests_on_decides_alone(
    given_facts: list[Fact], regimes: tuple[str, ...], purpose: str, site: str
) -> None:
    subject, ledger = Subject(SCOPES, site), LedgerView(given_facts)
    _, heard = decide_openly(POLICIES, regimes, purpose, subject, ledger, NOW)
    assert [speaks_as for speaks_as, _ in heard] == [*SCOPES.values()]
    named = {(one, at) for one, (_, positions) in zip(SCOPES, heard, strict=True) for at in positions}
    alone = LedgerView(fact for fact in given_facts if (fact.identifier_id, fact.position) in named)
    assert decide(POLICIES, regimes, purpose, subject, alone, NOW) == decide(
        POLICIES, regimes, purpose, subject, ledger, NOW
    )


@given(st.integers(5, 60))
def test_it_does_not_grow_with_what_is_said_again(times: int) -> None:
    said = [_fact(at, 1, PURPOSES[0], EventKind.DENY, 0, "")._replace(occurred_at=NOW - at) for at in range(times)]
    _, ((_, positions), _) = decide_openly(POLICIES, ("gdpr",), PURPOSES[0], Subject(SCOPES), LedgerView(said), NOW)
    assert positions == (0,)
