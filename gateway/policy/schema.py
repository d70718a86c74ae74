"""What each file of a policy set may say: one schema per file, and no key beyond it (`unknown = RAISE`).

Loading gives dictionaries whose keys are the field names of `gateway.policy.model`, already in its types. In the files
dates are `YYYY-MM-DD` in UTC, and `effective_to` is the last day on which a rule holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from gateway.kernel.clock import DAY
from gateway.policy.model import Period

LEGAL_BASES: Final = (
    "consent",
    "contract",
    "legal_obligation",
    "vital_interests",
    "public_task",
    "legitimate_interest",
)
UNKNOWN: Final = "unknown key"

_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CENTURY_DAYS: Final = 36_525

_name = Regexp(r"[a-z][a-z0-9_]{0,39}\Z", error="lower-case letters, digits and _ are needed, at most 40")
_rule_id = Regexp(r"[a-z][a-z0-9_.-]{2,79}\Z", error="lower-case letters, digits, _ . - are needed, 3 to 80")
_jurisdiction = Regexp(r"[A-Z]{2}(-[A-Z0-9]{1,3})?\Z", error="an ISO 3166 code such as DE or US-CA is needed")


class Flag(fields.Field[bool]):
    """`true` or `false`, and nothing that merely looks like them."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> bool:
        del attr, data
        if not isinstance(value, bool):
            raise ValidationError("true or false is needed")
        return value


class Day(fields.Field[int]):
    """`YYYY-MM-DD` -> milliseconds of its first moment in UTC."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> int:
        del attr, data
        return int(datetime.combine(_date(value), time(), UTC).timestamp()) * 1000


class IsoDate(fields.Field[str]):
    """`YYYY-MM-DD`, kept as text."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_options: Any) -> str:
        del attr, data
        return _date(value).isoformat()


class SetOf(fields.Field[frozenset[str] | None]):
    """A list without repetitions -> a frozen set; with `word`, that word alone stands for no limit (None)."""

    def __init__(self, item: fields.Field[str], *, at_least: int = 0, word: str | None = None) -> None:
        super().__init__(required=True)
        self._list = fields.List(item, validate=Length(min=at_least))
        self._word = word

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> frozenset[str] | None:
        if self._word is not None and value == self._word:
            return None
        items = self._list.deserialize(value, attr, data, **options)
        repeated = {index: ["repeated"] for index, item in enumerate(items) if item in items[:index]}
        if repeated:
            raise ValidationError(repeated)
        return frozenset(item for item in items if item is not None)


def _date(value: object) -> date:
    try:
        if isinstance(value, str) and _ISO_DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValidationError("a date YYYY-MM-DD is needed")


def _whole(least: int, most: int = _CENTURY_DAYS, *, optional: bool = False) -> fields.Integer:
    return fields.Integer(required=True, strict=True, allow_none=optional, validate=Range(least, most))


def _text(most: int = 400) -> fields.String:
    return fields.String(required=True, validate=Length(1, most))


def _choice(*allowed: str) -> fields.String:
    return fields.String(required=True, validate=OneOf(allowed))


def _rows(row: type[Schema], keys: Regexp = _name) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=keys), values=fields.Nested(row), required=True, validate=Length(min=1)
    )


class StrictSchema(Schema):
    """Base of all: an unknown key is an error."""

    error_messages = {"unknown": UNKNOWN, "type": "a mapping of keys is needed"}  # noqa: RUF012 - marshmallow's interface

    class Meta:
        """marshmallow's options."""

        unknown = RAISE


class PeriodSchema(StrictSchema):
    """A legal period such as `{months: 1}`."""

    months = fields.Integer(strict=True, validate=Range(1, 24))
    days = fields.Integer(strict=True, validate=Range(1, 730))
    business_days = fields.Integer(strict=True, validate=Range(1, 365))

    @validates_schema
    def exactly_one(self, data: dict[str, int], **_options: Any) -> None:
        """Raise ValidationError unless one unit is given."""
        if len(data) != 1:
            raise ValidationError("exactly one of months, days, business_days is needed")

    @post_load
    def build(self, data: dict[str, int], **_options: Any) -> Period:
        """Units -> Period."""
        return Period(**data)


class RuleSchema(StrictSchema):
    """What every rule row carries."""

    id = fields.String(required=True, validate=_rule_id)
    citation = _text()
    effective_from = Day(required=True)
    effective_to = Day(required=True, allow_none=True)

    @validates_schema
    def in_order(self, data: dict[str, Any], **_options: Any) -> None:
        """Raise ValidationError when the rule ends before it begins."""
        if data["effective_to"] is not None and data["effective_to"] < data["effective_from"]:
            raise ValidationError("before effective_from", "effective_to")

    @post_load
    def end_of_last_day(self, data: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """The last day of the file -> the first moment at which the rule no longer holds."""
        if data["effective_to"] is not None:
            data["effective_to"] += DAY
        return data


class ConsentRow(RuleSchema):
    """One purpose under one regime."""

    default = _choice("deny", "allow")
    legal_bases = SetOf(fields.String(validate=OneOf(LEGAL_BASES)))
    consent_lifetime_days = _whole(1, optional=True)


class RightsRow(RuleSchema):
    """One kind of request under one regime."""

    acknowledge = fields.Nested(PeriodSchema, required=True, allow_none=True)
    answer = fields.Nested(PeriodSchema, required=True)
    extension = fields.Nested(PeriodSchema, required=True, allow_none=True)
    verification = _choice("required", "forbidden")
    verification_pauses = Flag(required=True)

    @validates_schema
    def pauses_for_something(self, data: dict[str, Any], **_options: Any) -> None:
        """Raise ValidationError when a verification that is forbidden would pause the clock."""
        if data["verification_pauses"] and data["verification"] == "forbidden":
            raise ValidationError("a forbidden verification cannot pause", "verification_pauses")


class RightsTable(StrictSchema):
    """All six kinds of request."""

    access = fields.Nested(RightsRow, required=True)
    erasure = fields.Nested(RightsRow, required=True)
    portability = fields.Nested(RightsRow, required=True)
    opt_out = fields.Nested(RightsRow, required=True)
    objection = fields.Nested(RightsRow, required=True)
    restriction = fields.Nested(RightsRow, required=True)


class RegimeFile(StrictSchema):
    """One law: gdpr.yaml, uk_gdpr.yaml, ccpa.yaml and others."""

    name = fields.String(required=True, validate=_name)
    title = _text()
    jurisdictions = SetOf(fields.String(validate=_jurisdiction), at_least=1)
    strictness = _whole(1, 1000)
    holidays = SetOf(IsoDate())
    consent = _rows(ConsentRow)
    rights = fields.Nested(RightsTable, required=True)


class PurposeRow(StrictSchema):
    """One purpose."""

    graph = fields.String(required=True, validate=_name)
    matches = Flag(required=True)
    description = _text()


class PurposesFile(StrictSchema):
    """purposes.yaml: what data may be used for."""

    purposes = _rows(PurposeRow)


class KindRow(StrictSchema):
    """One kind of identifier."""

    normalizer = _choice("email", "phone", "plain", "casefold", "compact", "screen")
    scope = _choice("person", "device", "household", "screen")
    may_link = Flag(required=True)
    rank = _whole(0, 9)
    namespaced = Flag(load_default=False)
    per_profile = _whole(1, 1_000_000)
    shared_above = _whole(1, 1_000_000)
    deny = SetOf(fields.String(validate=Length(max=200)))
    retention_days = _whole(1, optional=True)

    @validates_schema
    def households_never_link(self, data: dict[str, Any], **_options: Any) -> None:
        """Raise ValidationError when a household's kind may link: what a building shares never links by itself."""
        if data["scope"] == "household" and data["may_link"]:
            raise ValidationError("what a household shares may not link", "may_link")

    @validates_schema
    def screens_are_formed_here(self, data: dict[str, Any], **_options: Any) -> None:
        """Raise ValidationError unless a kind that only screens has no normalizer of its own and links nobody."""
        if (data["scope"] == "screen") != (data["normalizer"] == "screen"):
            raise ValidationError("scope and normalizer are `screen` together or not at all", "normalizer")
        if data["scope"] == "screen" and data["may_link"]:
            raise ValidationError("what is formed for screening may not link", "may_link")


class IdentifiersFile(StrictSchema):
    """identifiers.yaml: `junk` is denied for every kind, in any letter case."""

    junk = SetOf(fields.String(validate=Length(max=200)))
    kinds = _rows(KindRow)


class ClassRow(StrictSchema):
    """One class of clients."""

    jurisdictions = SetOf(fields.String(validate=_jurisdiction), at_least=1, word="any")
    purposes = SetOf(fields.String(validate=_name), at_least=1, word="any")
    grants_for = SetOf(fields.String(validate=OneOf(["person", "device"])))
    verified = Flag(required=True)
    max_clock_skew_seconds = _whole(0, 86_400)


class ClassesTable(StrictSchema):
    """The two classes."""

    trusted = fields.Nested(ClassRow, required=True)
    public = fields.Nested(ClassRow, required=True)


class ClientsFile(StrictSchema):
    """clients.yaml: who may assert what."""

    classes = fields.Nested(ClassesTable, required=True)


class RetentionFile(StrictSchema):
    """retention.yaml, in days."""

    backups_days = _whole(1)
    accountability_days = _whole(1)
    export_package_days = _whole(1)
    change_feed_days = _whole(1)
    tombstone_days = fields.Dict(keys=fields.String(validate=_name), values=_whole(1), required=True)


SHARED_FILES: Final[Mapping[str, type[StrictSchema]]] = {
    "purposes.yaml": PurposesFile,
    "identifiers.yaml": IdentifiersFile,
    "clients.yaml": ClientsFile,
    "retention.yaml": RetentionFile,
}
