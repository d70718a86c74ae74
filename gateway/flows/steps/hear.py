"""Between steps 3 and 4: what a record or a caller states about consent becomes ledger events.

A restriction that binds the person (objection, opt-out, restriction of processing) is written on every identifier of
the profiles it touches, as a derived event of its own. Events are idempotent: what stands already is not written
again. Positions are provisional until the head of the log is locked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.consent.authority import LEDGER_SCOPES, Attempt, Authority
from gateway.consent.ledger import LedgerView
from gateway.consent.model import ANY_PURPOSE, NO_STATE, PERMISSIVE, PROFILE_WIDE, RESTRICTIVE, EventKind, Fact, Reason
from gateway.consent.notices import NoticeBook
from gateway.flows.messages import ConsentAssertion
from gateway.policy.model import KindRule
from gateway.profiles.neighborhood import Neighborhood

PROVISIONAL = 1 << 60


@dataclass(frozen=True, slots=True)
class Event:
    """One ledger event to be written, on one or more identifiers; `text` is the sealed text of a signal.

    `conflict` is True where it contradicts what stood on one of them: the rule of `gateway.consent.ledger` decides.
    """

    assertion: ConsentAssertion
    identifiers: tuple[int, ...]
    regimes: tuple[str, ...]
    verified: bool
    derived: bool
    conflict: bool = False
    text: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class Hearing:
    """Events heard so far in this transaction, and the identifiers whose state they tightened."""

    ledger: LedgerView
    rules: dict[int, KindRule]
    now: int
    events: list[Event] = field(default_factory=list)
    tightened: set[int] = field(default_factory=set)
    notices: NoticeBook = field(default_factory=NoticeBook)
    attempts: list[Attempt] = field(default_factory=list)

    def hear(
        self,
        assertions: Iterable[ConsentAssertion],
        identifiers: Sequence[int],
        authority: Authority,
        regimes: tuple[str, ...],
    ) -> list[Attempt]:
        """Take statements about one subject -> those that were not taken.

        Nobody acts in the future: by a clock that is ahead a restriction would outlive what the person says next.
        """
        refused: list[Attempt] = []
        for place, said in enumerate(assertions):
            scopes = authority.scopes_for(said.kind, said.purpose, said.occurred_at, self.now, said.legal_basis)
            concerned = [one for one in identifiers if self.rules[one].scope in scopes]
            notice = self.notices.shown(said.notice, said.purpose, said.occurred_at) if said.notice else None
            if not concerned:
                refused.append(Attempt(place, said.kind, said.purpose, Reason.NOT_ASSERTABLE))
            elif said.kind in PERMISSIVE and notice is None:
                refused.append(Attempt(place, said.kind, said.purpose, Reason.NO_NOTICE))
            else:
                shown = said.notice if notice is None else notice.reference
                taken = replace(said, occurred_at=min(said.occurred_at, self.now), notice=shown)
                self._write(taken, concerned, regimes, verified=authority.rules.verified, derived=False)
        self.attempts += refused
        return refused

    def hear_signal(
        self,
        assertion: ConsentAssertion,
        identifiers: Sequence[int],
        authority: Authority,
        regimes: tuple[str, ...],
        text: bytes = b"",
    ) -> None:
        """Take what a signal says: its framework is its notice, and whoever relays it need not be allowed to grant."""
        said = replace(assertion, occurred_at=min(assertion.occurred_at, self.now))
        self._write(said, identifiers, regimes, verified=authority.rules.verified, derived=False, text=text)

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

    def inherit(self, members: Sequence[int], purposes: Collection[str], onto: Sequence[int] | None = None) -> None:
        """Write the person-wide restrictions that stand on some of `members` on all of them, or on others.

        One about every purpose that the person has since overruled for some of `purposes`, or of others that they spoke
        of, is passed on for the rest.
        """
        standing: dict[tuple[str, str, int, str], Fact] = {}
        for one in members:
            bound: dict[Fact, list[str]] = {}
            named = {*purposes, *(fact.purpose for fact in self.ledger.facts(one))} - {ANY_PURPOSE}
            for purpose in named:
                for fact in self.ledger.binding(one, purpose):
                    bound.setdefault(fact, []).append(purpose)
            for fact, left in bound.items():
                everything = fact.purpose == ANY_PURPOSE and len(left) == len(named)
                for purpose in [ANY_PURPOSE] if everything else left:
                    basis = fact.basis if fact.kind in NO_STATE else ""
                    standing.setdefault((fact.kind, purpose, fact.occurred_at, basis), fact)
        for (_, purpose, _, _), fact in standing.items():
            assertion = ConsentAssertion(
                fact.kind, purpose, fact.occurred_at, fact.basis, "derived", expires_at=fact.expires_at
            )
            self._write(assertion, members if onto is None else onto, (), verified=fact.verified, derived=True)

    def _write(
        self,
        assertion: ConsentAssertion,
        identifiers: Iterable[int],
        regimes: tuple[str, ...],
        *,
        verified: bool,
        derived: bool,
        text: bytes = b"",
    ) -> None:
        ledger = self.ledger
        fact = Fact(
            0,
            assertion.purpose,
            assertion.kind,
            assertion.occurred_at,
            PROVISIONAL + len(self.events),
            assertion.expires_at,
            assertion.legal_basis,
            verified,
            derived,
            assertion.site,
        )
        new = tuple(
            one for one in identifiers if self.rules[one].scope in LEDGER_SCOPES and not ledger.holds(one, fact)
        )
        if not new:
            return
        conflict = any(self._contradicts(one, fact) for one in new)
        self.events.append(Event(assertion, new, regimes, verified, derived, conflict, text))
        for one in new:
            ledger.add(fact._replace(identifier_id=one))
        if assertion.kind in RESTRICTIVE:
            self.tightened.update(new)

    def _contradicts(self, identifier_id: int, fact: Fact) -> bool:
        if fact.kind in NO_STATE or fact.kind in (EventKind.UNRESTRICT, EventKind.EXPIRE):
            return False
        purposes = {one.purpose for one in self.ledger.facts(identifier_id)} if fact.purpose == ANY_PURPOSE else ()
        states = [self.ledger.state(identifier_id, one, fact.site) for one in purposes or (fact.purpose,)]
        opposite = RESTRICTIVE - {EventKind.EXPIRE} if fact.kind in PERMISSIVE else PERMISSIVE
        return any(state is not None and state.kind in opposite for state in states)
