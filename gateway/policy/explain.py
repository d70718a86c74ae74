"""What a regime says about a purpose, for a person: `gateway policies explain --regime R --purpose P`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.kernel.clock import DAY, day_of
from gateway.kernel.errors import InvalidInput
from gateway.policy.effective import rule_in_force

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gateway.policy.model import ConsentRule, Default, PolicySet


@dataclass(frozen=True, slots=True)
class Explanation:
    """A consent rule in the order a reader asks; `effective_to` is the last day, and `policy` the set's digest."""

    regime: str
    purpose: str
    rule: str
    default: Default
    legal_bases: tuple[str, ...]
    asks: str
    balancing_test: str | None
    signals: Mapping[str, str]
    age_gates: Mapping[int, tuple[str, ...]]
    special: str | None
    consent_lifetime_days: int | None
    reask_after_days: int | None
    citation: str
    effective_from: str
    effective_to: str | None
    in_force: bool
    sentence: str
    policy: str


def explain(policies: PolicySet, regime: str, purpose: str, now: int) -> Explanation:
    """Names of a regime and a purpose, and the time in milliseconds -> what holds, and why.

    Raises InvalidInput (fields `regime`, `purpose`) for a name that the set does not have.
    """
    law = policies.regimes.get(regime)
    if law is None:
        raise _unknown("regime", policies.regimes)
    if purpose not in law.consent:
        raise _unknown("purpose", law.consent)
    rule = law.rule(purpose, now) or _nearest(law.consent[purpose], now)
    return Explanation(
        regime=regime,
        purpose=purpose,
        rule=rule.id,
        default=rule.default,
        legal_bases=tuple(sorted(rule.legal_bases)),
        asks=rule.asks,
        balancing_test=rule.balancing_test,
        signals=dict(rule.signals),
        age_gates={gate.under: tuple(sorted(gate.legal_bases)) for gate in rule.age_gates},
        special=rule.special,
        consent_lifetime_days=rule.consent_lifetime_days,
        reask_after_days=rule.reask_after_days,
        citation=rule.citation,
        effective_from=day_of(rule.effective_from),
        effective_to=_last_day(rule),
        in_force=rule_in_force(rule, now),
        sentence=_sentence(law.title, rule, now),
        policy=policies.digest,
    )


def _unknown(field: str, known: Iterable[str]) -> InvalidInput:
    return InvalidInput(f"no such {field}; known: {', '.join(sorted(known))}", field=field, rule="unknown")


def _nearest(rules: Sequence[ConsentRule], now: int) -> ConsentRule:
    """Where no rule is in force: the last that began, else the first that will."""
    begun = [rule for rule in rules if rule.effective_from <= now]
    return begun[-1] if begun else rules[0]


def _last_day(rule: ConsentRule) -> str | None:
    return None if rule.effective_to is None else day_of(rule.effective_to - DAY)


def _sentence(title: str, rule: ConsentRule, now: int) -> str:
    purpose = rule.purpose.replace("_", " ")
    if now < rule.effective_from:
        start = day_of(rule.effective_from)
        return f"{title}: {purpose} is refused until {start}, when this rule begins ({rule.citation})."
    if not rule_in_force(rule, now):
        return f"{title}: {purpose} is refused, because this rule ended with {_last_day(rule)} ({rule.citation})."
    return f"{title}: {purpose} {_effect(rule)} ({rule.citation})."


def _effect(rule: ConsentRule) -> str:
    return "; ".join([_principle(rule), *_more(rule)])


def _principle(rule: ConsentRule) -> str:
    if rule.default == "allow":
        return "is allowed until the person opts out, objects or restricts"
    if not rule.legal_bases:
        return "is always refused"
    effect = f"is refused without a valid basis ({_either(rule.legal_bases)})"
    return effect if rule.asks == rule.purpose else f"{effect} for {rule.asks.replace('_', ' ')}"


def _more(rule: ConsentRule) -> Iterator[str]:
    if rule.default == "deny" and rule.legal_bases and rule.consent_lifetime_days is not None:
        yield f"a consent counts for {rule.consent_lifetime_days} days"
    for gate in rule.age_gates:
        bases = _either(gate.legal_bases)
        yield f"under the age of {gate.under} it {f'needs {bases}' if bases else 'is refused'}"
    opt_outs = [signal.upper() for signal, effect in rule.signals.items() if effect == "opt_out"]
    if opt_outs:
        yield f"{', '.join(opt_outs)} {'opt' if len(opt_outs) > 1 else 'opts'} out of it"
    if rule.reask_after_days is not None:
        yield f"after a no, it may be asked again after {rule.reask_after_days} days"


def _either(bases: Iterable[str]) -> str:
    return " or ".join(sorted(bases)).replace("_", " ")
