"""Ledger events as a consent record takes them, each with its entry in a small log that was really signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.audit.checkpoint import Checkpoint, sign
from gateway.audit.commitments import open_disclosure
from gateway.audit.merkle import leaf_hash
from gateway.audit.opening import Opening
from gateway.audit.proofs import inclusion_proof
from gateway.audit.signed import sign_document
from gateway.audit.verify import write_proof
from gateway.consent.model import EventKind
from gateway.consent.record27560 import Heading, LogProof, RecordedEvent, RegisteredNotice, consent_record
from gateway.consent.verify27560 import disclosed
from gateway.flows.messages import ConsentAssertion
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.hear import Event
from gateway.kernel.clock import DAY
from gateway.policy.model import PolicySet
from gateway.storage.log import Entry
from tests.unit.audit.logs import KEY, ORIGIN, HashStore
from tests.unit.consent.facts import NOW, POLICIES, PURPOSE

NOTICE = RegisteredNotice(reference="web-2026@2", languages=("en", "de"), digest="sha256:" + "ab" * 32, in_force_from=0)
OTHER = RegisteredNotice(reference="shop@1", languages=("fr",), digest="sha256:" + "cd" * 32, in_force_from=0)
REGISTER = (NOTICE, OTHER)
HIDDEN = 0x3A5C_77D1_90EF_2B46
"""The surrogate id that all these events stand on; no record may show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One event as short as a test wants it."""

    kind: EventKind = EventKind.GRANT
    purpose: str = PURPOSE
    at: int = NOW - DAY
    ends: int | None = None
    basis: str = "consent"
    method: str = "web_form"
    notice: str = NOTICE.reference
    regimes: tuple[str, ...] = ("gdpr",)
    channel: str = "web"
    verified: bool = True
    derived: bool = False
    site: str = ""
    pii: tuple[str, ...] = ("email",)


def recorded(*acts: Act) -> list[RecordedEvent]:
    """The acts as events of one log, in order."""
    entries = [_entry(act) for act in acts]
    store = HashStore([leaf_hash(entry.leaf) for entry in entries])
    note = sign(Checkpoint(ORIGIN, len(entries), store.tree.root()), KEY)
    return [
        _event(act, entry, place, store, note) for place, (act, entry) in enumerate(zip(acts, entries, strict=True))
    ]


def record(
    *acts: Act,
    purpose: str | None = None,
    policies: PolicySet = POLICIES,
    register: Sequence[RegisteredNotice] = REGISTER,
) -> dict[str, Any]:
    """The record of these acts, or the receipt for a purpose, not yet signed."""
    heading = Heading(record_id="rec_1", principal_id="sub_1", made_at=NOW, controller="Shop", purpose=purpose)
    return consent_record(heading, policies, recorded(*acts), register)


def signed(*acts: Act, purpose: str | None = None) -> bytes:
    """The same as a signed file."""
    return sign_document(record(*acts, purpose=purpose), KEY)


def resigned(file: bytes, **changes: object) -> bytes:
    """A signed file with other members, signed again: what a gateway with a fault, or a liar, would hand out."""
    document = {**orjson.loads(file), **changes}
    del document["signature"]
    return sign_document(document, KEY)


def _entry(act: Act) -> Entry:
    said = ConsentAssertion(
        str(act.kind), act.purpose, act.at, act.basis, act.method, act.notice, act.ends, event_id="", site=act.site
    )
    event = Event(said, (HIDDEN,), act.regimes, act.verified, act.derived)
    return Scribe("channel", act.channel, POLICIES.digest, NOW).consent(event)


def _event(act: Act, entry: Entry, place: int, store: HashStore, note: str) -> RecordedEvent:
    texts = Opening.from_bytes(entry.opening).disclosures
    shown = tuple(text for text in texts if open_disclosure(text)[0] in disclosed(act.kind))
    path = inclusion_proof(store, place, store.tree.size)
    return RecordedEvent(
        position=place,
        purpose=act.purpose,
        kind=act.kind,
        occurred_at=act.at,
        expires_at=act.ends,
        regimes=act.regimes,
        basis=act.basis,
        channel=act.channel,
        method=act.method,
        notice=act.notice,
        verified=act.verified,
        derived=act.derived,
        site=act.site,
        pii=frozenset(act.pii),
        proof=LogProof(entry.leaf.decode(), shown, write_proof(place, path, note)),
    )
