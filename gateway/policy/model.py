"""The policy set as frozen, typed objects: everything `policies/*.yaml` can say.

One digest (SHA-256 over the canonical JSON of all files) names the whole set and travels with each decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SOURCE_FILES = ("purposes", "identifiers", "clients", "retention", "signals", "recipients")
"""The files of a set that are no regime."""
DEVICE_ACCESS = "device_access"
"""The purpose under which consents to reading a person's device are kept (Directive 2002/58/EC Art. 5(3))."""

Scope = Literal["person", "device", "household", "screen"]
"""Whom an identifier stands for; `screen`: nobody, the gateway forms it to compare it with lists."""
Default = Literal["deny", "allow"]
Effect = Literal["opt_out", "consent"]
"""What a signal does under a rule: it opts out, or it gives and denies consent; a signal not named does nothing."""
Special = Literal["explicit_consent", "opt_in", "separate_consent", "strictly_necessary", "limit_use", "opt_out"]
"""How a regime treats a special category of data."""


@dataclass(frozen=True, slots=True)
class KindRule:
    """One kind of identifier (policies/identifiers.yaml)."""

    name: str
    normalizer: Literal["email", "phone", "plain", "casefold", "compact", "screen"]
    scope: Scope
    may_link: bool
    rank: int  # 0 = strongest; a public record's weaker identifiers hang on its stronger ones
    namespaced: bool
    read_from_device: bool  # the channel reads it from the person's device: device access needs its own consent
    per_profile: int  # at most so many of this kind in one profile
    shared_above: int  # co-asserted with more persons than this: demoted, links nobody
    deny: frozenset[str]  # normal forms that are junk
    retention_days: int | None

    @property
    def speaks_as(self) -> str:
        """What a decision sees in it: its scope, but `thing` for what stands for a device and was not read from one."""
        return "thing" if self.scope == "device" and not self.read_from_device else self.scope

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
    special: bool  # a special category of data (GDPR Art. 9; "sensitive data" in the United States)


@dataclass(frozen=True, slots=True)
class AgeGate:
    """What a person under this age (years) needs: one of these bases, whatever the rule says otherwise."""

    under: int
    legal_bases: frozenset[str]  # none: never


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """What a regime says about one purpose while the rule is in force."""

    id: str
    regime: str
    purpose: str
    default: Default  # "deny": no valid basis means no; "allow": yes until an opt-out
    legal_bases: frozenset[str]
    balancing_test: str | None  # reference of the assessment that a legitimate interest rests on (Art. 6(1)(f))
    asks: str  # the purpose whose consents count: its own, or device_access
    signals: Mapping[str, Effect]  # by signal: gpc, gpp, usp, tcf, tcfca
    age_gates: tuple[AgeGate, ...]  # the youngest first
    special: Special | None
    consent_lifetime_days: int | None
    reask_after_days: int | None  # not to be asked again so long after a no
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
    subjects: Literal["everyone", "devices"]  # `devices`: only where an identifier was read from a device
    consent: Mapping[str, tuple[ConsentRule, ...]]  # by purpose, the earliest first
    rights: Mapping[str, RightsRule]  # by request
    holidays: frozenset[str]  # ISO dates that are no working days

    def rule(self, purpose: str, now: int) -> ConsentRule | None:
        """The rule for `purpose` that is in force at `now` (milliseconds)."""
        for rule in self.consent.get(purpose, ()):
            if rule.effective_from <= now and (rule.effective_to is None or now < rule.effective_to):
                return rule
        return None


@dataclass(frozen=True, slots=True)
class ClientClass:
    """What a class of clients may assert (policies/clients.yaml)."""

    name: str  # trusted, public
    jurisdictions: frozenset[str] | None  # None = any
    purposes: frozenset[str] | None  # None = any
    event_kinds: frozenset[str] | None  # beside restrictive ones; None = any
    legal_bases: frozenset[str] | None  # None = any
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
    unpermitted_grace_days: int
    tombstone_days: Mapping[str, int]  # by kind; a kind that is not named: for ever


@dataclass(frozen=True, slots=True)
class SignalMap:
    """What signals mean in the tenant's purposes (policies/signals.yaml).

    `tcf` and `tcfca`: purpose -> the framework's purposes that must all be consented to. `usp`: what its opt-out
    covers. `gpp_opt_outs`: field -> what it covers. `gpp_sensitive` and `gpp_children`: section -> place, from 1, in
    SensitiveDataProcessing -> what it covers, in KnownChildSensitiveDataConsents -> the age the person is under.
    """

    tcf: Mapping[str, frozenset[int]]
    tcfca: Mapping[str, frozenset[int]]
    usp: frozenset[str]
    gpp_opt_outs: Mapping[str, frozenset[str]]
    gpp_sensitive: Mapping[str, Mapping[int, frozenset[str]]]
    gpp_children: Mapping[str, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Recipient:
    """One whom the controller discloses to (policies/recipients.yaml; GDPR Art. 28(3), 30(1)(d), 44 to 49)."""

    name: str
    role: Literal["processor", "controller", "third_party"]
    country: str  # ISO 3166
    contract: str  # reference of the contract
    transfer: str  # reference of what allows the transfer; "none needed" inside the EEA
    purposes: frozenset[str]


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All policies in force together."""

    digest: str  # "sha256:<hex>"
    regimes: Mapping[str, Regime]
    purposes: Mapping[str, PurposeRule]
    kinds: Mapping[str, KindRule]
    classes: Mapping[str, ClientClass]
    retention: Retention
    signals: SignalMap
    recipients: Mapping[str, Recipient]
    regimes_by_jurisdiction: Mapping[str, tuple[str, ...]]
    strictest: tuple[str, ...]  # the strictest regime, and those about devices
    source: str  # the files' data as canonical JSON: what `digest` is formed over

    @property
    def graphs(self) -> tuple[str, ...]:
        """The link graphs, sorted by name."""
        return tuple(sorted({purpose.graph for purpose in self.purposes.values()}))

    def regimes_for(self, jurisdiction: str | None) -> tuple[str, ...]:
        """Jurisdiction code -> names of the regimes that apply; the strictest where it is unknown."""
        if jurisdiction is None:
            return self.strictest
        return self.regimes_by_jurisdiction.get(jurisdiction) or self.strictest

    def rights_regime(self, jurisdiction: str | None) -> str:
        """Jurisdiction code -> name of the regime whose rules of requests hold there."""
        return next(name for name in self.regimes_for(jurisdiction) if self.regimes[name].rights)

    @property
    def gates(self) -> tuple[int, ...]:
        """All ages (years) under which some rule asks for more, the youngest first."""
        rules = (rule for regime in self.regimes.values() for rows in regime.consent.values() for rule in rows)
        return tuple(sorted({gate.under for rule in rules for gate in rule.age_gates}))
