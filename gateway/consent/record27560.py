"""Consent records and receipts after ISO/IEC TS 27560:2023: what the ledger says of one person, as JSON-able data.

The members are those of the standard, whose own names they bear: header, processing, parties, events. States of events
are terms of the W3C Data Privacy Vocabulary (https://w3id.org/dpv, guide "Consent 27560"). A receipt is the record of
one purpose. Neither holds an identifier: kinds only, and ids made for the one document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.consent.model import ANY_PURPOSE, NO_STATE, PERMISSIVE, EventKind
from gateway.kernel.clock import DAY, SECOND, format_instant
from gateway.policy.model import PolicySet

SCHEMA_VERSION = "ISO/IEC TS 27560:2023"

STATES: Mapping[EventKind, str] = MappingProxyType(
    {
        EventKind.GRANT: "dpv:ConsentGiven",
        EventKind.OPT_IN: "dpv:ConsentGiven",
        EventKind.DENY: "dpv:ConsentRefused",
        EventKind.WITHDRAW: "dpv:ConsentWithdrawn",
        EventKind.EXPIRE: "dpv:ConsentExpired",
        EventKind.INVALIDATE: "dpv:ConsentInvalidated",
        EventKind.OBJECT: "dpv:ConsentStatusInvalidForProcessing",
        EventKind.OPT_OUT: "dpv:ConsentStatusInvalidForProcessing",
        EventKind.RESTRICT: "dpv:ConsentStatusInvalidForProcessing",
        EventKind.MINOR: "dpv:ConsentStatusInvalidForProcessing",
        EventKind.UNRESTRICT: "dpv:ConsentUnknown",
        EventKind.SIGNAL: "dpv:ConsentUnknown",
    }
)
"""`event_state` by kind. What forbids without being a word on consent has DPV's general term, what says nothing of
consent its term for the unknown; `ledger_event` tells them apart.
"""
_EXPLICIT = frozenset({"explicit_consent", "separate_consent", "signed_authorization"})
_CONTROLLER = "controller"


@dataclass(frozen=True, slots=True)
class LogProof:
    """How an event stands in the tenant's log: the `leaf` of its entry (canonical JSON), disclosures that open some of
    its commitments (never the one of the identifiers), and its inclusion proof (c2sp.org/tlog-proof).
    """

    leaf: str
    disclosures: tuple[str, ...] = field(repr=False)
    inclusion: str

    def as_json(self) -> dict[str, object]:
        """The three as JSON-able values."""
        return {"leaf": self.leaf, "disclosures": list(self.disclosures), "inclusion": self.inclusion}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """One event of the ledger. Times in milliseconds; `pii` are the kinds of the person's identifiers it stands on."""

    position: int
    purpose: str
    kind: EventKind
    occurred_at: int
    expires_at: int | None
    regimes: tuple[str, ...]
    basis: str
    channel: str
    method: str
    notice: str
    verified: bool
    derived: bool
    site: str
    pii: frozenset[str]
    proof: LogProof

    def concerns(self, purpose: str) -> bool:
        """Whether it is about `purpose`, alone or with all others."""
        return self.purpose in (purpose, ANY_PURPOSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredNotice:
    """A version of a notice: `digest` is `sha256:<hex>` over its text, `languages` are BCP 47."""

    reference: str
    languages: tuple[str, ...]
    digest: str
    in_force_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What names a document. `record_id` and `principal_id` are drawn for it alone; `made_at` in milliseconds; a
    `purpose` makes it a receipt.
    """

    record_id: str
    principal_id: str
    made_at: int
    controller: str
    purpose: str | None = None


def consent_record(
    heading: Heading,
    policies: PolicySet,
    events: Sequence[RecordedEvent],
    notices: Iterable[RegisteredNotice],
) -> dict[str, object]:
    """The events of one person, in the order of the log, and the register -> the record or receipt, not yet signed.

    Of the register only what the events name is in it, of the events for a receipt only those about its purpose.
    """
    held = [one for one in events if heading.purpose is None or one.concerns(heading.purpose)]
    named = {one.notice for one in held}
    shown = {one.reference: one for one in notices if one.reference in named}
    purposes = [heading.purpose] if heading.purpose is not None else _purposes(policies, held)
    return {
        "header": {
            "schema_version": SCHEMA_VERSION,
            "record_type": "record" if heading.purpose is None else "receipt",
            "record_id": heading.record_id,
            "pii_principal_id": heading.principal_id,
            "created_at": format_instant(heading.made_at),
            "policy": policies.digest,
        },
        "processing": {
            "privacy_notice": [_notice(one) for one in shown.values()],
            "purposes": [_processing(policies, name, held) for name in purposes],
        },
        "parties": _parties(heading.controller, policies, purposes, held),
        "events": [_event(policies, one, shown) for one in held],
    }


def _purposes(policies: PolicySet, events: Sequence[RecordedEvent]) -> list[str]:
    """What the person's word is about; a word on all purposes is about each of the policy's."""
    said = [one.purpose for one in events if one.kind not in NO_STATE]
    if ANY_PURPOSE in said:
        said += policies.purposes
    return sorted({*said} - {ANY_PURPOSE})


def _notice(notice: RegisteredNotice) -> dict[str, object]:
    name, _, version = notice.reference.partition("@")
    return {
        "reference": notice.reference,
        "name": name,
        "version": version,
        "language": list(notice.languages),
        "digest": notice.digest,
        "in_force_from": format_instant(notice.in_force_from),
    }


def _processing(policies: PolicySet, purpose: str, events: Sequence[RecordedEvent]) -> dict[str, object]:
    about = [one for one in events if one.concerns(purpose)]
    granted = [one for one in about if one.kind in PERMISSIVE]
    regimes = sorted({name for one in about for name in one.regimes})
    rule = policies.purposes.get(purpose)
    return {
        "purpose": purpose,
        "purpose_description": "" if rule is None else rule.description,
        "purpose_type": "special_category" if rule is not None and rule.special else "ordinary",
        "lawful_basis": sorted({one.basis for one in granted} - {""}),
        "pii_information": sorted({kind for one in about for kind in one.pii}),
        "pii_controllers": [_CONTROLLER],
        "collection_method": sorted({one.method for one in granted} - {""}),
        "processing_method": None if rule is None else _method(rule.graph, matches=rule.matches),
        "storage_locations": None,
        "retention_period": _retention(policies, about),
        "jurisdiction": [_jurisdiction(policies, name) for name in regimes],
        "recipient_third_parties": _recipients(policies, [purpose]),
        "withdrawal_method": {
            "channels": sorted({one.channel for one in granted if not one.derived}),
            "events": [str(EventKind.WITHDRAW), str(EventKind.OBJECT), str(EventKind.OPT_OUT)],
        },
    }


def _method(graph: str, *, matches: bool) -> str:
    done = "linking pseudonyms into" if matches else "reading"
    return f"automated: {done} the profiles of the graph {graph}"


def _retention(policies: PolicySet, events: Iterable[RecordedEvent]) -> dict[str, object]:
    """ISO 8601 durations by kind from the last record that asserts it, None as long as the profile; and how long what
    no purpose permits any more is kept.
    """
    rules = [policies.kinds[kind] for kind in sorted({kind for one in events for kind in one.pii})]
    by_kind = {rule.name: None if rule.retention_days is None else f"P{rule.retention_days}D" for rule in rules}
    return {"by_kind": by_kind, "unpermitted": f"P{policies.retention.unpermitted_grace_days}D"}


def _jurisdiction(policies: PolicySet, name: str) -> dict[str, object]:
    regime = policies.regimes.get(name)
    return {"regime": name, "title": name if regime is None else regime.title}


def _recipients(policies: PolicySet, purposes: Sequence[str]) -> list[dict[str, object]]:
    return [
        {"name": one.name, "role": one.role, "country": one.country, "transfer": one.transfer}
        for _, one in sorted(policies.recipients.items())
        if not one.purposes.isdisjoint(purposes)
    ]


def _parties(
    controller: str, policies: PolicySet, purposes: Sequence[str], events: Iterable[RecordedEvent]
) -> list[dict[str, object]]:
    recipients = [(f"recipient:{one['name']}", one["role"], one["name"]) for one in _recipients(policies, purposes)]
    channels = [(f"channel:{name}", "channel", name) for name in sorted({one.channel for one in events})]
    return [
        {"party_id": party, "party_type": kind, "name": name}
        for party, kind, name in [(_CONTROLLER, _CONTROLLER, controller), *recipients, *channels]
    ]


def _event(policies: PolicySet, event: RecordedEvent, shown: Mapping[str, RegisteredNotice]) -> dict[str, object]:
    """Of an event that does not permit neither basis (a signal's is a token of its text) nor unregistered notice."""
    ends = _ends(policies, event)
    permissive = event.kind in PERMISSIVE
    notice = event.notice if permissive or event.notice in shown else ""
    return {
        "event_time": format_instant(event.occurred_at),
        "validity_duration": None if ends is None else _duration(max(ends - event.occurred_at, 0)),
        "entity_id": f"channel:{event.channel}",
        "event_type": _event_type(event),
        "event_state": STATES[event.kind],
        "ledger_event": str(event.kind),
        "purpose": event.purpose,
        "lawful_basis": event.basis or None if permissive else None,
        "collection_method": event.method or None if permissive else None,
        "privacy_notice": notice or None,
        "notice_digest": shown[notice].digest if notice in shown else None,
        "jurisdiction": list(event.regimes),
        "expires_at": None if event.expires_at is None else format_instant(event.expires_at),
        "site": event.site or None,
        "verified": event.verified,
        "log_index": event.position,
        "log_proof": event.proof.as_json(),
    }


def _event_type(event: RecordedEvent) -> str:
    """How it was expressed; `derived` is what the gateway wrote because the person's act reaches this identifier."""
    if event.derived:
        return "derived"
    return "explicit" if event.basis in _EXPLICIT else "expressed"


def _ends(policies: PolicySet, event: RecordedEvent) -> int | None:
    """When it ends of itself: as was said, or by the shortest lifetime of a consent under its regimes."""
    ends = [] if event.expires_at is None else [event.expires_at]
    if event.kind in PERMISSIVE:
        regimes = [policies.regimes[name] for name in event.regimes if name in policies.regimes]
        rules = [regime.rule(event.purpose, event.occurred_at) for regime in regimes]
        days = [rule.consent_lifetime_days for rule in rules if rule is not None]
        ends += [event.occurred_at + count * DAY for count in days if count is not None]
    return min(ends, default=None)


def _duration(milliseconds: int) -> str:
    """Milliseconds -> ISO 8601 duration in days and seconds."""
    days, rest = divmod(milliseconds, DAY)
    seconds, fraction = divmod(rest, SECOND)
    return f"P{days}D" + (f"T{seconds}.{fraction:03d}S" if rest else "")
