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


def cross_check(sources: Sources) -> list[Finding]:
    """Valid files -> the findings between them."""
    return list(chain.from_iterable(check(sources) for check in _CHECKS))


def _names(sources: Sources) -> Iterator[Finding]:
    for regime in sources.regimes:
        if regime.name != f"{regime.row['name']}.yaml":
            yield regime.finding(("name",), f"the file of this regime must be named {regime.row['name']}.yaml")


def _coverage(sources: Sources) -> Iterator[Finding]:
    purposes = sources.purposes.row["purposes"]
    for regime in sources.regimes:
        rules = regime.row["consent"]
        for purpose in purposes:
            if purpose not in rules:
                yield regime.finding(("consent",), f"no rule for purpose '{purpose}'")
        for purpose in rules:
            if purpose not in purposes:
                yield regime.finding(("consent", purpose), f"purpose '{purpose}' is not in purposes.yaml")


def _rule_ids(sources: Sources) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for regime in sources.regimes:
        for table in ("consent", "rights"):
            for key, rule in regime.row[table].items():
                if rule["id"] in seen:
                    message = f"rule id '{rule['id']}' stands in {seen[rule['id']]} already"
                    yield regime.finding((table, key, "id"), message)
                seen.setdefault(rule["id"], regime.name)


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
    _rule_ids,
    _strictest,
    _graphs,
    _deny_lists,
    _clients,
    _tombstones,
)
