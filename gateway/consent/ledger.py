"""The ledger read in memory: facts by identifier, folded to the state that stands now.

Per identifier and purpose the person's latest act wins (`occurred_at`); at the same moment the restrictive one
does. A restriction of processing (GDPR Art. 18) stands until it is lifted or the person consents later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from gateway.consent.model import ANY_PURPOSE, PERMISSIVE, PROFILE_WIDE, RESTRICTIVE, EventKind, Fact

_RESTRICTIONS = (EventKind.RESTRICT, EventKind.UNRESTRICT)


def fold(facts: Iterable[Fact], purpose: str) -> Fact | None:
    """Facts of ONE identifier -> the fact that decides for `purpose`, None where the ledger is silent."""
    latest: Fact | None = None
    restriction: Fact | None = None
    consented_at = -1
    for fact in facts:
        if fact.purpose not in (purpose, ANY_PURPOSE):
            continue
        if fact.kind in _RESTRICTIONS:
            if restriction is None or _rank(fact) > _rank(restriction):
                restriction = fact
            continue
        if latest is None or _rank(fact) > _rank(latest):
            latest = fact
        if fact.kind in PERMISSIVE:
            consented_at = max(consented_at, fact.occurred_at)
    if restriction is None or restriction.kind == EventKind.UNRESTRICT or restriction.occurred_at < consented_at:
        return latest
    return restriction


def binding(facts: Iterable[Fact], purpose: str) -> list[Fact]:
    """Facts of ONE identifier -> the restrictions on `purpose` that bind the whole person: at most the latest refusal
    and the latest restriction of processing, unless the person consented later or the latter was lifted.
    """
    concerned = [fact for fact in facts if fact.purpose in (purpose, ANY_PURPOSE)]
    consented_at = max([fact.occurred_at for fact in concerned if fact.kind in PERMISSIVE], default=-1)
    standing = [fact for fact in concerned if fact.occurred_at >= consented_at]
    refusals = [fact for fact in standing if fact.kind in PROFILE_WIDE and fact.kind not in _RESTRICTIONS]
    restrictions = [fact for fact in standing if fact.kind in _RESTRICTIONS]
    latest = [max(several, key=_rank) for several in (refusals, restrictions) if several]
    return [fact for fact in latest if fact.kind in PROFILE_WIDE]


def standing(facts: Sequence[Fact], purposes: Collection[str]) -> set[Fact]:
    """Facts of ONE identifier -> those that restrict some purpose now, of `purposes` and all that the facts name.

    A refusal behind a restriction of processing is one of them: it stands when the restriction is lifted.
    """
    others = [fact for fact in facts if fact.kind not in _RESTRICTIONS]
    found: set[Fact] = set()
    for purpose in {*purposes, *(fact.purpose for fact in facts)}:
        states = fold(facts, purpose), fold(others, purpose)
        found.update(state for state in states if state is not None and state.kind in RESTRICTIVE)
        found.update(binding(facts, purpose))
    return found


def _rank(fact: Fact) -> tuple[int, bool, int]:
    return fact.occurred_at, fact.kind not in PERMISSIVE and fact.kind != EventKind.UNRESTRICT, fact.position


class LedgerView:
    """Facts of many identifiers, loaded once for a batch; new facts are added as records assert them."""

    __slots__ = ("_facts", "_folded", "person_wide")

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        self._facts: dict[int, list[Fact]] = {}
        self._folded: dict[int, dict[str, Fact | None]] = {}
        self.person_wide: set[int] = set()
        """Identifiers with a restriction, past or present, that binds the whole person."""
        for fact in facts:
            self.add(fact)

    def add(self, fact: Fact) -> None:
        """Take one more fact in; what was folded for its identifier is folded anew."""
        self._facts.setdefault(fact.identifier_id, []).append(fact)
        self._folded.pop(fact.identifier_id, None)
        if fact.kind in PROFILE_WIDE:
            self.person_wide.add(fact.identifier_id)

    def facts(self, identifier_id: int) -> list[Fact]:
        """All facts of one identifier, in no order."""
        return self._facts.get(identifier_id, [])

    def state(self, identifier_id: int, purpose: str) -> Fact | None:
        """The fact that decides for this identifier and purpose, None where the ledger is silent."""
        by_purpose = self._folded.get(identifier_id)
        if by_purpose is None:
            by_purpose = self._folded[identifier_id] = {}
        elif purpose in by_purpose:
            return by_purpose[purpose]
        facts = self._facts.get(identifier_id)
        folded = by_purpose[purpose] = fold(facts, purpose) if facts else None
        return folded

    def binding(self, identifier_id: int, purpose: str) -> list[Fact]:
        """The restrictions on `purpose` that stand on this identifier and bind the whole person."""
        if identifier_id not in self.person_wide:
            return []
        return binding(self._facts[identifier_id], purpose)

    def holds(self, identifier_id: int, kind: str, purpose: str, occurred_at: int) -> bool:
        """Whether this very event, or one about every purpose, already stands: events are idempotent by content."""
        return any(
            fact.kind == kind and fact.purpose in (purpose, ANY_PURPOSE) and fact.occurred_at == occurred_at
            for fact in self._facts.get(identifier_id, ())
        )
