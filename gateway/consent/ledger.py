"""The ledger read in memory: facts by identifier, folded to the state that stands now.

Per identifier and purpose the person's latest act wins (`occurred_at`); at the same moment the restrictive one
does. A restriction of processing (GDPR Art. 18) stands until it is lifted or the person consents later. An expiry
ends permissions and nothing else: what the person had refused before them stands again. A later permission on a weaker
basis takes nothing from an earlier one on a stronger. What holds for one site counts at that site alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.consent.model import ANY_PURPOSE, NO_STATE, PERMISSIVE, PROFILE_WIDE, RESTRICTIVE, EventKind, Fact

_RESTRICTIONS = frozenset({EventKind.RESTRICT, EventKind.UNRESTRICT})
_REFUSALS = frozenset(set(EventKind) - PERMISSIVE - _RESTRICTIONS - NO_STATE - {EventKind.EXPIRE})
_BY_BASIS = PERMISSIVE | NO_STATE
Evidence = tuple[str, tuple[int, ...]]
"""What an identifier speaks as, and the log positions of what the ledger says of it."""

_Content = tuple[str, str, str, str, int]
_NO_AGES: Mapping[int, int] = MappingProxyType({})
_NO_MINORS: Mapping[int, Fact] = MappingProxyType({})
_NO_FACTS: Mapping[str, list[Fact]] = MappingProxyType({})


class Standing(NamedTuple):
    """What stands on one identifier for a purpose: the fact that decides (None: silence), all permissions that stand,
    and the refusal behind them, which stands again when they have ended.
    """

    state: Fact | None = None
    grants: Sequence[Fact] = ()
    refusal: Fact | None = None


_SILENCE: Final = Standing()


def fold(facts: Iterable[Fact], purpose: str, channel: str = "") -> Fact | None:
    """Facts of ONE identifier -> the fact that decides for `purpose` at `channel`, None where the ledger is silent."""
    return stand(facts, purpose, channel).state


def stand(facts: Iterable[Fact], purpose: str, channel: str = "") -> Standing:
    """Facts of ONE identifier -> all that stands for `purpose` at `channel`."""
    grants: list[Fact] = []
    refusal: Fact | None = None
    restriction: Fact | None = None
    ended: Fact | None = None
    for fact in facts:
        kind = fact.kind
        if fact.purpose not in (purpose, ANY_PURPOSE) or (fact.site and fact.site != channel):
            continue
        if kind in PERMISSIVE:
            grants.append(fact)
        elif kind in _REFUSALS:
            refusal = fact if refusal is None or _prevails(fact, refusal) else refusal
        elif kind in _RESTRICTIONS:
            restriction = fact if restriction is None or _prevails(fact, restriction) else restriction
        elif kind == EventKind.EXPIRE:
            ended = fact if ended is None or _prevails(fact, ended) else ended
    if restriction is not None and _holds_back(restriction, grants):
        return Standing(restriction, (), refusal)
    if not grants:
        return Standing(refusal)
    left = _left(grants, refusal, ended)
    return Standing(left[0], left, refusal) if left else Standing(ended if refusal is None else refusal)


def _left(grants: list[Fact], refusal: Fact | None, ended: Fact | None) -> list[Fact]:
    """Permissions that nothing has overruled or ended, the latest first."""
    for last in (refusal, ended):
        if last is not None:
            grants = [grant for grant in grants if _prevails(grant, last)]
    return _needed(grants) if len(grants) > 1 else grants


def _needed(grants: Iterable[Fact]) -> list[Fact]:
    """Of permissions those that some decision may rest on, the latest first: one that has no end of its own outlasts
    all earlier ones on the same basis.
    """
    needed: list[Fact] = []
    endless: set[tuple[str, bool]] = set()
    for grant in sorted(grants, key=_rank, reverse=True):
        if (grant.basis, grant.verified) not in endless:
            needed.append(grant)
            if grant.expires_at is None:
                endless.add((grant.basis, grant.verified))
    return needed


def _holds_back(restriction: Fact, grants: Iterable[Fact]) -> bool:
    lifted = restriction.kind == EventKind.UNRESTRICT
    return not lifted and all(grant.occurred_at <= restriction.occurred_at for grant in grants)


def _prevails(one: Fact, other: Fact) -> bool:
    return one.occurred_at > other.occurred_at or (one.occurred_at == other.occurred_at and _rank(one) > _rank(other))


def binding(facts: Iterable[Fact], purpose: str) -> list[Fact]:
    """Facts of ONE identifier -> what binds the whole person for `purpose`: that they are under age, and at most the
    latest refusal and the latest restriction of processing, unless the person consented later or the latter was lifted.
    """
    concerned = [fact for fact in facts if fact.purpose in (purpose, ANY_PURPOSE) and not fact.site]
    consented_at = max([fact.occurred_at for fact in concerned if fact.kind in PERMISSIVE], default=-1)
    standing = [fact for fact in concerned if fact.occurred_at >= consented_at and fact.kind != EventKind.MINOR]
    refusals = [fact for fact in standing if fact.kind in PROFILE_WIDE and fact.kind not in _RESTRICTIONS]
    restrictions = [fact for fact in standing if fact.kind in _RESTRICTIONS]
    latest = [max(several, key=_rank) for several in (refusals, restrictions) if several]
    minors = [fact for fact in concerned if fact.kind == EventKind.MINOR]
    return [fact for fact in latest if fact.kind in PROFILE_WIDE] + minors


def standing(facts: Sequence[Fact], purposes: Collection[str]) -> set[Fact]:
    """Facts of ONE identifier -> those that restrict some purpose now, of `purposes` and all that the facts name.

    A refusal behind a restriction of processing is one of them: it stands when the restriction is lifted.
    """
    others = [fact for fact in facts if fact.kind not in _RESTRICTIONS]
    found: set[Fact] = set()
    sites = {"", *(fact.site for fact in facts)}
    for purpose in {*purposes, *(fact.purpose for fact in facts)}:
        states = [fold(some, purpose, site) for some in (facts, others) for site in sites]
        found.update(state for state in states if state is not None and state.kind in RESTRICTIVE - {EventKind.EXPIRE})
        found.update(binding(facts, purpose))
    return found


def _rank(fact: Fact) -> tuple[int, bool, int]:
    return fact.occurred_at, fact.kind not in PERMISSIVE and fact.kind != EventKind.UNRESTRICT, fact.position


class LedgerView:
    """Facts of many identifiers, loaded once for a batch; new facts are added as records assert them."""

    __slots__ = ("_facts", "_folded", "_held", "_minors", "_sited", "person_wide")

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        self._facts: dict[int, dict[str, list[Fact]]] = {}
        self._folded: dict[int, dict[str | tuple[str, str], Standing]] = {}
        self._held: dict[int, dict[_Content, int]] = {}
        self._sited: set[int] = set()
        self._minors: dict[int, dict[int, Fact]] = {}
        self.person_wide: set[int] = set()
        """Identifiers with something, past or present, that binds the whole person."""
        for fact in facts:
            self.add(fact)

    def add(self, fact: Fact) -> None:
        """Take one more fact in; what was folded for its identifier is folded anew."""
        one = fact.identifier_id
        by_purpose = self._facts.setdefault(one, {})
        if fact.purpose in by_purpose:
            by_purpose[fact.purpose].append(fact)
        else:
            by_purpose[fact.purpose] = [fact]
        if one in self._folded:
            del self._folded[one]
        if one in self._held:
            _hold(self._held[one], fact)
        if fact.site:
            self._sited.add(one)
        if fact.kind in PROFILE_WIDE:
            self.person_wide.add(one)
            if fact.kind == EventKind.MINOR and fact.expires_at is not None:
                ages = self._minors.setdefault(one, {})
                known = ages.setdefault(age_of(fact.basis), fact)
                if fact.expires_at > (known.expires_at or 0):
                    ages[age_of(fact.basis)] = fact

    def ages(self, identifiers: Iterable[int]) -> Mapping[int, int]:
        """Identifiers of one person -> ages (years) they are or were under, with the moment they reach each."""
        if not self._minors:
            return _NO_AGES
        found: dict[int, int] = {}
        for one in identifiers:
            for age, fact in self._minors.get(one, _NO_MINORS).items():
                found[age] = max(found.get(age, 0), fact.expires_at or 0)
        return found

    def facts(self, identifier_id: int) -> list[Fact]:
        """All facts of one identifier, in no order."""
        return [fact for facts in self._facts.get(identifier_id, _NO_FACTS).values() for fact in facts]

    def minority(self, identifiers: Iterable[int]) -> dict[int, set[int]]:
        """Those of `identifiers` whose person is or was under an age -> the positions of the events that say so."""
        minors = self._minors
        return {one: {fact.position for fact in minors[one].values()} for one in identifiers if one in minors}

    def state(self, identifier_id: int, purpose: str, channel: str = "") -> Fact | None:
        """The fact that decides for this identifier and purpose at `channel`, None where the ledger is silent."""
        return self.standing(identifier_id, purpose, channel).state

    def standing(self, identifier_id: int, purpose: str, channel: str = "") -> Standing:
        """All that stands on this identifier for a purpose at `channel`."""
        key = (purpose, channel) if identifier_id in self._sited else purpose
        states = self._folded.get(identifier_id)
        if states is None:
            states = self._folded[identifier_id] = {}
        elif key in states:
            return states[key]
        by_purpose = self._facts.get(identifier_id, _NO_FACTS)
        facts = by_purpose.get(purpose, [])
        if ANY_PURPOSE in by_purpose:
            facts = facts + by_purpose[ANY_PURPOSE]
        folded = states[key] = stand(facts, purpose, channel) if facts else _SILENCE
        return folded

    def word(self, identifier_id: int, purpose: str, channel: str = "") -> Fact | None:
        """The same, but behind a restriction of processing what the person said last: it stands once that is lifted."""
        state = self.state(identifier_id, purpose, channel)
        if state is None or state.kind != EventKind.RESTRICT:
            return state
        others = [fact for fact in self.facts(identifier_id) if fact.kind not in _RESTRICTIONS]
        return fold(others, purpose, channel)

    def binding(self, identifier_id: int, purpose: str) -> list[Fact]:
        """The restrictions on `purpose` that stand on this identifier and bind the whole person."""
        if identifier_id not in self.person_wide:
            return []
        return binding(self.facts(identifier_id), purpose)

    def holds(self, identifier_id: int, event: Fact) -> bool:
        """Whether this very event, or one about every purpose, already stands: events are idempotent by content."""
        held = self._held.get(identifier_id)
        if held is None:
            held = self._held[identifier_id] = {}
            for fact in self.facts(identifier_id):
                _hold(held, fact)
        least = (event.expires_at or 0) if event.kind == EventKind.MINOR else 0
        alike = (_content(event), _content(event._replace(purpose=ANY_PURPOSE)))
        return any(held.get(one, -1) >= least for one in alike)


def _content(fact: Fact) -> _Content:
    """What makes two events one."""
    basis = fact.basis if fact.kind in _BY_BASIS else ""
    return fact.kind, fact.purpose, fact.site, basis, 0 if fact.kind in NO_STATE else fact.occurred_at


def _hold(held: dict[_Content, int], fact: Fact) -> None:
    """Note that an event stands, and its end: of two that say of a minor the same age the later one counts."""
    content = _content(fact)
    held[content] = max(held.get(content, 0), fact.expires_at or 0)


def age_of(basis: str) -> int:
    """`under:16` -> 16. Raises ValueError for anything else."""
    return int(basis.removeprefix("under:"))


def under(age: int) -> str:
    """16 -> `under:16`."""
    return f"under:{age}"
