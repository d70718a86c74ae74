"""What a person is given on an access or portability request, as typed rows.

What the person supplied is labelled with its own text; every other identifier stands by kind, channels and dates, for
the gateway keeps pseudonyms and has no value to show. Ids are keyed to this one export. The requests a person made
are part of it. Government and payment numbers are never disclosed where 11 CCR 7024(d) forbids it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

# 11 CCR 7024(d): say that such a number is held, never which.
NEVER_DISCLOSED: frozenset[str] = frozenset({"national_id", "payment_fingerprint", "patient_id"})
_WITHHOLDING_REGIMES = frozenset({"ccpa"})
WITHHELD = "withheld (11 CCR 7024)"


@dataclass(frozen=True, slots=True)
class IdentifierRow:
    """One identifier: export-keyed id, kind, where and when (ms) it was seen, the person's own text or ""."""

    id: str
    kind: str
    channels: tuple[str, ...]
    first_seen: int
    last_seen: int
    supplied: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record a channel sent: when (ms), for what, by which rule it was linked, with which identifiers (ids)."""

    channel: str
    observed_at: int
    purpose: str
    rule: str = ""
    identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """One event of the consent ledger, its day as ISO date; `identifier` is the id it was stated for, or "".

    `signal` is the string that was received, where the event says that one was.
    """

    kind: str
    purpose: str
    day: str
    channel: str
    legal_basis: str
    method: str
    notice: str
    identifier: str = ""
    signal: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One change of the profile: when (ms), what (linked, merged, split, retracted), by which rule and kinds."""

    when: int
    event: str
    rule: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DisclosureRow:
    """One disclosure: to whom, when (ms), for what."""

    recipient: str
    when: int
    purpose: str


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One privacy request of the person; times in milliseconds, `completed_at` None while it is open."""

    id: str
    kind: str
    state: str
    received_at: int
    due_at: int
    completed_at: int | None


Row = IdentifierRow | RecordRow | ConsentRow | LinkRow | DisclosureRow | RequestRow
R = TypeVar("R", IdentifierRow, RecordRow, ConsentRow, LinkRow, DisclosureRow, RequestRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectExport:
    """Everything one export says. `request` is the request's id as the outside knows it, `made_at` milliseconds.

    `contact` is how the controller is reached ("" = not stated), `purposes` the description of each purpose by name.
    """

    controller: str
    regime: str
    request: str
    made_at: int
    contact: str = ""
    purposes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    identifiers: tuple[IdentifierRow, ...] = ()
    records: tuple[RecordRow, ...] = ()
    consents: tuple[ConsentRow, ...] = ()
    links: tuple[LinkRow, ...] = ()
    requests: tuple[RequestRow, ...] = ()
    disclosures: tuple[DisclosureRow, ...] = ()


def disclosable(export: SubjectExport) -> SubjectExport:
    """The export as it may leave: numbers the regime forbids are withheld, rows stand in order of time.

    The result depends on the rows alone, not on their order; applying it twice changes nothing.
    """
    return replace(
        export,
        identifiers=_ordered((_withhold(row, export.regime) for row in export.identifiers), "first_seen"),
        records=_ordered(export.records, "observed_at"),
        consents=_ordered(export.consents, "day"),
        links=_ordered(export.links, "when"),
        requests=_ordered(export.requests, "received_at"),
        disclosures=_ordered(export.disclosures, "when"),
    )


def _ordered(rows: Iterable[R], moment: str) -> tuple[R, ...]:
    return tuple(sorted(rows, key=lambda row: (getattr(row, moment), [str(value) for value in astuple(row)])))


def _withhold(row: IdentifierRow, regime: str) -> IdentifierRow:
    if row.supplied and row.kind in NEVER_DISCLOSED and regime in _WITHHOLDING_REGIMES:
        return replace(row, supplied=WITHHELD)
    return row
