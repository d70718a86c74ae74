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


RULES: Mapping[str, TableRule] = MappingProxyType(
    {
        rule.table: rule
        for rule in (
            TableRule(
                "pseudonym",
                merge="stays: the identifier is the same whoever's profile holds it",
                split="stays",
                erasure="deleted, with others that nothing names any more; shared ones stay",
                export="by kind, channels and dates under an id made for the export; own text where supplied",
            ),
            TableRule(
                "profile",
                merge="the older lives on with the regimes of both, the younger is deleted",
                split="the largest part keeps it, each other part gets a new one",
                erasure="deleted when nothing, or the smaller part, is left; the rest gets a new one",
                export="not shown: it has no meaning outside",
            ),
            TableRule(
                "membership",
                merge="the members of the younger move to the older",
                split="the members of the smaller parts move to new profiles",
                erasure="deleted",
                export="by the identifiers shown together",
            ),
            TableRule(
                "demotion",
                merge="computed anew over the evidence",
                split="computed anew over the evidence",
                erasure="deleted",
                export="not shown: it says that others use the identifier",
            ),
            TableRule(
                "record",
                merge="stays: evidence is not changed",
                split="stays; one that lost its basis is retracted",
                erasure="deleted; one that speaks of somebody else too loses the person and stays",
                export="channel, time, purpose, rule, references; portable where on consent or contract",
            ),
            TableRule(
                "link",
                merge="stays; `cut` is computed anew",
                split="stays; `cut` is computed anew",
                erasure="deleted, with every record that is the person's alone",
                export="by the references of the record it belongs to",
            ),
            TableRule(
                "decision",
                merge="stays: it was made before",
                split="stays",
                erasure="deleted with its record; its commitment stays in the log and can no longer be opened",
                export="by the rule of the record it was made on",
            ),
            TableRule(
                "ledger",
                merge="stays where it was stated; restrictions of the whole person are derived on all members",
                split="stays, derived restrictions too",
                erasure="deleted; a restriction that binds others is written again for them",
                export="kind, purpose, day, channel, basis, method and notice",
            ),
            TableRule(
                "signal_text",
                merge="stays with the event that says it was received",
                split="stays",
                erasure="deleted with its event",
                export="the string itself, beside its event",
            ),
            TableRule(
                "refusal_fact",
                merge="stays: it was decided before",
                split="stays",
                erasure="deleted with the events it names, and the opening of the refusal with it",
                export="not shown: positions of events that are shown",
            ),
            TableRule(
                "tombstone",
                merge="stands by itself",
                split="stands by itself",
                erasure="one is made for each identifier of a person's kind; goes at its end or by proven consent",
                export="not shown: nobody is in the store whom it could be shown to",
            ),
            TableRule(
                "change",
                merge="one row for the survivor and one for each absorbed profile",
                split="one row for the part that lives on and one for each other",
                erasure="deleted; one row tells recipients that the profile ended",
                export="when and what; not for portability",
            ),
            TableRule(
                "disclosure",
                merge="stays with the profile that was shown",
                split="stays with the profile that was shown",
                erasure="deleted",
                export="recipient, time and purpose; not for portability",
            ),
            TableRule(
                "outward_id",
                merge="stays; what the younger was called becomes an alias of the older",
                split="stays with the largest part; its aliases are withdrawn",
                erasure="deleted, but for the ids by which recipients are told that the profile ended",
                export="not shown: it says something to its recipient alone; disclosures name the recipients",
            ),
            TableRule(
                "log_opening",
                merge="the new entry's names both profiles",
                split="the new entry's names all parts",
                erasure="deleted: the entries stay and say nothing about anyone",
                export="by the rows of changes, consents and disclosures",
            ),
            TableRule(
                "right_request",
                merge="stays: a request acts on identifiers",
                split="stays",
                erasure="stays: it says what was asked and done, not about whom",
                export="kind, state and times of the person's own",
            ),
            TableRule(
                "right_subject",
                merge="stays: a request acts on identifiers",
                split="stays",
                erasure="deleted in every request that names the person",
                export="its text beside the identifier it stands for",
            ),
            TableRule(
                "right_package",
                merge="stays as it was made",
                split="stays as it was made",
                erasure="deleted, earlier exports too; else at its end",
                export="is the export",
            ),
        )
    }
)


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
