"""What may be shown of whom, computed from what was said, by the written rule; nothing of `gateway.consent` is used.

    what counts    per identifier and purpose the later act wins, the restrictive one at the same moment; an expiry ends
                   permissions, and what was refused before stands again; a restriction of processing stands until it
                   is lifted or the person consents later
    whom it binds  objection, opt-out, restriction and being under age bind every identifier ever linked with the one
                   they were said on; anything else binds the identifiers it was said on
    what suffices  no identifier of a record refuses; then what its law says: `laws`, copied by hand from policies/

The oracle may permit more than the gateway, which may refuse for reasons of its own (limits, public records).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.flows.messages import ConsentAssertion
from gateway.kernel.clock import DAY
from tests.properties.consent_history import PURPOSES, SALE, SUPPORT, Visit, Word
from tests.simulator import MATCHING

DEVICES = frozenset({"cookie:1", "device_id:1"})
PERMITTING = frozenset({"grant", "opt_in"})
WIDE = frozenset({"object", "opt_out", "restrict"})


class Rule(NamedTuple):
    """What a law asks for one purpose: `open` until somebody says no; bases; days; bases by age, the youngest first."""

    open: bool
    bases: frozenset[str]
    days: int | None
    gates: tuple[tuple[int, frozenset[str]], ...]


_CONSENT, _PARENTS = frozenset({"consent"}), frozenset({"parental_consent"})
_SERVICE = frozenset({"consent", "contract"})


def laws(*, short: bool) -> Mapping[str, Mapping[str, Rule]]:
    """Code -> purpose -> rule; `short` where consents under the GDPR end sooner."""
    days = 100 if short else 730
    return {
        "DE": {
            MATCHING: Rule(False, _CONSENT, days, ((16, _PARENTS),)),
            SALE: Rule(False, _CONSENT, 183, ((16, _PARENTS),)),
            SUPPORT: Rule(False, _SERVICE, days, ()),
        },
        "GB": {
            MATCHING: Rule(False, _CONSENT, 730, ((13, _PARENTS),)),
            SALE: Rule(False, _CONSENT, 183, ((13, _PARENTS),)),
            SUPPORT: Rule(False, _SERVICE, 730, ()),
        },
        "US-CA": {
            MATCHING: Rule(True, _CONSENT, None, ((13, _PARENTS),)),
            SALE: Rule(True, _CONSENT, None, ((13, _PARENTS), (16, _CONSENT))),
            SUPPORT: Rule(True, _CONSENT, None, ((13, _PARENTS),)),
        },
    }


class Act(NamedTuple):
    """One thing that was said of one identifier."""

    kind: str
    purpose: str
    at: int
    basis: str = ""
    ends: int | None = None
    trusted: bool = True


@dataclass(slots=True)
class Oracle:
    """What was said of each identifier, and until when it is under which age.

    `visits` are the records that may be linked, `steady` those that are for certain: permitted at all times, not public
    (the partition may cut such a record off), and with all their identifiers in one profile.
    """

    acts: dict[str, set[Act]] = field(default_factory=dict)
    minors: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)
    steady: list[Visit] = field(default_factory=list)
    laws: Mapping[str, Mapping[str, Rule]] = field(default_factory=lambda: laws(short=False))

    def hear(self, said: ConsentAssertion, labels: Iterable[str], client: str) -> None:
        """A statement. A public client may consent for devices alone, on no other basis, and lifts nothing."""
        permits = said.kind in PERMITTING or said.kind == "unrestrict"
        if client == "web" and permits and (said.kind == "unrestrict" or said.legal_basis != "consent"):
            return
        act = Act(said.kind, said.purpose, said.occurred_at, said.legal_basis, said.expires_at, client != "web")
        for label in labels:
            if client != "web" or not permits or label in DEVICES:
                self.acts.setdefault(label, set()).add(act)

    def arrives(self, step: Visit | Word) -> None:
        """What a step says about consent."""
        if isinstance(step, Word):
            self.hear(step.said, step.labels, step.client)
            return
        for label in step.labels:
            if step.gpc and not self._said_no(label):
                self.acts.setdefault(label, set()).add(Act("opt_out", SALE, step.at))
            if minor := under_age(step.attributes, step.at):
                self.minors.setdefault(label, set()).add(minor)
        for said in step.consents:
            self.hear(said, step.labels, step.client)

    def _said_no(self, label: str) -> bool:
        """Global Privacy Control is written when it is new to an identifier; said again, only where no older no stands.
        So it may be older than the last request, and a consent from between the two that comes in later wins.
        """
        return any(act.kind in ("object", "opt_out", "restrict") for act in self._about(label, SALE))

    def bind(self, groups: Iterable[Collection[str]]) -> None:
        """What binds a person is said of every identifier linked with them."""
        for group in groups:
            wide = {act for label in group for purpose in PURPOSES for act in self._binding(label, purpose)}
            minors = {minor for label in group for minor in self.minors.get(label, ())}
            for label in group:
                self.acts.setdefault(label, set()).update(wide)
                self.minors.setdefault(label, set()).update(minors)

    def _about(self, label: str, purpose: str) -> list[Act]:
        return [act for act in self.acts.get(label, ()) if act.purpose in (purpose, "*")]

    def _restricted(self, about: Sequence[Act]) -> Act | None:
        """The restriction of processing that stands."""
        both = [act for act in about if act.kind in ("restrict", "unrestrict")]
        last = max(both, key=lambda act: (act.at, act.kind == "restrict"), default=None)
        later = any(act.kind in PERMITTING and last is not None and act.at > last.at for act in about)
        return None if last is None or last.kind == "unrestrict" or later else last

    def _binding(self, label: str, purpose: str) -> list[Act]:
        about = self._about(label, purpose)
        consented = max((act.at for act in about if act.kind in PERMITTING), default=-1)
        said = [act for act in about if act.kind in ("object", "opt_out") and act.at >= consented]
        standing = [max(said, key=lambda act: act.at)] if said else []
        restricted = self._restricted(about)
        standing += [] if restricted is None else [restricted]
        return [act._replace(purpose=purpose) for act in standing]

    def word(self, label: str, purpose: str, now: int) -> list[Act] | None:
        """None where the identifier refuses at `now`; else the consents that stand."""
        about = self._about(label, purpose)
        if self._restricted(about):
            return None
        others = [act for act in about if act.kind not in PERMITTING and act.kind not in ("restrict", "unrestrict")]
        refused = max((act.at for act in others if act.kind != "expire"), default=-1)
        over = max((act.at for act in others), default=-1)
        consents = [act for act in about if act.kind in PERMITTING and act.at > over]
        in_time = any(act.ends is None or now < act.ends for act in consents)
        return None if refused >= 0 and not in_time else consents

    def refuses(self, label: str, purpose: str) -> bool:
        """Whether somebody's word on this identifier is against the purpose, whatever time has done to consents."""
        return self.word(label, purpose, 0) is None

    def permits(self, labels: Iterable[str], codes: Iterable[str], purpose: str, now: int) -> bool:
        """Whether a record of these identifiers may be used for the purpose under the laws of all these places."""
        words = {label: self.word(label, purpose, now) for label in labels}
        person = words.keys() - DEVICES
        consents: list[Act] = []
        for label, said in words.items():
            if said is None:
                return False
            consents += [act for act in said if (act.trusted if label in person else not person)]
        minors = {minor for label in words for minor in self.minors.get(label, ())}
        rules = [self.laws[code][purpose] for code in codes]
        return all(_satisfied(rule, minors, consents, now) for rule in rules)


def _satisfied(rule: Rule, minors: Collection[tuple[int, int]], consents: Sequence[Act], now: int) -> bool:
    gates: list[tuple[int, int, frozenset[str]]] = []
    for under, bases in rule.gates:
        known = [later(until, under - age) for age, until in minors if age <= under]
        if known:
            gates.append((gates[-1][1] if gates else 0, max(known), bases))
    if rule.open and not gates:
        return True
    return any(_good(rule, gates, act, now) for act in consents)


def _good(rule: Rule, gates: Sequence[tuple[int, int, frozenset[str]]], act: Act, now: int) -> bool:
    """It has not ended, and it was good enough at every age that the person had since it was given."""
    ends = [one for one in (act.ends, rule.days and act.at + rule.days * DAY) if one is not None]
    if any(now >= one for one in ends):
        return False
    if any(act.at < until and since <= now and act.basis not in bases for since, until, bases in gates):
        return False
    return act.basis in rule.bases or bool(gates and now < gates[-1][1])


def under_age(attributes: Mapping[str, str], at: int) -> tuple[int, int] | None:
    """What a record says of somebody's age -> the youngest of 13, 16 and 18 they are under at `at`, and until when."""
    if born := attributes.get("date_of_birth"):
        day = datetime.fromisoformat(born).replace(tzinfo=UTC)
        moments = [(age, later(int(day.timestamp()) * 1000, age)) for age in (13, 16, 18)]
        return next(((age, moment) for age, moment in moments if at < moment), None)
    bands = {"<13": (13, 0), "13-15": (16, 13), "16-17": (18, 16)}
    age, least = bands.get(attributes.get("age_band", ""), (0, 0))
    return (age, later(at, age - least)) if age else None


def later(moment: int, years: int) -> int:
    """The same day and time so many years later; of 29 February, 1 March in common years."""
    day = datetime.fromtimestamp(moment // DAY * DAY // 1000, UTC)
    leap = (day.month, day.day) == (2, 29) and (day.year + years) % 4
    moved = day.replace(year=day.year + years, month=3, day=1) if leap else day.replace(year=day.year + years)
    return int(moved.timestamp()) * 1000 + moment % DAY
