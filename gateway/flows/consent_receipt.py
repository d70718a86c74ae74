"""Journey: the ledger's word on a person becomes a signed record or receipt (ISO/IEC TS 27560; GDPR Art. 7(1), 15).

It holds what stands on exactly the identifiers that the officer names, and nothing of the profile they are linked in.
That it was disclosed is an entry of the log, committed before anything is shown. Each event carries its entry, opened
but for the identifiers, and the proof that the log holds it: the file and the log's key are all that its check needs,
and no file is handed out that does not pass it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gateway.audit.commitments import open_disclosure
from gateway.audit.entries import EntryKind
from gateway.audit.opening import Opening
from gateway.audit.signed import sign_document
from gateway.consent.model import ANY_PURPOSE, EventKind
from gateway.consent.record27560 import Heading, LogProof, RecordedEvent, RegisteredNotice, consent_record
from gateway.consent.verify27560 import disclosed, verify_record
from gateway.flows import audit
from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.record_consent import check_purpose
from gateway.flows.requests import ReceiptRequest
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.name import name, recognize, until_fresh
from gateway.flows.steps.prepare import Names, digest_all
from gateway.kernel.errors import IntegrityError, NotFound
from gateway.kernel.ids import draw, encode
from gateway.storage.ledger import LedgerRow
from gateway.storage.notices import NoticeRow
from gateway.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class _Gathered:
    """What the store holds: rows of the ledger with the kinds they stand on, by position, and what proves them."""

    rows: Mapping[int, LedgerRow]
    kinds: Mapping[int, frozenset[str]]
    leaves: Mapping[int, bytes]
    openings: Mapping[int, bytes]
    notices: Sequence[NoticeRow]


def consent_receipt(gateway: Gateway, caller: Caller, asked: ReceiptRequest) -> bytes:
    """Identifiers and perhaps a purpose -> the bytes of the signed file. Needs the role dpo.

    Raises InvalidInput for an unknown purpose or identifiers that break a rule, NotFound where the ledger is silent,
    IntegrityError when it says what the log does not.
    """
    caller.require(Role.DPO)
    if asked.purpose is not None:
        check_purpose(gateway.policies, asked.purpose)
    names = digest_all(asked.identifiers, gateway.policies, None)
    found = until_fresh(lambda: _gather(gateway, caller, names, asked.purpose))
    record, person = draw(1)[0], draw(1)[0]
    heading = Heading(
        record_id=encode("rec", record),
        principal_id=encode("sub", person),
        made_at=gateway.clock.now(),
        controller=gateway.controller,
        purpose=asked.purpose,
    )
    events = [_event(gateway, caller.tenant_id, found, position) for position in sorted(found.rows)]
    document = consent_record(heading, gateway.policies, events, map(_notice, found.notices))
    key = audit.signing_key(gateway, caller.tenant_id)
    file = sign_document(document, key)
    verify_record(file, key.vkey)
    return file


def _gather(gateway: Gateway, caller: Caller, names: Names, purpose: str | None) -> _Gathered:
    name(gateway, caller.tenant_id, [names])
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        check_store(gateway, unit, merging=False)
        restrictions = unit.log.head().restrictions
        known, _ = recognize(gateway, unit, names.pseudonyms)
        kinds = {known[one.token]: one.kind for one in names.pseudonyms if one.token in known}
        rows = [row for row in unit.ledger.rows(kinds) if purpose is None or row.purpose in (purpose, ANY_PURPOSE)]
        if not rows:
            raise NotFound("the ledger holds nothing of these identifiers that could be shown")
        positions = {row.position for row in rows}
        found = _Gathered(
            rows={row.position: row for row in rows},
            kinds=_kinds_at(rows, kinds),
            leaves=unit.log.leaves_at(positions),
            openings=unit.log.openings_at(positions),
            notices=unit.notices.all(),
        )
        unit.log.lock_unchanged(restrictions)
        _note_disclosure(gateway, caller, unit, purpose)
        unit.commit()
    return found


def _kinds_at(rows: Sequence[LedgerRow], kinds: Mapping[int, str]) -> dict[int, frozenset[str]]:
    at: dict[int, AbstractSet[str]] = {}
    for row in rows:
        at[row.position] = at.get(row.position, frozenset()) | {kinds[row.identifier_id]}
    return {position: frozenset(several) for position, several in at.items()}


def _note_disclosure(gateway: Gateway, caller: Caller, unit: UnitOfWork, purpose: str | None) -> None:
    scribe = Scribe.of(caller, gateway.policies.digest, gateway.clock.now())
    facts: dict[str, str | int] = {"purpose": "any" if purpose is None else purpose}
    unit.log.append([scribe.write(EntryKind.DISCLOSURE_MADE, "consent.receipt", facts)])


def _event(gateway: Gateway, tenant_id: int, found: _Gathered, position: int) -> RecordedEvent:
    row = found.rows[position]
    return RecordedEvent(
        position=position,
        purpose=row.purpose,
        kind=EventKind(row.kind),
        occurred_at=row.occurred_at,
        expires_at=row.expires_at,
        regimes=tuple(row.regimes.split()),
        basis=row.basis,
        channel=row.channel,
        method=row.method,
        notice=row.notice,
        verified=row.verified,
        derived=row.derived,
        site=row.site,
        pii=found.kinds[position],
        proof=LogProof(
            found.leaves[position].decode(),
            _disclosures(found, position, disclosed(row.kind)),
            audit.proof(gateway, tenant_id, position),
        ),
    )


def _disclosures(found: _Gathered, position: int, names: Sequence[str]) -> tuple[str, ...]:
    """The disclosures of these names. Raises IntegrityError when the opening of an entry is gone, its event is not."""
    if position not in found.openings:
        raise IntegrityError("an event of the ledger lacks the opening of its entry: run `gateway audit fsck`")
    texts = Opening.from_bytes(found.openings[position]).disclosures
    return tuple(text for text in texts if open_disclosure(text)[0] in names)


def _notice(row: NoticeRow) -> RegisteredNotice:
    return RegisteredNotice(
        reference=f"{row.notice}@{row.version}",
        languages=tuple(row.languages.split()),
        digest=row.digest,
        in_force_from=row.in_force_from,
    )
