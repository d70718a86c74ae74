"""Steps 1 and 2: raw values become digests, digests become pseudonyms; outside any transaction.

A record that breaks a rule becomes a `Problem`; the others go on. After this step no raw value is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gateway.consent.model import Decision
from gateway.flows.context import Caller, Gateway
from gateway.flows.messages import ConsentAssertion, Identifier, IncomingRecord, Outcome, Problem
from gateway.identifiers.digests import digest
from gateway.identifiers.keys import TenantKeys
from gateway.identifiers.model import Pseudonym
from gateway.identifiers.pseudonyms import Pseudonymizer, RecordTokens
from gateway.kernel.errors import InvalidInput
from gateway.policy.model import KindRule, PolicySet
from gateway.storage.tombstones import Tombstone


@dataclass(slots=True, eq=False)
class Named:
    """Somebody named by identifiers: their pseudonyms, the rules of their kinds and, once loaded, their ids."""

    index: int
    pseudonyms: list[Pseudonym]
    rules: list[KindRule]
    ids: tuple[int, ...] = ()


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
    lifts: list[Tombstone] = field(default_factory=list)
    recalled: list[Tombstone] = field(default_factory=list)


def prepare(
    gateway: Gateway, caller: Caller, records: Sequence[IncomingRecord | Problem]
) -> tuple[list[Item], dict[int, Problem]]:
    """Parsed records -> (items by place, problems by place)."""
    keys = gateway.keys.tenant(caller.tenant_id)
    pseudonymizer = Pseudonymizer(keys)
    tokens, event_tokens = RecordTokens(keys, caller.channel), consent_tokens(keys, caller)
    trusted = caller.authority(gateway.policies).rules.verified
    items: list[Item] = []
    problems: dict[int, Problem] = {}
    for index, record in enumerate(records):
        if isinstance(record, Problem):
            problems[index] = record
            continue
        try:
            graph = _graph(record, gateway.policies)
            pseudonyms, rules = pseudonymize(record.identifiers, gateway.policies, pseudonymizer, record.jurisdiction)
        except InvalidInput as error:
            problems[index] = Problem(error.field, error.rule, str(error), index)
            continue
        trust = "trusted" if trusted else "public"
        content = tokens.content(pseudonyms, record.observed_at, record.jurisdiction or "", record.purpose, trust)
        token = tokens.of(record.record_id)
        kept = _tokenized(record, event_tokens)
        items.append(Item(index, pseudonyms, rules, record=kept, graph=graph, token=token, content=content))
    return items, problems


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


def pseudonymize(
    identifiers: Sequence[Identifier], policies: PolicySet, pseudonymizer: Pseudonymizer, jurisdiction: str | None
) -> tuple[list[Pseudonym], list[KindRule]]:
    """Identifiers as sent -> their pseudonyms without repetition, and the rules of their kinds.

    Raises InvalidInput with the field of the first one that breaks a rule.
    """
    pseudonyms: list[Pseudonym] = []
    rules: list[KindRule] = []
    seen: set[bytes] = set()
    for place, identifier in enumerate(identifiers):
        try:
            digests = digest(identifier, policies.kinds, jurisdiction)
        except InvalidInput as error:
            raise InvalidInput(str(error), field=f"identifiers[{place}].{error.field}", rule=error.rule) from None
        for one in digests:
            pseudonym = pseudonymizer.pseudonym(one)
            if pseudonym.token not in seen:
                seen.add(pseudonym.token)
                pseudonyms.append(pseudonym)
                rules.append(policies.kinds[one.kind])
    return pseudonyms, rules
