"""The ledger read in memory: facts by identifier, folded to the state that stands now.

Per identifier and purpose the person's latest act wins (`occurred_at`); at the same moment the restrictive one
does. A restriction of processing (GDPR Art. 18) stands until it is lifted or the person consents later.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.consent.model import ANY_PURPOSE, PERMISSIVE, PROFILE_WIDE, EventKind, Fact

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

    def holds(self, identifier_id: int, kind: str, purpose: str, occurred_at: int) -> bool:
        """Whether this very event, or one about every purpose, already stands: events are idempotent by content."""
        return any(
            fact.kind == kind and fact.purpose in (purpose, ANY_PURPOSE) and fact.occurred_at == occurred_at
            for fact in self._facts.get(identifier_id, ())
        )
