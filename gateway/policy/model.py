"""The policy set as frozen, typed objects: everything `policies/*.yaml` can say.

One digest (SHA-256 over the canonical JSON of all files) names the whole set and travels with each decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scope = Literal["person", "device", "household", "screen"]
"""Whom an identifier stands for; `screen`: nobody, the gateway forms it to compare it with lists."""
Default = Literal["deny", "allow"]


@dataclass(frozen=True, slots=True)
class KindRule:
    """One kind of identifier (policies/identifiers.yaml)."""

    name: str
    normalizer: Literal["email", "phone", "plain", "casefold", "compact", "screen"]
    scope: Scope
    may_link: bool
    rank: int  # 0 = strongest; a public record's weaker identifiers hang on its stronger ones
    namespaced: bool
    per_profile: int  # at most so many of this kind in one profile
    shared_above: int  # co-asserted with more persons than this: demoted, links nobody
    deny: frozenset[str]  # normal forms that are junk
    retention_days: int | None

    @property
    def tombstoned(self) -> bool:
        """Whether an erasure leaves a tombstone: person kinds that may link, nothing else."""
        return self.scope == "person" and self.may_link

    def denies(self, normal: str) -> bool:
        """Normal form -> whether it is junk; an entry such as `noemail@` denies that local part at every domain."""
        if normal in self.deny:
            return True
        if self.normalizer != "email":
            return False
        local, at, _ = normal.partition("@")
        return f"{local}{at}" in self.deny


@dataclass(frozen=True, slots=True)
class PurposeRule:
    """One purpose (policies/purposes.yaml) and the link graph it reads."""

    name: str
    graph: str
    description: str
    matches: bool  # True for a purpose that may build its graph, e.g. identity_resolution


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """What a regime says about one purpose."""

    id: str
    regime: str
    purpose: str
    default: Default  # "deny": no valid basis means no; "allow": yes until an opt-out
    legal_bases: frozenset[str]
    consent_lifetime_days: int | None
    citation: str
    effective_from: int  # milliseconds
    effective_to: int | None


@dataclass(frozen=True, slots=True)
class Period:
    """A legal period: exactly one of the three is not zero."""

    months: int = 0
    days: int = 0
    business_days: int = 0


@dataclass(frozen=True, slots=True)
class RightsRule:
    """Clock and duties of one kind of request under one regime."""

    id: str
    regime: str
    request: str  # access, erasure, portability, opt_out, objection, restriction
    acknowledge: Period | None
    answer: Period
    extension: Period | None
    verification: Literal["required", "forbidden"]
    verification_pauses: bool
    citation: str
    effective_from: int
    effective_to: int | None


@dataclass(frozen=True, slots=True)
class Regime:
    """One law (policies/gdpr.yaml, …)."""

    name: str
    title: str
    jurisdictions: frozenset[str]  # ISO 3166 codes: "DE", "US-CA"
    strictness: int  # the highest is taken for an unknown or contradictory jurisdiction
    consent: Mapping[str, ConsentRule]  # by purpose
    rights: Mapping[str, RightsRule]  # by request
    holidays: frozenset[str]  # ISO dates that are no working days


@dataclass(frozen=True, slots=True)
class ClientClass:
    """What a class of clients may assert (policies/clients.yaml)."""

    name: str  # trusted, public
    jurisdictions: frozenset[str] | None  # None = any
    purposes: frozenset[str] | None  # None = any
    grants_for: frozenset[str]  # scopes of identifiers it may grant for
    verified: bool  # its person identifiers count as verified
    max_clock_skew_seconds: int


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept (policies/retention.yaml), in days."""

    backups_days: int
    accountability_days: int
    export_package_days: int
    change_feed_days: int
    tombstone_days: Mapping[str, int]  # by kind; a kind that is not named: for ever


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All policies in force together."""

    digest: str  # "sha256:<hex>"
    regimes: Mapping[str, Regime]
    purposes: Mapping[str, PurposeRule]
    kinds: Mapping[str, KindRule]
    classes: Mapping[str, ClientClass]
    retention: Retention
    regimes_by_jurisdiction: Mapping[str, tuple[str, ...]]
    strictest: str

    @property
    def graphs(self) -> tuple[str, ...]:
        """The link graphs, sorted by name."""
        return tuple(sorted({purpose.graph for purpose in self.purposes.values()}))

    def regimes_for(self, jurisdiction: str | None) -> tuple[str, ...]:
        """Jurisdiction code -> names of the regimes that apply; the strictest where it is unknown."""
        if jurisdiction is None:
            return (self.strictest,)
        return self.regimes_by_jurisdiction.get(jurisdiction) or (self.strictest,)
