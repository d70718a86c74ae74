"""What each file of a policy set may say: one schema per file, and no key beyond it (`unknown = RAISE`).

Loading gives dictionaries whose keys are the field names of `gateway.policy.model`, already in its types. In the files
dates are `YYYY-MM-DD` in UTC, and `effective_to` is the last day on which a rule holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range

from gateway.kernel.clock import DAY
from gateway.policy.fields import (
    JURISDICTION,
    NAME,
    PLACE,
    RULE_ID,
    Day,
    Flag,
    IsoDate,
    SetOf,
    choice,
    rows,
    text,
    whole,
)
from gateway.policy.model import AgeGate, Period

LEGAL_BASES: Final = (
    "consent",
    "explicit_consent",
    "separate_consent",
    "parental_consent",
    "signed_authorization",
    "strictly_necessary",
    "contract",
    "legal_obligation",
    "vital_interests",
    "public_task",
    "legitimate_interest",
)
SPECIAL: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "explicit_consent": ("deny", frozenset({"explicit_consent"})),
    "opt_in": ("deny", frozenset({"consent", "explicit_consent"})),
    "separate_consent": ("deny", frozenset({"separate_consent", "signed_authorization"})),
    "strictly_necessary": ("deny", frozenset({"strictly_necessary"})),
    "limit_use": ("allow", frozenset()),
    "opt_out": ("allow", frozenset()),
}
"""How special data are treated: the default, and the only bases that may lift a refusal."""

GPP_OPT_OUTS: Final = ("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut")
"""Fields of GPP's US sections that say 1 for opted out."""

UNKNOWN: Final = "unknown key"


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

    id = fields.String(required=True, validate=RULE_ID)
    citation = text()
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


class AgeGateRow(StrictSchema):
    """What a person under an age needs."""

    under = whole(1, 30)
    legal_bases = SetOf(fields.String(validate=OneOf(LEGAL_BASES)))

    @post_load
    def build(self, data: dict[str, Any], **_options: Any) -> AgeGate:
        """Keys -> AgeGate."""
        return AgeGate(**data)


class SignalsOfRule(StrictSchema):
    """What each signal does under a rule; one that is not named does nothing."""

    gpc = fields.String(validate=OneOf(["opt_out"]))
    gpp = fields.String(validate=OneOf(["opt_out"]))
    usp = fields.String(validate=OneOf(["opt_out"]))
    tcf = fields.String(validate=OneOf(["consent"]))
    tcfca = fields.String(validate=OneOf(["consent"]))


class ConsentRow(RuleSchema):
    """What one regime says about some purposes."""

    purposes = SetOf(fields.String(validate=NAME), at_least=1)
    default = choice("deny", "allow")
    legal_bases = SetOf(fields.String(validate=OneOf(LEGAL_BASES)))
    balancing_test = fields.String(load_default=None, validate=Length(1, 400))
    asks = fields.String(load_default=None, validate=NAME)
    signals = fields.Nested(SignalsOfRule, load_default=dict)
    age_gates = fields.List(fields.Nested(AgeGateRow), load_default=list)
    special = fields.String(load_default=None, validate=OneOf(tuple(SPECIAL)))
    consent_lifetime_days = whole(1, optional=True)
    reask_after_days = whole(1, optional=True)

    @validates_schema
    def gates_in_order(self, data: dict[str, Any], **_options: Any) -> None:
        """Raise ValidationError unless each gate is for an older age than the one before."""
        ages = [gate.under for gate in data["age_gates"]]
        if ages != sorted(set(ages)):
            raise ValidationError("the youngest first, each age once", "age_gates")

    @validates_schema
    def special_as_named(self, data: dict[str, Any], **_options: Any) -> None:
        """Raise ValidationError when default and bases are not those that the treatment of special data means."""
        if data["special"] is None:
            return
        default, bases = SPECIAL[data["special"]]
        if data["default"] != default or (default == "deny" and not data["legal_bases"] <= bases):
            allowed = f"default {default}" + (f", bases among {', '.join(sorted(bases))}" if default == "deny" else "")
            raise ValidationError(f"{data['special']} means {allowed}", "special")


class RightsRow(RuleSchema):
    """One kind of request under one regime."""

    acknowledge = fields.Nested(PeriodSchema, required=True, allow_none=True)
    answer = fields.Nested(PeriodSchema, required=True)
    extension = fields.Nested(PeriodSchema, required=True, allow_none=True)
    verification = choice("required", "forbidden")
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

    name = fields.String(required=True, validate=NAME)
    title = text()
    jurisdictions = SetOf(fields.String(validate=JURISDICTION))
    strictness = whole(1, 1000)
    subjects = fields.String(load_default="everyone", validate=OneOf(["everyone", "devices"]))
    holidays = SetOf(IsoDate())
    consent = fields.List(fields.Nested(ConsentRow), required=True, validate=Length(min=1))
    rights = fields.Nested(RightsTable, required=True, allow_none=True)

    @validates_schema
    def rights_for_everyone(self, data: dict[str, Any], **_options: Any) -> None:
        """Raise ValidationError when a law about everyone knows no requests."""
        if data["rights"] is None and data["subjects"] == "everyone":
            raise ValidationError("all kinds of requests are needed", "rights")


class PurposeRow(StrictSchema):
    """One purpose."""

    graph = fields.String(required=True, validate=NAME)
    matches = Flag(required=True)
    special = Flag(load_default=False)
    description = text()


class PurposesFile(StrictSchema):
    """purposes.yaml: what data may be used for."""

    purposes = rows(PurposeRow)


class KindRow(StrictSchema):
    """One kind of identifier."""

    normalizer = choice("email", "phone", "plain", "casefold", "compact", "screen")
    scope = choice("person", "device", "household", "screen")
    may_link = Flag(required=True)
    rank = whole(0, 9)
    namespaced = Flag(load_default=False)
    read_from_device = Flag(load_default=False)
    per_profile = whole(1, 1_000_000)
    shared_above = whole(1, 1_000_000)
    deny = SetOf(fields.String(validate=Length(max=200)))
    retention_days = whole(1, optional=True)

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
    kinds = rows(KindRow)


class ClassRow(StrictSchema):
    """One class of clients."""

    jurisdictions = SetOf(fields.String(validate=JURISDICTION), at_least=1, word="any")
    purposes = SetOf(fields.String(validate=NAME), at_least=1, word="any")
    event_kinds = SetOf(fields.String(validate=OneOf(["grant", "opt_in", "unrestrict"])), word="any")
    legal_bases = SetOf(fields.String(validate=OneOf(LEGAL_BASES)), at_least=1, word="any")
    grants_for = SetOf(fields.String(validate=OneOf(["person", "device"])))
    verified = Flag(required=True)
    max_clock_skew_seconds = whole(0, 86_400)


class ClientsFile(StrictSchema):
    """clients.yaml: who may assert what. `trusted` and `public` are needed; a tenant may add classes."""

    classes = rows(ClassRow)

    @validates_schema
    def both_are_there(self, data: dict[str, Any], **_options: Any) -> None:
        """Raise ValidationError unless the two classes that the gateway gives by default are there."""
        for name in ("trusted", "public"):
            if name not in data["classes"]:
                raise ValidationError(f"the class '{name}' is missing", "classes")


def _purposes_by_place() -> fields.Dict:
    return fields.Dict(keys=fields.String(validate=PLACE), values=SetOf(fields.String(validate=NAME), at_least=1))


class SignalsFile(StrictSchema):
    """signals.yaml: what the frameworks' purposes and fields mean in the tenant's purposes."""

    tcf = fields.Dict(
        keys=fields.String(validate=NAME), values=SetOf(fields.Integer(strict=True, validate=Range(1, 24)), at_least=1)
    )
    tcfca = fields.Dict(
        keys=fields.String(validate=NAME), values=SetOf(fields.Integer(strict=True, validate=Range(1, 24)), at_least=1)
    )
    usp = SetOf(fields.String(validate=NAME))
    gpp_opt_outs = fields.Dict(
        keys=fields.String(validate=OneOf(GPP_OPT_OUTS)), values=SetOf(fields.String(validate=NAME)), required=True
    )
    gpp_sensitive = fields.Dict(keys=fields.String(validate=NAME), values=_purposes_by_place(), required=True)
    gpp_children = fields.Dict(
        keys=fields.String(validate=NAME),
        values=fields.Dict(keys=fields.String(validate=PLACE), values=fields.Integer(strict=True)),
        required=True,
    )


class RecipientRow(StrictSchema):
    """One recipient; `checks` says what is missing where a reference is null."""

    role = choice("processor", "controller", "third_party")
    country = fields.String(required=True, validate=JURISDICTION)
    contract = fields.String(required=True, allow_none=True, validate=Length(1, 400))
    transfer = fields.String(required=True, allow_none=True, validate=Length(1, 400))
    purposes = SetOf(fields.String(validate=NAME), at_least=1)


class RecipientsFile(StrictSchema):
    """recipients.yaml: whom the controller discloses to."""

    recipients = fields.Dict(keys=fields.String(validate=NAME), values=fields.Nested(RecipientRow), required=True)


class RetentionFile(StrictSchema):
    """retention.yaml, in days."""

    backups_days = whole(1)
    accountability_days = whole(1)
    export_package_days = whole(1)
    change_feed_days = whole(1)
    unpermitted_grace_days = whole(1)
    tombstone_days = fields.Dict(keys=fields.String(validate=NAME), values=whole(1), required=True)


SHARED_FILES: Final[Mapping[str, type[StrictSchema]]] = {
    "purposes.yaml": PurposesFile,
    "identifiers.yaml": IdentifiersFile,
    "clients.yaml": ClientsFile,
    "retention.yaml": RetentionFile,
    "signals.yaml": SignalsFile,
    "recipients.yaml": RecipientsFile,
}
