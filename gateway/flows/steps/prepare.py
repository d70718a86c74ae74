"""Step 1: raw values become digests, outside any transaction; `name` makes them pseudonyms.

A record that breaks a rule becomes a `Problem`; the others go on. After this step no raw value is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gateway.consent.ledger import Evidence
from gateway.consent.model import Decision
from gateway.flows.context import Caller, Gateway
from gateway.flows.messages import ConsentAssertion, Identifier, IncomingRecord, Outcome, Problem
from gateway.flows.steps.ages import Minor, minority
from gateway.flows.steps.signals import Received, receive
from gateway.identifiers.digests import composite_digests, digests_of
from gateway.identifiers.keys import TenantKeys
from gateway.identifiers.model import Digest, Pseudonym, RawIdentifier
from gateway.identifiers.pseudonyms import RecordTokens
from gateway.kernel.errors import InvalidInput
from gateway.policy.model import KindRule, PolicySet
from gateway.storage.tenants import TenantStore
from gateway.storage.tombstones import Tombstone


@dataclass(slots=True)
class Names:
    """What one record asserts: digests, each once, with the rules of their kinds.

    In parallel `values`, the place of the value that each is a digest of, `forms`, the bits that say whose, and the
    `pseudonyms` once they are named.
    """

    digests: list[Digest] = field(default_factory=list)
    rules: list[KindRule] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    forms: list[int] = field(default_factory=list)
    pseudonyms: list[Pseudonym] = field(default_factory=list)
    _at: dict[tuple[str, str, bytes], int] = field(default_factory=dict)

    def add(self, value: int, digests: Sequence[Digest], kinds: Mapping[str, KindRule]) -> None:
        """Digests of the value at this place. Where one was there already, the two values are one."""
        for one in digests:
            at = self._at.setdefault((one.kind, one.namespace, one.sha256), len(self.digests))
            if at == len(self.digests):
                self.digests.append(one)
                self.rules.append(kinds[one.kind])
                self.values.append(value)
                self.forms.append(one.forms)
                continue
            self.forms[at] |= one.forms
            known = self.values[at]
            if known != value:
                self.values = [known if each == value else each for each in self.values]
                value = known


@dataclass(slots=True, eq=False)
class Named:
    """Somebody named by identifiers and, once loaded, their ids."""

    index: int
    names: Names
    ids: tuple[int, ...] = ()

    @property
    def pseudonyms(self) -> list[Pseudonym]:
        """One for each digest."""
        return self.names.pseudonyms

    @property
    def rules(self) -> list[KindRule]:
        """The rules of their kinds, in parallel."""
        return self.names.rules


class Met(NamedTuple):
    """A profile that a record met and that refused: what its members and the record rest on, under which regimes."""

    regimes: tuple[str, ...]
    heard: tuple[Evidence, ...]


@dataclass(slots=True, eq=False)
class Item(Named):
    """One record on its way through the steps; what each step finds out is filled in by it."""

    record: IncomingRecord = field(kw_only=True)
    graph: str = field(kw_only=True)
    token: bytes = field(kw_only=True)
    content: bytes = field(kw_only=True)
    outcome: Outcome | None = None
    decision: Decision | None = None
    record_id: int = 0
    linking: tuple[int, ...] = ()
    replaces: int | None = None
    since: int = 0
    signals: tuple[Received, ...] = ()
    minor: Minor | None = None
    problem: Problem | None = None
    honored: bool = False
    heard: tuple[Evidence, ...] = ()
    met: tuple[Met, ...] = ()
    lifts: list[Tombstone] = field(default_factory=list)
    recalled: list[Tombstone] = field(default_factory=list)


def prepare(
    gateway: Gateway, caller: Caller, records: Sequence[IncomingRecord | Problem]
) -> tuple[list[Item], dict[int, Problem]]:
    """Parsed records -> (items by place, problems by place)."""
    keys = gateway.keys.tenant(caller.tenant_id)
    tokens, event_tokens = RecordTokens(keys, caller.channel), consent_tokens(keys, caller)
    signal_tokens = RecordTokens(keys, "signals")
    vendor = _vendor(gateway, caller, records)
    authority = caller.authority(gateway.policies)
    trust = "trusted" if authority.rules.verified else "public"
    items: list[Item] = []
    problems: dict[int, Problem] = {}
    for index, record in enumerate(records):
        if isinstance(record, Problem):
            problems[index] = record
            continue
        try:
            graph = _graph(record, gateway.policies)
            names = digest_all(record.identifiers, gateway.policies, record.jurisdiction, screen=True)
            regimes = gateway.policies.regimes_for(authority.jurisdiction(record.jurisdiction))
            signals = receive(record, gateway.policies, signal_tokens, vendor, regimes)
        except InvalidInput as error:
            problems[index] = Problem(error.field, error.rule, str(error), index)
            continue
        minor = None
        if record.attributes:
            minor = minority(record.attributes, gateway.policies.gates, record.jurisdiction, record.observed_at)
            _screen_by_attributes(names, record, gateway.policies)
        said = record.observed_at, record.jurisdiction or "", record.purpose, trust
        items.append(
            Item(
                index,
                names,
                record=_tokenized(record, event_tokens),
                graph=graph,
                token=tokens.of(record.record_id),
                content=tokens.content(names.digests, *said),
                signals=signals,
                minor=minor,
            )
        )
    return items, problems


def _vendor(gateway: Gateway, caller: Caller, records: Sequence[IncomingRecord | Problem]) -> int | None:
    """The tenant's vendor id, read where a TC string may ask for it."""
    if not any(isinstance(one, IncomingRecord) and (one.tcf or one.gpp) for one in records):
        return None
    with gateway.storage.session(write=False) as session:
        return TenantStore(session).tcf_vendor(caller.tenant_id)


def consent_tokens(keys: TenantKeys, caller: Caller) -> RecordTokens:
    """The tokens of the caller's ids of consent events; they never equal those of its records."""
    return RecordTokens(keys, f"consents:{caller.channel}")


def tokenized(assertion: ConsentAssertion, tokens: RecordTokens) -> ConsentAssertion:
    """A consent event -> the same, with a token in place of the id the channel gave it, which could say anything."""
    if not assertion.event_id:
        return assertion
    return replace(assertion, event_id=tokens.of(assertion.event_id).hex())


def _tokenized(record: IncomingRecord, tokens: RecordTokens) -> IncomingRecord:
    if not any(consent.event_id for consent in record.consents):
        return record
    return replace(record, consents=tuple(tokenized(consent, tokens) for consent in record.consents))


def _graph(record: IncomingRecord, policies: PolicySet) -> str:
    purpose = policies.purposes.get(record.purpose)
    if purpose is None:
        raise InvalidInput("the policy does not know this purpose", field="purpose", rule="unknown_purpose")
    if not purpose.matches:
        raise InvalidInput("records cannot be matched for this purpose", field="purpose", rule="purpose_does_not_match")
    for place, consent in enumerate(record.consents):
        if consent.purpose != "*" and consent.purpose not in policies.purposes:
            message = "the policy does not know this purpose"
            raise InvalidInput(message, field=f"consents[{place}].purpose", rule="unknown_purpose")
    return purpose.graph


def digest_all(
    identifiers: Sequence[Identifier], policies: PolicySet, jurisdiction: str | None, *, screen: bool = False
) -> Names:
    """Identifiers as sent -> their digests; those that only screen are left out but for records (`screen`).

    Raises InvalidInput with the field of the first one that breaks a rule.
    """
    names = Names()
    for place, identifier in enumerate(identifiers):
        try:
            digests = digests_of(identifier, policies.kinds, jurisdiction)
        except InvalidInput as error:
            raise InvalidInput(str(error), field=f"identifiers[{place}].{error.field}", rule=error.rule) from None
        names.add(place, digests if screen else [one for one in digests if one.use == "link"], policies.kinds)
    return names


def _screen_by_attributes(names: Names, record: IncomingRecord, policies: PolicySet) -> None:
    """NDZ and NameVIN end what the attributes are for; a record with two cars has no NameVIN of its own."""
    vins = [one.value for one in record.identifiers if isinstance(one, RawIdentifier) and one.kind == "vin"]
    vin = vins[0] if len(vins) == 1 else None
    for place, one in enumerate(composite_digests(record.attributes, vin, policies.kinds, record.jurisdiction)):
        names.add(len(record.identifiers) + place, [one], policies.kinds)
