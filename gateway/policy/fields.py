"""The fields that the schemas of policies are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf, Range, Regexp

_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CENTURY_DAYS: Final = 36_525

NAME: Final = Regexp(r"[a-z][a-z0-9_]{0,39}\Z", error="lower-case letters, digits and _ are needed, at most 40")
RULE_ID: Final = Regexp(r"[a-z][a-z0-9_.-]{2,79}\Z", error="lower-case letters, digits, _ . - are needed, 3 to 80")
JURISDICTION: Final = Regexp(r"[A-Z]{2}(-[A-Z0-9]{1,3})?\Z", error="an ISO 3166 code such as DE or US-CA is needed")
PLACE: Final = Regexp(r"[1-9][0-9]?\Z", error="a place from 1 is needed")


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


class SetOf(fields.Field[frozenset[Any] | None]):
    """A list without repetitions -> a frozen set; with `word`, that word alone stands for no limit (None)."""

    def __init__(self, item: fields.Field[Any], *, at_least: int = 0, word: str | None = None) -> None:
        super().__init__(required=True)
        self._list = fields.List(item, validate=Length(min=at_least))
        self._word = word

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> frozenset[Any] | None:
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


def whole(least: int, most: int = _CENTURY_DAYS, *, optional: bool = False) -> fields.Integer:
    """A whole number within bounds."""
    return fields.Integer(required=True, strict=True, allow_none=optional, validate=Range(least, most))


def text(most: int = 400) -> fields.String:
    """Text that is not empty."""
    return fields.String(required=True, validate=Length(1, most))


def choice(*allowed: str) -> fields.String:
    """One of the words."""
    return fields.String(required=True, validate=OneOf(allowed))


def rows(row: type[Schema], keys: Regexp = NAME) -> fields.Dict:
    """A table of rows by name, at least one."""
    return fields.Dict(
        keys=fields.String(validate=keys), values=fields.Nested(row), required=True, validate=Length(min=1)
    )
