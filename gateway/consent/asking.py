"""When somebody who said no may be asked again (Civ. Code 1798.135(c)(4); CNIL recommendation 2020-092)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.consent.model import RESTRICTIVE, EventKind, Fact
from gateway.kernel.clock import DAY
from gateway.policy.model import PolicySet

_NOT_A_NO = frozenset({EventKind.EXPIRE, EventKind.INVALIDATE, EventKind.MINOR})


def may_ask_at(
    policies: PolicySet, regimes: Sequence[str], purpose: str, states: Iterable[Fact | None], now: int
) -> int | None:
    """What stands on somebody's identifiers for a purpose -> the moment before which they may not be asked again.

    None where they did not say no, or the time is over. Every regime must allow it: the longest time holds.
    """
    said_no = [fact.occurred_at for fact in states if fact is not None and fact.kind in RESTRICTIVE - _NOT_A_NO]
    rules = [policies.regimes[name].rule(purpose, now) for name in regimes if name in policies.regimes]
    days = [rule.reask_after_days for rule in rules if rule is not None and rule.reask_after_days is not None]
    if not said_no or not days:
        return None
    moment = max(said_no) + max(days) * DAY
    return moment if moment > now else None
