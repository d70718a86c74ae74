"""Identifiers on the wire: `{"kind","value"}` or `{"kind","sha256","profile"}`, `namespace` where the kind has one."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, post_load, validates_schema

from gateway.entrypoints.wire.faults import Fault
from gateway.entrypoints.wire.fields import Child, Items, Sha256, Slug, Text, WireSchema
from gateway.flows.messages import Identifier
from gateway.identifiers.model import HashedIdentifier, RawIdentifier

MAX_IDENTIFIERS: Final = 50


class IdentifierSchema(WireSchema):
    """One identifier -> RawIdentifier or HashedIdentifier."""

    kind = Slug(required=True)
    value = Text()
    sha256 = Sha256()
    profile = Text()
    namespace = Text()

    @validates_schema
    def one_form(self, data: dict[str, Any], **_options: object) -> None:
        """Raise ValidationError unless there is either a raw value or a digest, and a profile only beside a digest."""
        if ("value" in data) == ("sha256" in data):
            raise ValidationError(Fault("value_or_sha256", "either value or sha256 is needed, not both"), "value")
        if "value" in data and "profile" in data:
            message = "a hash profile belongs to a sha256; a raw value is hashed under every profile"
            raise ValidationError(Fault("profile_not_allowed", message), "profile")

    @post_load
    def build(self, data: dict[str, Any], **_options: object) -> Identifier:
        """Fields -> identifier, still as the channel sent it."""
        namespace = data.get("namespace", "")
        if "value" in data:
            return RawIdentifier(data["kind"], data["value"], namespace)
        return HashedIdentifier(data["kind"], data["sha256"], data.get("profile", ""), namespace)


def identifiers_field(*, required: bool = True) -> Items:
    """The field `identifiers` of every message: 1 to 50 of them."""
    return Items(Child(IdentifierSchema), least=1, most=MAX_IDENTIFIERS, required=required)
