"""The offline check of a signed consent record: the file and a verifier key in, `VerifiedRecord` or IntegrityError out.

In this order: the file's form and signature (`gateway.audit.signed`); its version; then for each event that the entry
stands in the log of the key, that each disclosure opens a commitment of it, and that the event says what they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.audit.checkpoint import VerifierKey
from gateway.audit.commitments import commitment, open_disclosure
from gateway.audit.entries import EntryKind, Leaf, parse_leaf
from gateway.audit.signed import open_document
from gateway.audit.verify import verify_proof
from gateway.consent.model import ANY_PURPOSE, PERMISSIVE
from gateway.consent.record27560 import SCHEMA_VERSION
from gateway.kernel.clock import format_instant
from gateway.kernel.errors import IntegrityError


@dataclass(frozen=True, slots=True)
class VerifiedRecord:
    """What was verified: a `record_type` ("record", "receipt") with its id, the log (`origin`), and what is in it."""

    record_type: str
    record_id: str
    origin: str
    purposes: tuple[str, ...]
    events: int


def verify_record(data: bytes, vkey: str) -> VerifiedRecord:
    """Check the bytes of a signed record or receipt under a verifier key text.

    Raises IntegrityError that names the first event that is wrong, by its place from 1.
    """
    key = VerifierKey.parse(vkey)
    document = open_document(data, key)
    header = document.get("header")
    if not isinstance(header, dict) or header.get("schema_version") != SCHEMA_VERSION:
        raise IntegrityError(f"the file is signed, but is no consent record of {SCHEMA_VERSION}")
    for place, event in enumerate(document["events"], start=1):
        try:
            _check_event(event, vkey)
        except IntegrityError as error:
            raise IntegrityError(f"event {place}: {error}") from None
    return VerifiedRecord(
        record_type=header["record_type"],
        record_id=header["record_id"],
        origin=key.name,
        purposes=tuple(one["purpose"] for one in document["processing"]["purposes"]),
        events=len(document["events"]),
    )


def disclosed(kind: str) -> tuple[str, ...]:
    """Kind of a ledger event -> the commitments of its entry that a record opens: never `identifiers`.

    Of what permits also how and on which basis it was said, and the notice shown (GDPR Art. 7(1)).
    """
    return ("occurred_at", "held", "statement") if kind in PERMISSIVE else ("occurred_at", "held")


def _check_event(event: Mapping[str, Any], vkey: str) -> None:
    proof = event["log_proof"]
    raw = proof["leaf"].encode()
    if verify_proof(proof["inclusion"], raw, vkey).index != event["log_index"]:
        raise IntegrityError("the proof is of another entry of the log")
    leaf = parse_leaf(raw)
    opened = _opened(leaf, proof["disclosures"])
    wanted = disclosed(event["ledger_event"])
    if set(opened) != {*wanted}:
        raise IntegrityError("the entry is not opened as a consent record opens it")
    if _public(leaf) != _claimed_public(event):
        raise IntegrityError("the entry is of another act")
    for name in wanted:
        if not _says(name, opened[name], event):
            raise IntegrityError(f"the log says otherwise (commitment {name})")


def _opened(leaf: Leaf, disclosures: list[str]) -> dict[str, object]:
    """Disclosure texts -> the values of the leaf's commitments they open, by name."""
    opened: dict[str, object] = {}
    for text in disclosures:
        name, value = open_disclosure(text)
        if leaf.commitments.get(name) != commitment(text):
            raise IntegrityError("a disclosure fits no commitment of the entry")
        opened[name] = value
    return opened


def _public(leaf: Leaf) -> tuple[object, ...]:
    facts = leaf.facts
    return leaf.kind, facts.get("event"), facts.get("purpose"), facts.get("day"), facts.get("derived")


def _claimed_public(event: Mapping[str, Any]) -> tuple[object, ...]:
    """The same, as the event has it."""
    purpose = "any" if event["purpose"] == ANY_PURPOSE else event["purpose"]
    day, _, _ = event["event_time"].partition("T")
    derived = int(event["event_type"] == "derived")
    return EntryKind.CONSENT_RECORDED.value, event["ledger_event"], purpose, day, derived


def _says(name: str, value: Any, event: Mapping[str, Any]) -> bool:  # noqa: ANN401 - any JSON
    if name == "occurred_at":
        return bool(value == event["event_time"])
    if name == "held":
        regimes, expires_at, verified, *site = value
        ends = None if expires_at is None else format_instant(expires_at)
        claimed = (
            event["jurisdiction"],
            event["expires_at"],
            event["verified"],
            [event["site"]] if event["site"] else [],
        )
        return (regimes, ends, verified, site) == claimed
    _, method, notice, basis = value
    claimed_statement = event["collection_method"] or "", event["privacy_notice"] or "", event["lawful_basis"] or ""
    return (method, notice, basis) == claimed_statement
