"""Between steps 3 and 4: what a record or a caller states about consent becomes ledger events.

A restriction that binds the person (objection, opt-out, restriction of processing) is written on every identifier of
the profiles it touches, as a derived event of its own. Events are idempotent: what stands already is not written
again. Positions are provisional until the head of the log is locked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.consent.authority import LEDGER_SCOPES, Authority
from gateway.consent.ledger import LedgerView
from gateway.consent.model import ANY_PURPOSE, PROFILE_WIDE, RESTRICTIVE, EventKind, Fact
from gateway.flows.messages import ConsentAssertion
from gateway.policy.model import KindRule
from gateway.profiles.neighborhood import Neighborhood

PROVISIONAL = 1 << 60
GPC_PURPOSES = ("sale", "sharing")
"""What Global Privacy Control opts out of (11 CCR 7025)."""


@dataclass(frozen=True, slots=True)
class Event:
    """One ledger event to be written, on one or more identifiers."""

    assertion: ConsentAssertion
    identifiers: tuple[int, ...]
    regimes: tuple[str, ...]
    verified: bool
    derived: bool


@dataclass(slots=True)
class Hearing:
    """Events heard so far in this transaction, and the identifiers whose state they tightened."""

    ledger: LedgerView
    rules: dict[int, KindRule]
    now: int
    events: list[Event] = field(default_factory=list)
    tightened: set[int] = field(default_factory=set)

    def hear(
        self,
        assertions: Iterable[ConsentAssertion],
        identifiers: Sequence[int],
        authority: Authority,
        regimes: tuple[str, ...],
    ) -> int:
        """Take statements about one subject -> how many of them the client may not make.

        Nobody acts in the future: by a clock that is ahead a restriction would outlive what the person says next.
        """
        refused = 0
        for assertion in assertions:
            scopes = authority.scopes_for(assertion.kind, assertion.purpose, assertion.occurred_at, self.now)
            concerned = [one for one in identifiers if self.rules[one].scope in scopes]
            if not concerned:
                refused += 1
                continue
            said = replace(assertion, occurred_at=min(assertion.occurred_at, self.now))
            self._write(said, concerned, regimes, verified=authority.rules.verified, derived=False)
        return refused

    def bind(
        self,
        assertion: ConsentAssertion,
        identifiers: Iterable[int],
        regimes: tuple[str, ...],
        *,
        derived: bool = False,
    ) -> None:
        """Take a restriction that nobody need be allowed to state: a right that was granted, an act in the journal."""
        self._write(assertion, identifiers, regimes, verified=True, derived=derived)

    def person_wide(self) -> set[int]:
        """Identifiers with a new restriction that binds the whole person: their profiles must be looked up."""
        wide = [event for event in self.events if event.assertion.kind in PROFILE_WIDE and not event.derived]
        return {one for event in wide for one in event.identifiers}

    def identifiers(self) -> set[int]:
        """All identifiers that events were heard about."""
        return {one for event in self.events for one in event.identifiers}

    def spread(self, near: Iterable[Neighborhood]) -> None:
        """Write new person-wide restrictions on every identifier of the profiles they touch."""
        for event in [event for event in self.events if event.assertion.kind in PROFILE_WIDE and not event.derived]:
            for neighborhood in near:
                for home in {neighborhood.home[one] for one in event.identifiers if one in neighborhood.home}:
                    self._write(event.assertion, neighborhood.members[home], event.regimes, verified=True, derived=True)

    def share(self, mates: Mapping[int, Collection[int]]) -> None:
        """Write new restrictions of one digest on the others of its value: the person spoke of the value."""
        for event in [event for event in self.events if event.assertion.kind in RESTRICTIVE and not event.derived]:
            others = {other for one in event.identifiers for other in mates.get(one, ())}
            self._write(event.assertion, sorted(others), event.regimes, verified=event.verified, derived=True)

    def inherit(self, members: Sequence[int], purposes: Collection[str]) -> None:
        """Write the person-wide restrictions that stand on some of `members` on all of them.

        One about every purpose that the person has since overruled for some of `purposes` is passed on for the others.
        """
        standing: dict[tuple[str, str, int], Fact] = {}
        for one in members:
            bound: dict[Fact, list[str]] = {}
            for purpose in purposes:
                for fact in self.ledger.binding(one, purpose):
                    bound.setdefault(fact, []).append(purpose)
            for fact, left in bound.items():
                everything = fact.purpose == ANY_PURPOSE and len(left) == len(purposes)
                for purpose in [ANY_PURPOSE] if everything else left:
                    standing.setdefault((fact.kind, purpose, fact.occurred_at), fact)
        for (_, purpose, _), fact in standing.items():
            assertion = ConsentAssertion(fact.kind, purpose, fact.occurred_at, fact.basis, "derived")
            self._write(assertion, members, (), verified=fact.verified, derived=True)

    def _write(
        self,
        assertion: ConsentAssertion,
        identifiers: Iterable[int],
        regimes: tuple[str, ...],
        *,
        verified: bool,
        derived: bool,
    ) -> None:
        ledger = self.ledger
        new = tuple(
            one
            for one in identifiers
            if self.rules[one].scope in LEDGER_SCOPES
            and not ledger.holds(one, assertion.kind, assertion.purpose, assertion.occurred_at)
        )
        if not new:
            return
        position = PROVISIONAL + len(self.events)
        self.events.append(Event(assertion, new, regimes, verified, derived))
        for one in new:
            ledger.add(
                Fact(
                    one,
                    assertion.purpose,
                    assertion.kind,
                    assertion.occurred_at,
                    position,
                    assertion.expires_at,
                    assertion.legal_basis,
                    verified,
                    derived,
                )
            )
        if assertion.kind in RESTRICTIVE:
            self.tightened.update(new)


def with_signals(assertions: Sequence[ConsentAssertion], *, gpc: bool, at: int) -> list[ConsentAssertion]:
    """The record's statements and what its signals say (11 CCR 7025: GPC opts out of sale and sharing)."""
    if not gpc:
        return list(assertions)
    signals = [ConsentAssertion(EventKind.OPT_OUT, one, at, "", "gpc") for one in GPC_PURPOSES]
    return [*assertions, *signals]


def gpc_is_new(ledger: LedgerView, identifiers: Iterable[int]) -> bool:
    """Whether the signal changes anything: transitions are recorded, not every request."""
    return any(
        (state := ledger.state(one, purpose)) is None or state.kind not in PROFILE_WIDE
        for one in identifiers
        for purpose in GPC_PURPOSES
    )
