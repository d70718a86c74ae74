"""How what happened becomes entries of the log: leaves without personal data, openings with the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.audit.entries import EntryKind, leaf
from gateway.audit.opening import sealed
from gateway.consent.authority import Attempt
from gateway.consent.model import ANY_PURPOSE
from gateway.flows.context import Caller
from gateway.flows.steps.hear import Event
from gateway.kernel.clock import day_of, format_instant, hour_of
from gateway.matching.exact import RULE
from gateway.profiles.model import Change
from gateway.storage.log import Entry

CONFLICT = "later_act_wins"
"""The rule for an event that contradicts what stood: the person's later act wins, and at the same moment the
restrictive one (`gateway.consent.ledger`).
"""

_CHANGE_KINDS = {
    "created": EntryKind.PROFILE_CREATED,
    "extended": EntryKind.PROFILE_MERGED,
    "merged": EntryKind.PROFILE_MERGED,
    "split": EntryKind.PROFILE_SPLIT,
    "dissolved": EntryKind.PROFILE_SPLIT,
}


@dataclass(frozen=True, slots=True)
class Scribe:
    """Writes entries for one caller at one moment; `policy` is the policy set's digest, `rule` what the partition
    changes by.
    """

    actor: str
    channel: str
    policy: str
    now: int
    rule: str = RULE

    @classmethod
    def of(cls, caller: Caller, policy: str, now: int) -> Scribe:
        """The scribe of a caller."""
        return cls(caller.role.value, caller.channel, policy, now)

    def write(
        self,
        kind: EntryKind,
        rule: str,
        facts: Mapping[str, str | int],
        values: Mapping[str, object] | None = None,
        roots: Mapping[str, str] | None = None,
    ) -> Entry:
        """One entry: `facts` stand in the leaf, `values` only as salted commitments with an erasable opening.

        `roots` are ready commitments to whole batches (`gateway.audit.commitments.batch_root`).
        """
        commitments, opening = sealed(values) if values else ({}, b"")
        commitments |= roots or {}
        body = leaf(
            kind,
            hour=hour_of(self.now),
            actor=self.actor,
            channel=self.channel,
            rule=rule,
            policy=self.policy,
            commitments=commitments,
            facts=facts,
        )
        return Entry(kind, body, opening)

    def consent(self, event: Event) -> Entry:
        """One consent event; the day is public, person and moment are not."""
        stated = event.assertion
        facts: dict[str, str | int] = {
            "event": str(stated.kind),
            "purpose": "any" if stated.purpose == "*" else stated.purpose,
            "day": day_of(stated.occurred_at),
            "derived": int(event.derived),
            "identifiers": len(event.identifiers),
        }
        if event.conflict:
            facts["conflict"] = CONFLICT
        held: list[object] = [list(event.regimes), stated.expires_at, event.verified]
        values = {
            "identifiers": _hex(event.identifiers),
            "occurred_at": format_instant(stated.occurred_at),
            "statement": [stated.event_id, stated.method, stated.notice, stated.legal_basis],
            "held": [*held, stated.site] if stated.site else held,
        }
        return self.write(EntryKind.CONSENT_RECORDED, f"ledger.{stated.kind}", facts, values)

    def attempts(self, attempts: Sequence[Attempt]) -> list[Entry]:
        """Statements that would have widened and were not taken: how many of each kind, not about whom."""
        counted = Counter((one.kind, one.purpose, str(one.reason)) for one in attempts)
        return [
            self.write(
                EntryKind.CONSENT_REFUSED,
                f"authority.{reason}",
                {"event": kind, "purpose": "any" if purpose == ANY_PURPOSE else purpose, "attempts": count},
            )
            for (kind, purpose, reason), count in sorted(counted.items())
        ]

    def change(self, graph: str, change: Change, decisions: Sequence[str]) -> Entry:
        """One change of the partition."""
        values: dict[str, object] = {
            "profile": f"{change.profile_id:x}",
            "others": _hex(change.others),
            "at": format_instant(self.now),
        }
        if change.added:
            values["added"] = _hex(change.added)
        if change.removed:
            values["removed"] = _hex(change.removed)
        if decisions:
            values["decisions"] = list(decisions)
        return self.write(_CHANGE_KINDS[change.kind], self.rule, _counts(graph, change), values)

    def bare_change(self, graph: str, change: Change) -> Entry:
        """A change that an erasure makes: counts only, nothing that could be opened."""
        return self.write(_CHANGE_KINDS[change.kind], "rights.erasure", _counts(graph, change))


def _counts(graph: str, change: Change) -> dict[str, str | int]:
    return {
        "change": change.kind,
        "graph": graph,
        "added": len(change.added),
        "removed": len(change.removed),
        "profiles": 1 + len(change.others),
    }


def _hex(ids: Sequence[int]) -> list[str]:
    """Surrogate ids as texts: they are wider than JSON's safe integers."""
    return [f"{one:x}" for one in ids]
