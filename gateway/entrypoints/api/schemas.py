"""Bodies and answers as the OpenAPI document shows them. They document: `wire` reads bodies, `answers` writes answers.

The contract test in `tests/doors/test_schemathesis.py` holds what is answered to what is written here.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from marshmallow import RAISE, Schema, fields

from gateway.audit.signed import ALGORITHM
from gateway.entrypoints.api.bodies import MAX_ITEMS
from gateway.entrypoints.wire.consents import ConsentEventSchema
from gateway.entrypoints.wire.fields import Child, Flag, Items, WireSchema, Word
from gateway.entrypoints.wire.records import RecordSchema
from gateway.flows.messages import Outcome
from gateway.rights.model import Action, RequestKind, State
from gateway.rights.reasons import DENIALS, HOLD_REASONS
from gateway.rights.verification import METHODS

ACCEPTED: Final = "accepted"


def _text(description: str = "", **schema: object) -> fields.String:
    described = {"description": description} if description else {}
    return fields.String(required=True, metadata={**described, **schema})


def _word(*words: str, description: str = "") -> fields.String:
    return _text(description, enum=list(words))


def _time(*, known: bool = True) -> fields.String:
    return fields.String(required=True, allow_none=not known, metadata={"format": "date-time"})


def _count(description: str = "") -> fields.Integer:
    return fields.Integer(required=True, metadata={"minimum": 0, "description": description})


def _texts() -> fields.List[str]:
    return fields.List(fields.String(), required=True)


def _list(of: type[Schema]) -> fields.List[Any]:
    return fields.List(fields.Nested(of), required=True)


def _counts(description: str) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True, metadata={"description": description}
    )


def _object(description: str) -> fields.Dict:
    return fields.Dict(keys=fields.String(), required=True, metadata={"description": description})


def _objects(description: str) -> fields.List[Any]:
    return fields.List(
        fields.Dict(keys=fields.String(), metadata={"minProperties": 1}),
        required=True,
        metadata={"description": description},
    )


class Answer(Schema):
    """Base of all answers: what is not described is not there."""

    class Meta:
        """marshmallow's options."""

        unknown = RAISE


class ProblemSchema(Answer):
    """An error (RFC 9457)."""

    type = _text("about:blank, or the URN of a family of errors")
    title = _text()
    status = fields.Integer(required=True)
    detail = fields.String(metadata={"description": "For a person; never shows a value"})
    field = fields.String(metadata={"description": "Path such as identifiers[1].value"})
    rule = fields.String(metadata={"description": "Slug of the rule that was broken"})
    index = fields.Integer(metadata={"description": "Place of the record, from 0"})


class ItemProblemSchema(Answer):
    """What is wrong with one record or event of a batch."""

    field = _text("Path such as identifiers[1].value")
    rule = _text("Slug of the rule that was broken")
    message = _text("For a person; never shows a value")
    index = fields.Integer(metadata={"description": "Place in the batch, from 0"})


class RecordsSchema(WireSchema):
    """Records of one call."""

    records = Items(Child(RecordSchema), least=0, most=MAX_ITEMS, required=True)


class ConsentsSchema(WireSchema):
    """Consent events of one call."""

    consents = Items(Child(ConsentEventSchema), least=0, most=MAX_ITEMS, required=True)


class DecisionSchema(Answer):
    """What was decided, and why."""

    id = _text()
    permitted = fields.Boolean(required=True)
    purpose = _text()
    rule = _text("Rule of the policy that decided")
    reason = _text()
    regimes = _texts()
    policy = _text("Digest of the policy set")
    expires_at = _time(known=False)


class RecordResultSchema(Answer):
    """What became of a record; of a client without the scope `outcomes` only accepted or invalid."""

    record_id = _text("Empty where the record could not be read")
    outcome = _word(*get_args(Outcome), ACCEPTED)
    profile_id = fields.String(metadata={"description": "Id of the profile for this client"})
    decision = fields.Nested(DecisionSchema)
    problem = fields.Nested(ItemProblemSchema)
    gpc = fields.String(metadata={"description": "The opt-out was honored, for display", "enum": ["honored"]})


class RecordResultsSchema(Answer):
    """A result per record, in order."""

    results = _list(RecordResultSchema)


class ConsentResultSchema(Answer):
    """What became of an event; of a client without the scope `outcomes` only accepted or invalid."""

    outcome = _word("recorded", "known", "refused", "suppressed", "invalid", ACCEPTED)
    links_retracted = fields.Integer(metadata={"description": "Records that lost their basis by it"})
    problem = fields.Nested(ItemProblemSchema)


class ConsentResultsSchema(Answer):
    """A result per event, in order."""

    results = _list(ConsentResultSchema)


class OverruledSchema(Answer):
    """An event to the contrary, over which the deciding one prevails: the person acted later, or restricted."""

    event = _text()
    occurred_at = _time()
    position = fields.Integer(required=True, metadata={"description": "Its entry in the log"})
    channel = _text()
    method = _text()


class IdentifierConsentSchema(Answer):
    """What the ledger says of one identifier of the query."""

    place = _count("Place of the identifier in the query, from 0")
    kind = _text()
    event = _text("The event that decides; empty where the ledger is silent")
    occurred_at = _time(known=False)
    position = fields.Integer(required=True, allow_none=True, metadata={"description": "Its entry in the log"})
    derived = fields.Boolean(required=True)
    overruled = _list(OverruledSchema)


class ConsentStateSchema(Answer):
    """What the ledger says about a purpose."""

    purpose = _text()
    permitted = fields.Boolean(required=True)
    rule = _text()
    reason = _text()
    regimes = _texts()
    as_of = _time()
    known_at = _time()
    expires_at = _time(known=False)
    may_ask_at = _time(known=False)
    identifiers = _list(IdentifierConsentSchema)


class SignatureSchema(Answer):
    """The signature of a document: over its canonical form (RFC 8785) without the member `value`."""

    algorithm = _word(ALGORITHM)
    key = _text("Name of the log's key")
    key_id = _text("First four bytes of the key's id, in hex")
    value = _text("Base64")


class ConsentRecordSchema(Answer):
    """A consent record or receipt after ISO/IEC TS 27560, signed."""

    header = _object("schema_version, record_type, record_id, pii_principal_id, created_at, policy")
    processing = _object("Notices shown, and each purpose with its lawful basis, recipients and how to withdraw")
    parties = _objects("Controller, recipients and channels")
    events = _objects("What the ledger holds, in order, each with its proof from the log")
    signature = fields.Nested(SignatureSchema, required=True)


class ViewedIdentifierSchema(Answer):
    """An identifier by kind, channels and dates, never by value."""

    kind = _text()
    channels = _texts()
    first_seen = _time()
    last_seen = _time()


class ProfileSchema(Answer):
    """A profile in the view of a purpose."""

    profile_id = fields.String(required=True, allow_none=True)
    purpose = _text()
    permitted = fields.Boolean(required=True)
    rule = _text()
    reason = _text()
    identifiers = _list(ViewedIdentifierSchema)
    withheld = _counts("Identifiers not shown, by reason")


class ChangeSchema(Answer):
    """One change of profiles."""

    position = _count("Entry of the log")
    kind = _text()
    profiles = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={"description": "Profile ids for this client, by their part in the change"},
    )
    made_at = _time()


class ChangesSchema(Answer):
    """A page of the feed."""

    changes = _list(ChangeSchema)
    next = _count("What to pass as `after` next time")


class VerifySchema(WireSchema):
    """How the person was proved to be it."""

    proof = Word(sorted(METHODS), "unknown_proof", required=True)


class ApproveSchema(WireSchema):
    """Whether an erasure also takes what hangs on links that the cascade does not follow by itself."""

    include_untrusted = Flag()


class DenySchema(WireSchema):
    """Why the request is denied."""

    reason = Word(DENIALS, "unknown_reason", required=True)


class HoldSchema(WireSchema):
    """Why the request waits."""

    reason = Word(HOLD_REASONS, "unknown_reason", required=True)


class NothingSchema(WireSchema):
    """No fields."""


class RequestStepSchema(Answer):
    """One step of a request and its entry in the log."""

    step = _text()
    position = _count("Entry of the log")
    at = _time()


class RequestSchema(Answer):
    """A privacy request."""

    id = _text()
    request = _word(*RequestKind)
    state = _word(*State)
    regime = _text()
    jurisdiction = _text()
    purposes = _texts()
    proof = _text("Empty while nobody proved to be the person")
    received_at = _time()
    due_at = _time()
    acknowledge_by = _time(known=False)
    extended = fields.Boolean(required=True)
    hold_reason = _text()
    hold_since = _time(known=False)
    denial = _text()
    completed_at = _time(known=False)
    step = _text("Last finished step of the cascade")
    possible = fields.List(_word(*Action), required=True)
    steps = _list(RequestStepSchema)
    preflight = fields.Dict(
        required=True, allow_none=True, metadata={"description": "What the run would do, as counts"}
    )


class RequestsSchema(Answer):
    """Privacy requests, the most urgent first."""

    requests = _list(RequestSchema)


class ReceiptSchema(Answer):
    """What a completed request did, with its proof from the log."""

    completed_at = _time()
    counts = _counts("Rows erased or changed, by table")
    kind = _word(*RequestKind)
    last_backup_day = _text("Day on which the last backup that holds the person expires", format="date")
    log_index = _count("Entry of the log")
    processors = _texts()
    proof = _text("tlog-proof file (c2sp.org/tlog-proof)")
    request = _text()
    statement = _text()


class EntrySchema(Answer):
    """One leaf of the log."""

    index = _count()
    leaf = _text("Canonical JSON; its UTF-8 bytes are the leaf")


class EntriesSchema(Answer):
    """Leaves of the log, in order."""

    entries = _list(EntrySchema)


class PathSchema(Answer):
    """Hashes of a proof (RFC 6962), in order, Base64."""

    hashes = _texts()


class ExportSchema(Answer):
    """An export that can be fetched."""

    id = _text()
    origin = _text("Name of the log")
    size = _count("Entries in it")


class HealthSchema(Answer):
    """Whether the process is alive."""

    status = _word("ok")


class GpcSchema(Answer):
    """That Global Privacy Control is supported."""

    gpc = fields.Boolean(required=True)
    lastUpdate = fields.Date(required=True)  # noqa: N815 - the name in the GPC specification


class ReadinessSchema(Answer):
    """Whether the gateway can serve, and what keeps it from it."""

    status = _word("ready", "not_ready")
    checks = fields.Dict(
        keys=fields.String(), values=fields.String(), required=True, metadata={"description": "ok, or what is wrong"}
    )


def content(media_type: str, **schema: Any) -> dict[str, Any]:
    """An answer that is no JSON: its media type and schema."""
    return {media_type: {"schema": {"type": "string", **schema}}}
