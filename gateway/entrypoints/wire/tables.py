"""CSV -> the same objects that JSON gives: records, or consent events.

The first line names the columns: `record_id` and `observed_at`, which must be there, `jurisdiction`, `purpose`, the
attributes by name, `consent:<purpose>` with the kind of event (grant, deny, withdraw, …) as of the record's
`observed_at`, `notice` with what the person was shown then, and identifiers by kind: `email`, `platform_id:steam` with
its namespace, `email:sha256:uid2` and `cookie:sha256` for digests, `platform_id:steam:sha256` for both. An identifier
may have several columns. Empty cells count as absent.

A table of consent events has the columns `kind`, `purpose` and `occurred_at`, the other fields of an event by name, and
identifiers as above.

A record is one line: a line break inside quotes is refused with its line, as no field may hold one, and the next
line is read afresh. That way one lost quote never swallows the rest of a file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

from gateway.entrypoints.wire.fields import SLUG
from gateway.entrypoints.wire.plain import ATTRIBUTES
from gateway.entrypoints.wire.reading import line_problem, read_lines
from gateway.flows.messages import Problem
from gateway.kernel.errors import InvalidInput

_CONSENT: Final = "consent"
_NOTICE: Final = "notice"
_SHA256: Final = "sha256"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table may hold beside identifiers: fields by name, some of them `required`; attributes and consents if it
    is one of records.
    """

    required: tuple[str, ...]
    fields: frozenset[str]
    of_records: bool


RECORDS: Final = Layout(
    ("record_id", "observed_at"),
    frozenset({"record_id", "observed_at", "jurisdiction", "purpose", _NOTICE}),
    of_records=True,
)
_EVENT: Final = ("kind", "purpose", "occurred_at")
_EVENT_TEXTS: Final = ("legal_basis", "method", "notice", "expires_at", "event_id", "jurisdiction")
EVENTS: Final = Layout(_EVENT, frozenset({*_EVENT, *_EVENT_TEXTS}), of_records=False)


@dataclass(frozen=True, slots=True)
class _Column:
    """Where the cells of one column go: `name` is a field, an attribute, a purpose or a kind of identifier."""

    target: Literal["record", "attribute", "consent", "identifier"]
    name: str
    form: str = "value"
    namespace: str = ""
    profile: str = ""


def read_csv(stream: Iterable[bytes] | BinaryIO, layout: Layout = RECORDS) -> Iterator[tuple[int, object | Problem]]:
    """A stream, or the pieces of one cut anywhere -> per row its place (from 0) and its object, or the problem that
    kept it from being read (rule line_too_long, not_utf8, malformed_csv, wrong_number_of_cells).

    Raises `InvalidInput` on field `header` (rule missing_column, bad_column) before the first row.
    """
    lines = read_lines(stream)
    columns = _header(lines, layout)
    for index, (number, line) in enumerate(lines):
        try:
            row: object | Problem = _object(layout, columns, _cells(line))
        except InvalidInput as error:
            row = line_problem(error.rule, str(error), number, index)
        yield index, row


def _cells(line: bytes | Problem) -> list[str]:
    if isinstance(line, Problem):
        raise InvalidInput(line.message, rule=line.rule)
    try:
        return next(csv.reader([line.decode()], strict=True))
    except UnicodeDecodeError:
        rule, message = "not_utf8", "this is not UTF-8"
    except csv.Error:
        rule, message = "malformed_csv", "the quotes do not fit, or a cell is too long"
    raise InvalidInput(message, rule=rule)


def _header(lines: Iterator[tuple[int, bytes | Problem]], layout: Layout) -> list[_Column]:
    first = next(lines, None)
    try:
        names = [name.strip() for name in _cells(first[1])] if first else []
    except InvalidInput as error:
        raise InvalidInput(f"the first line: {error}", field="header", rule=error.rule) from None
    for name in layout.required:
        if name not in names:
            message = f"the first line must name the columns, and {name} among them"
            raise InvalidInput(message, field="header", rule="missing_column")
    columns = []
    for place, name in enumerate(names, start=1):
        column = _column(name, layout)
        if column is None or (column.target != "identifier" and column in columns):
            message = (
                f"column {place} is no field, attribute, consent:<purpose> or kind of identifier, or it is repeated"
            )
            raise InvalidInput(message, field="header", rule="bad_column")
        columns.append(column)
    return columns


def _column(name: str, layout: Layout) -> _Column | None:
    if name in layout.fields:
        return _Column("record", name)
    if name in ATTRIBUTES and layout.of_records:
        return _Column("attribute", name)
    head, *rest = name.split(":")
    if head == _CONSENT and layout.of_records:
        return _Column("consent", rest[0]) if len(rest) == 1 and SLUG.fullmatch(rest[0]) else None
    return _identifier_column(head, rest) if SLUG.fullmatch(head) and all(rest) else None


def _identifier_column(kind: str, rest: Sequence[str]) -> _Column | None:
    namespace = rest[0] if rest and rest[0] != _SHA256 else ""
    hashed = rest[1:] if namespace else rest
    if not hashed:
        return _Column("identifier", kind, namespace=namespace)
    if hashed[0] != _SHA256 or len(hashed) > len((_SHA256, "profile")):
        return None
    return _Column("identifier", kind, _SHA256, namespace, "".join(hashed[1:]))


def _object(layout: Layout, columns: Sequence[_Column], cells: Sequence[str]) -> dict[str, object]:
    if len(cells) != len(columns):
        raise InvalidInput(f"there are not {len(columns)} cells", rule="wrong_number_of_cells")
    record: dict[str, object] = {}
    attributes: dict[str, str] = {}
    identifiers: list[dict[str, str]] = []
    consents: list[tuple[str, str]] = []
    for column, cell in zip(columns, cells, strict=True):
        bare = cell.strip()
        if not bare:
            continue
        if column.target == "record":
            record[column.name] = bare
        elif column.target == "attribute":
            attributes[column.name] = cell
        elif column.target == "consent":
            consents.append((bare, column.name))
        else:
            identifiers.append(_identifier(column, cell))
    record["identifiers"] = identifiers
    if attributes:
        record["attributes"] = attributes
    if consents:
        at = record.get("observed_at")
        shown = {_NOTICE: record[_NOTICE]} if _NOTICE in record else {}
        record["consents"] = [
            {"kind": kind, "purpose": purpose, "occurred_at": at, **shown} for kind, purpose in consents
        ]
    if layout.of_records:
        record.pop(_NOTICE, None)
    return record


def _identifier(column: _Column, cell: str) -> dict[str, str]:
    identifier = {"kind": column.name, column.form: cell.strip() if column.form == _SHA256 else cell}
    if column.namespace:
        identifier["namespace"] = column.namespace
    if column.profile:
        identifier["profile"] = column.profile
    return identifier
