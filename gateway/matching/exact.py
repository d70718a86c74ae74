"""Tier (a): a record matches the profiles that hold one of its identifiers.

Which of them it may join is consent's to say (`gateway.consent.narrow`), and which a limit keeps apart is the
partition's (`gateway.profiles.partition`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gateway.consent.model import Permit

RULE = "exact_identifier.v1"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Profiles a record touches, with the tier, rule and score (1.0 = the identifier itself) that say so.

    `evidence` maps each touched profile to the identifiers found in it.
    """

    tier: str
    rule: str
    score: float
    evidence: Mapping[int, tuple[int, ...]]


def match(permit: Permit, identifiers: Sequence[int], home: Mapping[int, int], demoted: Collection[int]) -> Verdict:
    """A permitted record's linkable identifiers -> the profiles they stand in. The permit is what opens this door."""
    if not isinstance(permit, Permit):
        raise TypeError("matching needs a permit")
    evidence: dict[int, tuple[int, ...]] = {}
    for one in identifiers:
        profile = home.get(one)
        if profile is not None and one not in demoted:
            evidence[profile] = (*evidence.get(profile, ()), one)
    return Verdict("a", RULE, 1.0, evidence)
