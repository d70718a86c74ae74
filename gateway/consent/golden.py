"""Golden decision tables: rows that say how `decide` must come out, beside the policies in `golden/<regime>.csv`.

Columns: `purpose`, `jurisdiction` (a code under which the table's regime applies; empty for unknown), `identifiers`
(kinds, separated by spaces), `events` (separated by `;`), `at` (a day), `expect` (permit or refuse) and `reason`.
Lines that begin with `#` are remarks. An event is `[kind.]event[/legal_basis][:purpose]@YYYY-MM-DD`: on every
identifier that carries consent unless a kind is named, a grant with legal basis `consent` unless one is, for the row's
purpose unless another (or `*`) is. `gpc@` and `usp@` are the opt-outs that these signals mean under the row's regimes
on that day; `born@` is the birthday of a person who was known by it from the start. A day is its first moment in UTC;
person identifiers are verified.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView, under
from gateway.consent.model import ANY_PURPOSE, PERMISSIVE, EventKind, Fact, Permit, Reason
from gateway.kernel.errors import InvalidInput
from gateway.policy.errors import Finding
from gateway.policy.model import PolicySet
from gateway.policy.schema import LEGAL_BASES

COLUMNS: Final = ("purpose", "jurisdiction", "identifiers", "events", "at", "expect", "reason")
_EVENT: Final = re.compile(
    r"(?:(?P<kind>[a-z][a-z0-9_]*)\.)?(?P<event>[a-z_]+)(?:/(?P<basis>[a-z_]+))?"
    r"(?::(?P<purpose>[a-z][a-z0-9_]*|\*))?@(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
)
_BORN: Final = "born"
_SIGNALS: Final = ("gpc", "usp")
_ACTS: Final = tuple(kind for kind in EventKind if kind not in (EventKind.MINOR, EventKind.SIGNAL))


@dataclass(frozen=True, slots=True)
class TableReport:
    """What came of a set's tables: rows that cannot be read or come out otherwise, with their lines; the number of rows
    by regime; and by regime the `rule: purpose` that no row of its table asks about while the rule is in force.
    """

    findings: tuple[Finding, ...]
    rows: Mapping[str, int]
    uncovered: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Case:
    """One row, read: what is decided, and how it must come out."""

    purpose: str
    regimes: tuple[str, ...]
    subject: Subject
    ledger: LedgerView
    at: int
    expected: str


def run_tables(policies: PolicySet, directory: Path) -> TableReport:
    """A policy set and the directory it was loaded from -> how the rows of all its golden tables come out.

    A table that cannot be read at all (no UTF-8, other columns, no regime of that name) is one finding.
    """
    findings: list[Finding] = []
    rows = dict.fromkeys(policies.regimes, 0)
    asked: set[tuple[str, str]] = set()
    for path in sorted((directory / "golden").glob("*.csv")):
        name = f"golden/{path.name}"
        try:
            cases = list(_table(policies, path))
        except InvalidInput as error:
            findings.append(Finding(name, error.index or 1, str(error)))
            continue
        rows[path.stem] = len(cases)
        for line, case in cases:
            if isinstance(case, InvalidInput):
                findings.append(Finding(name, line, f"{case.field}: {case}"))
                continue
            rule = policies.regimes[path.stem].rule(case.purpose, case.at)
            asked.add((rule.id if rule is not None else "", case.purpose))
            outcome = _outcome(policies, case)
            if outcome != case.expected:
                findings.append(Finding(name, line, f"expected {case.expected}, came out as {outcome}"))
    return TableReport(tuple(findings), MappingProxyType(rows), MappingProxyType(_uncovered(policies, asked)))


def _uncovered(policies: PolicySet, asked: set[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    missing = {
        name: tuple(
            sorted(
                f"{rule.id}: {purpose}"
                for purpose, rules in regime.consent.items()
                for rule in rules
                if (rule.id, purpose) not in asked
            )
        )
        for name, regime in policies.regimes.items()
    }
    return {name: pairs for name, pairs in missing.items() if pairs}


def _outcome(policies: PolicySet, case: _Case) -> str:
    decision = decide(policies, case.regimes, case.purpose, case.subject, case.ledger, case.at)
    return _told("permit" if isinstance(decision, Permit) else "refuse", decision.reason)


def _told(expect: str, reason: str) -> str:
    return f"{expect} ({reason})"


def _table(policies: PolicySet, path: Path) -> Iterator[tuple[int, _Case | InvalidInput]]:
    """One table -> its rows with their lines, each read or with its fault. Raises InvalidInput (index: the line)."""
    if path.stem not in policies.regimes:
        raise InvalidInput("no regime of this name is in the set", index=1)
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("not UTF-8", index=1) from None
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line and line[0] != "#"]
    if not lines or tuple(_cells(lines[0][1])) != COLUMNS:
        raise InvalidInput(f"the columns must be {','.join(COLUMNS)}", index=lines[0][0] if lines else 1)
    for number, line in lines[1:]:
        try:
            yield number, _case(policies, path.stem, _cells(line))
        except InvalidInput as error:
            yield number, error


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        raise InvalidInput("not a row of CSV", field="row") from None


def _case(policies: PolicySet, regime: str, cells: Sequence[str]) -> _Case:
    """Cells of one row -> the case. Raises InvalidInput (field: the column)."""
    if len(cells) != len(COLUMNS):
        raise InvalidInput(f"{len(COLUMNS)} cells are needed", field="row")
    row = dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=True))
    regimes = policies.regimes_for(row["jurisdiction"] or None)
    if regime not in regimes:
        raise InvalidInput("the table's regime does not apply there", field="jurisdiction")
    purpose = _among("purpose", row["purpose"], policies.purposes)
    kinds = [_among("identifiers", kind, policies.kinds) for kind in row["identifiers"].split()]
    if not kinds or len(set(kinds)) != len(kinds):
        raise InvalidInput("at least one kind is needed, and each once", field="identifiers")
    reader = _Events(policies, regimes, purpose, kinds)
    return _Case(
        purpose=purpose,
        regimes=regimes,
        subject=Subject({place: policies.kinds[kind].speaks_as for place, kind in enumerate(kinds)}),
        ledger=LedgerView(reader.facts(row["events"])),
        at=_moment(_day("at", row["at"])),
        expected=_told(_among("expect", row["expect"], ("permit", "refuse")), _among("reason", row["reason"], Reason)),
    )


def _among(column: str, word: str, known: Iterable[str]) -> str:
    if word not in set(known):
        raise InvalidInput("not a word that is known there", field=column)
    return word


def _day(column: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("a date YYYY-MM-DD is needed", field=column) from None


def _moment(day: date) -> int:
    """The first moment of a day in UTC, in milliseconds."""
    return int(datetime.combine(day, time(), UTC).timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class _Events:
    """Reads the events of one row: the kinds of its identifiers stand at their surrogate ids."""

    policies: PolicySet
    regimes: tuple[str, ...]
    purpose: str
    kinds: Sequence[str]

    def facts(self, cell: str) -> list[Fact]:
        """The cell -> facts, in the order in which the log would hold them. Raises InvalidInput."""
        written = (event.strip() for event in cell.split(";"))
        facts = [fact for event in written if event for fact in self._facts(event)]
        return [fact._replace(position=position) for position, fact in enumerate(facts)]

    def _facts(self, event: str) -> Iterator[Fact]:
        found = _EVENT.fullmatch(event)
        if found is None:
            raise InvalidInput("[kind.]event[/basis][:purpose]@YYYY-MM-DD is needed", field="events")
        day = _day("events", found["day"])
        name = _among("events", found["event"], (*_ACTS, _BORN, *_SIGNALS))
        for identifier_id in self._carriers(found["kind"]):
            if name == _BORN:
                yield from self._ages(identifier_id, day)
            elif name in _SIGNALS:
                for purpose in self._opted_out(name, _moment(day)):
                    yield _fact(identifier_id, purpose, EventKind.OPT_OUT, _moment(day))
            else:
                basis = _among("events", found["basis"] or "consent", LEGAL_BASES) if name in PERMISSIVE else ""
                purpose = _among("events", found["purpose"] or self.purpose, (*self.policies.purposes, ANY_PURPOSE))
                yield _fact(identifier_id, purpose, EventKind(name), _moment(day), basis)

    def _carriers(self, kind: str | None) -> list[int]:
        """Surrogate ids of the kind, or of all that carry consent."""
        carry = [place for place, each in enumerate(self.kinds) if self.policies.kinds[each].scope in LEDGER_SCOPES]
        chosen = [place for place in carry if kind in (None, self.kinds[place])]
        if not chosen:
            raise InvalidInput("no identifier of the row carries this event", field="events")
        return chosen

    def _ages(self, identifier_id: int, born: date) -> Iterator[Fact]:
        for age in self.policies.gates:
            try:
                birthday = _moment(born.replace(year=born.year + age))
            except ValueError:
                raise InvalidInput("born on 29 February: write 1 March", field="events") from None
            minor = _fact(identifier_id, ANY_PURPOSE, EventKind.MINOR, _moment(born), under(age))
            yield minor._replace(expires_at=birthday)

    def _opted_out(self, signal: str, now: int) -> Iterator[str]:
        """The purposes a signal opts out of at `now`: those of the rules that name it, of `usp` only what it covers."""
        for purpose in self.policies.purposes:
            rules = (self.policies.regimes[name].rule(purpose, now) for name in self.regimes)
            named = any(rule is not None and rule.signals.get(signal) == "opt_out" for rule in rules)
            if named and (signal != "usp" or purpose in self.policies.signals.usp):
                yield purpose


def _fact(identifier_id: int, purpose: str, kind: EventKind, moment: int, basis: str = "") -> Fact:
    return Fact(identifier_id, purpose, kind, moment, 0, None, basis, verified=True, derived=False)
