"""The erasure's plan as data: the order of its steps, what each table does, and what the preflight shows.

Every table that holds a person's id or pseudonym stands in `RULES`; a test derives the tables from the metadata and
asks `check_complete`. A run that was killed goes on with `remaining(request.step)`: each step may be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType

# Journal first: from then on a restored backup knows of the erasure. Tombstones next: nothing returns while the rest
# goes. The receipt comes last, when there is nothing left to fail.
ERASURE_STEPS: tuple[str, ...] = (
    "journal",
    "tombstones",
    "links",
    "profiles",
    "ledger",
    "openings",
    "decisions",
    "pseudonyms",
    "request_half",
    "receipt",
)


@dataclass(frozen=True, slots=True)
class TableRule:
    """What merge, split, erasure and export do to one table, each in a few words."""

    table: str
    merge: str
    split: str
    erasure: str
    export: str


RULES: Mapping[str, TableRule] = MappingProxyType({})


def check_complete(tables: AbstractSet[str], rules: Mapping[str, TableRule] = RULES) -> list[str]:
    """Names of the tables that hold a person's data -> what is wrong with the rules, sorted; [] when they agree.

    A finding reads `missing: <table>`, `superfluous: <table>`, `misnamed: <table>` (the key is not the rule's table) or
    `blank: <table>` (one of its four texts is empty).
    """
    findings = [f"missing: {name}" for name in tables - rules.keys()]
    findings += [f"superfluous: {name}" for name in rules.keys() - tables]
    findings += [f"misnamed: {name}" for name, rule in rules.items() if rule.table != name]
    findings += [
        f"blank: {name}" for name, rule in rules.items() if not all((rule.merge, rule.split, rule.erasure, rule.export))
    ]
    return sorted(findings)


def remaining(step: str) -> tuple[str, ...]:
    """The last finished step ("" = none) -> the steps still to do, in order. Raises ValueError for an unknown one."""
    if step == "":
        return ERASURE_STEPS
    return ERASURE_STEPS[ERASURE_STEPS.index(step) + 1 :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What an erasure will do, for the officer to read before approving. All figures are counts.

    `tables` is rows per table, `profiles` how many are touched, `shared` the identifiers per kind that are detached
    from the person but stay for others, `untrusted_links` what hangs on links the cascade does not follow by itself,
    `backup_days` the days until the last backup that holds the person expires, `jurisdictions` those on record.
    """

    tables: Mapping[str, int]
    profiles: int
    shared: Mapping[str, int]
    untrusted_links: int
    backup_days: int
    jurisdictions: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The same as JSON-able values, keys sorted."""
        return {
            "backup_days": self.backup_days,
            "jurisdictions": sorted(self.jurisdictions),
            "profiles": self.profiles,
            "shared": dict(sorted(self.shared.items())),
            "tables": dict(sorted(self.tables.items())),
            "untrusted_links": self.untrusted_links,
        }
