"""Fields of the wire format: strict about types, and every failure carries the slug of its rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from marshmallow import RAISE, Schema, ValidationError, fields

from gateway.entrypoints.wire.faults import UNKNOWN_FIELD, Fault, problem_of
from gateway.entrypoints.wire.instants import EARLIEST, read_instant
from gateway.flows.messages import Problem
from gateway.identifiers.digests import decode_sha256
from gateway.identifiers.texts import MAX_TEXT, text_fault
from gateway.kernel.errors import InvalidInput

SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
JURISDICTION: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")

_LEAVE_OUT: Final = "leave the field out where there is none"
_T = TypeVar("_T")


class WireField(fields.Field[_T], Generic[_T]):
    """Base of all fields: messages are `Fault`s, null is never a value."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's interface
        "required": Fault("required", "this field is required"),
        "null": Fault("wrong_type", f"null is no value; {_LEAVE_OUT}"),
    }

    def make_error(self, key: str, **_arguments: object) -> ValidationError:
        """Key of a message -> the error that carries it, unformatted."""
        return ValidationError(self.error_messages[key])


class Text(WireField[str]):
    """A string of `least` to `most` characters, without control characters, perhaps of a fixed form."""

    def __init__(self, most: int = MAX_TEXT, *, least: int = 0, required: bool = False) -> None:
        described = {"type": "string", "minLength": least, "maxLength": most}
        super().__init__(required=required, metadata=described)
        self._least = least
        self._most = most

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_options: object) -> str:
        del attr, data
        if not isinstance(value, str):
            raise ValidationError(Fault("wrong_type", f"a string is needed; {_LEAVE_OUT}"))
        fault = text_fault(value, self._most)
        if fault is not None:
            raise ValidationError(Fault(*fault))
        if len(value) < self._least:
            raise ValidationError(Fault("empty", "there is no value"))
        return value


class Formed(Text):
    """A string that one expression describes; `rule` and `message` say what is wrong when it does not match."""

    def __init__(self, form: re.Pattern[str], rule: str, message: str, *, required: bool = False) -> None:
        super().__init__(required=required)
        self.metadata = {"type": "string", "pattern": f"^{form.pattern}$"}
        self._form = form
        self._fault = Fault(rule, message)

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if not self._form.fullmatch(text):
            raise ValidationError(self._fault)
        return text


class Slug(Formed):
    """A name such as `identity_resolution`."""

    def __init__(self, *, required: bool = False) -> None:
        message = "lower-case letters, digits and _ are needed, at most 64, a letter first"
        super().__init__(SLUG, "slug", message, required=required)


class Jurisdiction(Formed):
    """An ISO 3166 code: a country such as DE, or a part of one such as US-CA."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(
            JURISDICTION, "jurisdiction", "an ISO 3166 code such as DE or US-CA is needed", required=required
        )


class Word(Text):
    """One of a few words."""

    def __init__(self, words: Iterable[str], rule: str, *, required: bool = False) -> None:
        super().__init__(required=required)
        self._words = tuple(words)
        self.metadata = {"type": "string", "enum": list(self._words)}
        self._fault = Fault(rule, f"one of {', '.join(self._words)} is needed")

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if text not in self._words:
            raise ValidationError(self._fault)
        return text


class Flag(WireField[bool]):
    """`true` or `false`, and nothing that merely looks like them."""

    def __init__(self) -> None:
        super().__init__(metadata={"type": "boolean"})

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_options: object) -> bool:
        del attr, data
        if not isinstance(value, bool):
            raise ValidationError(Fault("wrong_type", "true or false is needed"))
        return value


class Instant(WireField[int]):
    """RFC 3339 text with an offset, not before 1990 -> milliseconds."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(required=required, metadata={"type": "string", "format": "date-time"})

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_options: object) -> int:
        del attr, data
        if not isinstance(value, str):
            raise ValidationError(Fault("wrong_type", f"a string is needed; {_LEAVE_OUT}"))
        try:
            moment = read_instant(value)
        except ValueError:
            message = "a time as in RFC 3339 is needed, with an offset: 2026-11-24T16:00:00Z"
            raise ValidationError(Fault("invalid_date", message)) from None
        if moment < EARLIEST:
            raise ValidationError(Fault("date_too_old", "a time before 1990 is not taken"))
        return moment


class Sha256(WireField[bytes]):
    """Hex or Base64 -> 32 bytes."""

    def __init__(self) -> None:
        described = {"type": "string", "pattern": "^([0-9a-fA-F]{64}|[A-Za-z0-9+/]{43}=)$"}
        super().__init__(metadata=described)

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_options: object
    ) -> bytes:
        del attr, data
        if not isinstance(value, str):
            raise ValidationError(Fault("wrong_type", f"a string is needed; {_LEAVE_OUT}"))
        try:
            return decode_sha256(value)
        except InvalidInput as error:
            raise ValidationError(Fault(error.rule, str(error))) from None


class Child(WireField[Any], fields.Nested):
    """An object inside an object."""


class Items(WireField[Any], fields.List[Any]):
    """A list of `least` to `most` items, counted before the first is looked at -> tuple."""

    def __init__(self, item: fields.Field[Any], *, least: int, most: int, required: bool = False) -> None:
        super().__init__(item, required=required, post_load=tuple, metadata={"minItems": least, "maxItems": most})
        self._least = least
        self._most = most

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError(Fault("wrong_type", "a list is needed"))
        if len(value) > self._most:
            raise ValidationError(Fault("too_many", f"at most {self._most} items are allowed"))
        if len(value) < self._least:
            raise ValidationError(Fault("too_few", f"at least {self._least} item is needed"))
        return super()._deserialize(value, attr, data, **options)


class WireSchema(Schema):
    """Base of all objects: an unknown field is an error that lists the known ones."""

    class Meta:
        """marshmallow's options."""

        unknown = RAISE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages = {
            "type": Fault("wrong_type", "an object is needed"),
            "unknown": Fault(UNKNOWN_FIELD, f"unknown field; known are {', '.join(self.load_fields)}"),
        }


def load(schema: WireSchema, data: object, index: int | None) -> Any:  # noqa: ANN401 - what the schema builds
    """Schema, whatever was sent and the record's index -> what the schema builds, or a `Problem`."""
    try:
        return schema.load(data)  # type: ignore[arg-type]  # the schema refuses what is no object
    except ValidationError as error:
        return problem_of(error.messages, index)


def ahead(moments: Sequence[tuple[str, int]], latest: int, index: int | None) -> Problem | None:
    """Moments by field, and the latest allowed -> the problem of the first that lies after it, or None."""
    for field, moment in moments:
        if moment > latest:
            message = "a time in the future is not taken; five minutes of a fast clock are"
            return Problem(field=field, rule="future_date", message=message, index=index)
    return None
