"""Records on the wire (DESIGN.md section 9, "A record").

`parse_record` tries the plain case first (`plain`); whatever that does not take goes to `RecordSchema`, which
decides and words the problem. `tests/properties/test_fast_paths.py` holds the two together.
"""

from __future__ import annotations

from typing import Any, Final

from marshmallow import post_load

from gateway.entrypoints.wire.consents import ConsentSchema
from gateway.entrypoints.wire.fields import (
    Child,
    Flag,
    Instant,
    Items,
    Jurisdiction,
    Slug,
    Text,
    WireSchema,
    ahead,
    load,
)
from gateway.entrypoints.wire.identifiers import identifiers_field
from gateway.entrypoints.wire.instants import MAX_SKEW
from gateway.entrypoints.wire.plain import ATTRIBUTES, MAX_CONSENTS, MAX_RECORD_ID, plain_record
from gateway.flows.messages import IncomingRecord, Problem

AttributesSchema = WireSchema.from_dict({name: Text() for name in ATTRIBUTES}, name="AttributesSchema")
"""What the channel knows about the person, all strings as the channel has them."""


MAX_SIGNAL: Final = 16_384


class SignalsSchema(WireSchema):
    """Signals that came with the record: `Sec-GPC: 1`, a TC string, a GPP string, a US Privacy string."""

    gpc = Flag()
    tcf = Text(MAX_SIGNAL)
    gpp = Text(MAX_SIGNAL)
    usp = Text(MAX_SIGNAL)


class RecordSchema(WireSchema):
    """One record -> IncomingRecord."""

    record_id = Text(MAX_RECORD_ID, least=1, required=True)
    observed_at = Instant(required=True)
    identifiers = identifiers_field()
    attributes = Child(AttributesSchema)
    jurisdiction = Jurisdiction()
    signals = Child(SignalsSchema)
    consents = Items(Child(ConsentSchema), least=0, most=MAX_CONSENTS)
    purpose = Slug()

    @post_load
    def build(self, data: dict[str, Any], **_options: object) -> IncomingRecord:
        """Fields -> record."""
        signals = data.pop("signals", {})
        return IncomingRecord(**data, **signals)


_RECORD: Final = RecordSchema()


def parse_record(data: object, index: int, now: int) -> IncomingRecord | Problem:
    """One object of POST /v1/records or one line of NDJSON, its place in the batch and the time in milliseconds ->
    record, or what is wrong with it: field, rule, message, index, never a value.

    Times more than five minutes ahead of `now` are a problem (rule future_date). Never raises.
    """
    return plain_record(data, now) or by_schema(data, index, now)


def by_schema(data: object, index: int, now: int) -> IncomingRecord | Problem:
    """The same as `parse_record`, by the schema alone."""
    record: IncomingRecord | Problem = load(_RECORD, data, index)
    if isinstance(record, Problem):
        return record
    moments = [("observed_at", record.observed_at)]
    moments += [(f"consents[{place}].occurred_at", each.occurred_at) for place, each in enumerate(record.consents)]
    return ahead(moments, now + MAX_SKEW, index) or record
