"""Deciding: by itself or in a batch, under one law or several, today or after a birthday, and until when it stands."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView, under
from gateway.consent.model import ANY_PURPOSE, EventKind, Fact, Permit
from gateway.kernel.clock import DAY, years_after
from gateway.policy.schema import LEGAL_BASES
from tests.unit.consent.facts import NOW, POLICIES

SCOPES = {1: "person", 2: "person", 3: "device", 4: "thing"}
PURPOSES = sorted(POLICIES.purposes)
REGIMES = sorted(POLICIES.regimes)
BASES = sorted(LEGAL_BASES)
GATES = POLICIES.gates
ACTS = sorted(set(EventKind) - {EventKind.MINOR, EventKind.SIGNAL})
YEAR = 366 * DAY
MANY = settings(max_examples=150)


@dataclass(frozen=True, slots=True)
class Life:
    """What the ledger says of four identifiers, and the birthdays in it."""

    facts: tuple[Fact, ...]

    @property
    def view(self) -> LedgerView:
        """The facts, as decisions read them."""
        return LedgerView(self.facts)

    @property
    def birthdays(self) -> list[int]:
        """The moments at which the person reaches an age that some rule asks about."""
        known = [(int(one.basis.removeprefix("under:")), one.expires_at or 0) for one in self.facts if _minor(one)]
        return sorted({years_after(until, gate - age) for age, until in known for gate in GATES if gate >= age})


def _minor(one: Fact) -> bool:
    return one.kind == EventKind.MINOR


def _act(kind: EventKind, purpose: str, days_ago: int, ends: int | None, basis: str, who: int) -> Fact:
    ends_at = None if ends is None else NOW + ends * DAY
    return Fact(who, purpose, kind, NOW - days_ago * DAY, 0, ends_at, basis, who != 2, derived=False)


def _underage(age: int, days: int, who: int) -> Fact:
    at = NOW - 900 * DAY
    return Fact(who, ANY_PURPOSE, EventKind.MINOR, at, 0, NOW + days * DAY, under(age), verified=True, derived=False)


def lives(purpose: str) -> st.SearchStrategy[Life]:
    """Mostly grants for the purpose, on every basis; more often than not of somebody who is or was a child."""
    who = st.sampled_from([1, 1, 1, 2, 3, 4])
    kinds = st.sampled_from([EventKind.GRANT] * 40 + ACTS)
    purposes = st.sampled_from([purpose] * 6 + ["device_access", ANY_PURPOSE])
    ends = st.none() | st.integers(-2, 900)
    bases = st.sampled_from(["consent", "explicit_consent", "parental_consent"] * 3 + BASES)
    act = st.builds(_act, kinds, purposes, st.integers(0, 900), ends, bases, who)
    child = st.builds(_underage, st.sampled_from(GATES), st.integers(-800, 600), who)
    parts = st.tuples(st.lists(act, min_size=1, max_size=4), st.lists(child, max_size=2))
    return parts.map(lambda both: Life(tuple(one._replace(position=at) for at, one in enumerate(both[0] + both[1]))))


CASES = st.sampled_from(PURPOSES).flatmap(lambda purpose: st.tuples(st.just(purpose), lives(purpose)))
SUBJECTS = st.sets(st.sampled_from([1, 1, 1, 2, 3, 4]), min_size=1).map(
    lambda ids: Subject({one: SCOPES[one] for one in sorted(ids)})
)


def permits(view: LedgerView, regimes: Sequence[str], purpose: str, subject: Subject, now: int) -> bool:
    """Whether the subject may be used for the purpose at `now`."""
    return isinstance(decide(POLICIES, regimes, purpose, subject, view, now), Permit)


@settings(max_examples=40)
@given(CASES, st.lists(st.tuples(SUBJECTS, st.sampled_from(REGIMES)), min_size=1, max_size=8))
def test_a_batch_is_decided_as_one_by_one(case: tuple[str, Life], asked: list[tuple[Subject, str]]) -> None:
    """In a batch all decisions read one view, which remembers what it has folded; alone each reads its own."""
    purpose, life = case
    shared = life.view
    for subject, regime in asked:
        alone = LedgerView(one for one in life.facts if one.identifier_id in subject.scopes)
        together = decide(POLICIES, [regime], purpose, subject, shared, NOW)
        assert together == decide(POLICIES, [regime], purpose, subject, alone, NOW)


@MANY
@given(CASES, SUBJECTS, st.sets(st.sampled_from(REGIMES), min_size=1, max_size=4))
def test_several_laws_permit_what_each_of_them_permits(
    case: tuple[str, Life], subject: Subject, laws: set[str]
) -> None:
    """A law about devices alone has nothing to say of a subject without one: it neither permits nor refuses."""
    purpose, view = case[0], case[1].view
    each = [permits(view, [one], purpose, subject, NOW) for one in laws if _concerns(one, subject)]
    assert permits(view, sorted(laws), purpose, subject, NOW) == (bool(each) and all(each))


def _concerns(regime: str, subject: Subject) -> bool:
    return POLICIES.regimes[regime].subjects == "everyone" or "device" in subject.scopes.values()


@MANY
@given(CASES, SUBJECTS)
def test_a_birthday_never_opens_anything(case: tuple[str, Life], subject: Subject) -> None:
    """Under every law: who is refused on the eve is refused on the day and after, while the law's rule is the same."""
    (purpose, life), view = case, case[1].view
    latest = max((one.occurred_at for one in life.facts), default=0)
    eves = [birthday - 1 for birthday in life.birthdays if birthday > latest]
    for name, eve, later in itertools.product(REGIMES, eves, (1, DAY, YEAR)):
        law, day = POLICIES.regimes[name], eve + later
        if law.rule(purpose, eve) == law.rule(purpose, day) and permits(view, [name], purpose, subject, day):
            assert permits(view, [name], purpose, subject, eve)


def _moments(life: Life, purpose: str, regimes: Iterable[str]) -> list[int]:
    """After now, every moment that the facts or the rules name: nothing else can be the end of anything."""
    rules = [rule for name in regimes for rule in POLICIES.regimes[name].consent.get(purpose, ())]
    ends = [one.expires_at for one in life.facts if one.expires_at is not None]
    lasting = {rule.consent_lifetime_days for rule in rules} - {None}
    ends += [one.occurred_at + days * DAY for one in life.facts for days in lasting if days is not None]
    ends += [moment for rule in rules for moment in (rule.effective_from, rule.effective_to) if moment is not None]
    return sorted({one for one in [*ends, *life.birthdays] if one > NOW})


@MANY
@given(CASES, SUBJECTS, st.permutations(REGIMES))
def test_a_permit_says_how_long_it_stands(case: tuple[str, Life], subject: Subject, order: list[str]) -> None:
    """Until then it comes out the same at every moment at which it could change; then one of these moments is there."""
    (purpose, life), view = case, case[1].view
    for regimes in [*([one] for one in order), *itertools.pairwise(order)]:
        decision = decide(POLICIES, regimes, purpose, subject, view, NOW)
        if not isinstance(decision, Permit):
            continue
        moments = _moments(life, purpose, regimes)
        assert decision.expires_at is None or decision.expires_at in moments
        for now in sorted({one - before for one in moments for before in (0, 1)}):
            if decision.expires_at is None or now < decision.expires_at:
                assert decide(POLICIES, regimes, purpose, subject, view, now) == decision
