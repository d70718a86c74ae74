"""What one file cannot say about itself: the rules that hold between the files of a policy set.

Each check takes the validated files and yields findings; it runs only once every file has passed its own schema, so
that one fault is reported once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from gateway.policy.document import Document, Path
from gateway.policy.errors import Finding


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: its name, its document, and `row`, what its schema made of it."""

    name: str
    document: Document
    row: Mapping[str, Any]

    def finding(self, path: Path, message: str) -> Finding:
        """The fault at `path` of this file."""
        return Finding(self.name, self.document.line_of(path), message)


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of a set, each valid by itself; regimes in the order of their file names."""

    regimes: tuple[SourceFile, ...]
    purposes: SourceFile
    identifiers: SourceFile
    clients: SourceFile
    retention: SourceFile
    signals: SourceFile
    recipients: SourceFile


def cross_check(sources: Sources) -> list[Finding]:
    """Valid files -> the findings between them."""
    return list(chain.from_iterable(check(sources) for check in _CHECKS))


def _names(sources: Sources) -> Iterator[Finding]:
    for regime in sources.regimes:
        if regime.name != f"{regime.row['name']}.yaml":
            yield regime.finding(("name",), f"the file of this regime must be named {regime.row['name']}.yaml")


def _rules(sources: Sources) -> Iterator[tuple[SourceFile, int, Mapping[str, Any]]]:
    for regime in sources.regimes:
        for place, rule in enumerate(regime.row["consent"]):
            yield regime, place, rule


def _coverage(sources: Sources) -> Iterator[Finding]:
    purposes = sources.purposes.row["purposes"]
    for regime in sources.regimes:
        covered = {purpose for rule in regime.row["consent"] for purpose in rule["purposes"]}
        for purpose in purposes:
            if purpose not in covered:
                yield regime.finding(("consent",), f"no rule for purpose '{purpose}'")
    for regime, place, rule in _rules(sources):
        asked = {rule["asks"]} if rule["asks"] else set()
        for purpose in sorted((rule["purposes"] | asked) - purposes.keys()):
            yield regime.finding(("consent", place, "purposes"), f"purpose '{purpose}' is not in purposes.yaml")


def _overlaps(sources: Sources) -> Iterator[Finding]:
    for regime in sources.regimes:
        seen: dict[str, list[Mapping[str, Any]]] = {}
        for place, rule in enumerate(regime.row["consent"]):
            for purpose in sorted(rule["purposes"]):
                for other in seen.setdefault(purpose, []):
                    if _meet(rule, other):
                        message = f"holds for '{purpose}' at the same time as rule '{other['id']}'"
                        yield regime.finding(("consent", place, "effective_from"), message)
                seen[purpose].append(rule)


def _meet(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    first, second = sorted((one, other), key=lambda rule: rule["effective_from"])
    return first["effective_to"] is None or second["effective_from"] < first["effective_to"]


def _balancing(sources: Sources) -> Iterator[Finding]:
    for regime, place, rule in _rules(sources):
        if "legitimate_interest" in rule["legal_bases"] and not rule["balancing_test"]:
            message = "a legitimate interest needs the reference of its balancing test: add `balancing_test`"
            yield regime.finding(("consent", place, "legal_bases"), message)


def _special(sources: Sources) -> Iterator[Finding]:
    purposes = sources.purposes.row["purposes"]
    for regime, place, rule in _rules(sources):
        if regime.row["subjects"] == "devices":
            continue
        for purpose in sorted(rule["purposes"] & purposes.keys()):
            if purposes[purpose]["special"] and rule["special"] is None:
                message = f"'{purpose}' is a special category: say how it is treated with `special`"
                yield regime.finding(("consent", place, "purposes"), message)


def _rule_ids(sources: Sources) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for regime in sources.regimes:
        rows: list[tuple[Path, Any]] = [
            *((("consent", place, "id"), rule["id"]) for place, rule in enumerate(regime.row["consent"])),
            *((("rights", key, "id"), rule["id"]) for key, rule in (regime.row["rights"] or {}).items()),
        ]
        for path, name in rows:
            if name in seen:
                yield regime.finding(path, f"rule id '{name}' stands in {seen[name]} already")
            seen.setdefault(name, regime.name)


def _strictest(sources: Sources) -> Iterator[Finding]:
    highest = max(regime.row["strictness"] for regime in sources.regimes)
    claimants = [regime for regime in sources.regimes if regime.row["strictness"] == highest]
    if len(claimants) > 1:
        names = ", ".join(claimant.name for claimant in claimants)
        for regime in claimants:
            yield regime.finding(
                ("strictness",), f"the strictest regime must be one alone; {highest} stands in {names}"
            )


def _graphs(sources: Sources) -> Iterator[Finding]:
    purposes = sources.purposes.row["purposes"]
    built = {row["graph"] for row in purposes.values() if row["matches"]}
    for purpose, row in purposes.items():
        if row["graph"] not in built:
            message = f"no purpose with `matches: true` builds graph '{row['graph']}'"
            yield sources.purposes.finding(("purposes", purpose, "graph"), message)


def _deny_lists(sources: Sources) -> Iterator[Finding]:
    for kind, row in sources.identifiers.row["kinds"].items():
        for place, entry in enumerate(sources.identifiers.document.items_at(("kinds", kind, "deny"))):
            if str(entry) != _normal(str(entry), row["normalizer"]):
                message = f"not a normal form of normalizer '{row['normalizer']}': it would never be met"
                yield sources.identifiers.finding(("kinds", kind, "deny", place), message)


def _normal(text: str, normalizer: str) -> str:
    if normalizer == "compact":
        return "".join(text.split()).replace("-", "").casefold()
    return text.strip().casefold() if normalizer in {"email", "casefold"} else text.strip()


def _clients(sources: Sources) -> Iterator[Finding]:
    purposes = set(sources.purposes.row["purposes"])
    claimed = {code for regime in sources.regimes for code in regime.row["jurisdictions"]}
    for name, row in sources.clients.row["classes"].items():
        for key, known in (("purposes", purposes), ("jurisdictions", claimed)):
            for stray in sorted((row[key] or set()) - known):
                yield sources.clients.finding(("classes", name, key), f"'{stray}' is not in this policy set")


def _signals(sources: Sources) -> Iterator[Finding]:
    purposes = sources.purposes.row["purposes"]
    row = sources.signals.row
    for framework in ("tcf", "tcfca"):
        for purpose in row[framework]:
            if purpose not in purposes:
                yield sources.signals.finding((framework, purpose), f"purpose '{purpose}' is not in purposes.yaml")
            elif purposes[purpose]["matches"]:
                message = f"no signal alone permits '{purpose}': linking needs a consent of its own"
                yield sources.signals.finding((framework, purpose), message)
    named: list[tuple[Path, set[str]]] = [(("usp",), row["usp"])]
    named += [(("gpp_opt_outs", field), covered) for field, covered in row["gpp_opt_outs"].items()]
    named += [
        (("gpp_sensitive", section, place), covered)
        for section, places in row["gpp_sensitive"].items()
        for place, covered in places.items()
    ]
    for path, covered in named:
        for stray in sorted(covered - purposes.keys()):
            yield sources.signals.finding(path, f"purpose '{stray}' is not in purposes.yaml")


def _recipients(sources: Sources) -> Iterator[Finding]:
    purposes = sources.purposes.row["purposes"]
    for name, row in sources.recipients.row["recipients"].items():
        for reference, law in (("contract", "GDPR Art. 26, 28(3)"), ("transfer", "GDPR Art. 44 to 49")):
            if row[reference] is None:
                message = f"recipient '{name}' has no {reference} reference ({law})"
                yield sources.recipients.finding(("recipients", name, reference), message)
        for stray in sorted(row["purposes"] - purposes.keys()):
            path = ("recipients", name, "purposes")
            yield sources.recipients.finding(path, f"purpose '{stray}' is not in purposes.yaml")


def _tombstones(sources: Sources) -> Iterator[Finding]:
    kinds = sources.identifiers.row["kinds"]
    for kind in sources.retention.row["tombstone_days"]:
        row = kinds.get(kind)
        if row is None:
            yield sources.retention.finding(("tombstone_days", kind), f"kind '{kind}' is not in identifiers.yaml")
        elif row["scope"] != "person" or not row["may_link"]:
            yield sources.retention.finding(("tombstone_days", kind), f"kind '{kind}' never gets a tombstone")


_CHECKS: Final[tuple[Callable[[Sources], Iterator[Finding]], ...]] = (
    _names,
    _coverage,
    _overlaps,
    _balancing,
    _special,
    _rule_ids,
    _strictest,
    _graphs,
    _deny_lists,
    _clients,
    _signals,
    _recipients,
    _tombstones,
)
