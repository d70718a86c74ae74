"""When a rule holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.policy.model import ConsentRule, RightsRule


def rule_in_force(rule: ConsentRule | RightsRule, now: int) -> bool:
    """Whether `rule` holds at `now` (milliseconds): from `effective_from` on, and before `effective_to` if it ends."""
    return rule.effective_from <= now and (rule.effective_to is None or now < rule.effective_to)
