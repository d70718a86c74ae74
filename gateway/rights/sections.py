"""The export's parts, each a table: one description that JSON, CSV and the page are all made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.kernel.clock import format_instant
from gateway.rights.export import Row, SubjectExport

_UNPRINTABLE = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)), "\ufffd")

Value = str | tuple[str, ...] | None
Form = Literal["text", "slug", "code", "quote", "time", "day"]


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the rows (`key`), its heading for people, and the form its values are shown in."""

    key: str
    heading: str
    form: Form = "text"


@dataclass(frozen=True, slots=True)
class Section:
    """One part: file stem, title, a sentence that explains it, columns, and rows of machine-readable values."""

    name: str
    title: str
    lead: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.key for column in self.columns)


_IDENTIFIERS = (
    Column("kind", "Kind", "slug"),
    Column("supplied", "As you gave it", "quote"),
    Column("channels", "Channels"),
    Column("first_seen", "First seen", "time"),
    Column("last_seen", "Last seen", "time"),
    Column("id", "Reference", "code"),
)
_RECORDS = (
    Column("observed_at", "When", "time"),
    Column("channel", "Channel"),
    Column("purpose", "Purpose", "slug"),
    Column("rule", "Linked by rule", "code"),
    Column("identifiers", "References", "code"),
)
_CONSENTS = (
    Column("day", "Day", "day"),
    Column("kind", "What", "slug"),
    Column("purpose", "Purpose", "slug"),
    Column("channel", "Channel"),
    Column("legal_basis", "Legal basis", "slug"),
    Column("method", "How", "slug"),
    Column("notice", "Notice shown", "code"),
    Column("signal", "Signal received", "code"),
    Column("identifier", "Reference", "code"),
)
_LINKS = (
    Column("when", "When", "time"),
    Column("event", "What", "slug"),
    Column("kinds", "Joined by", "slug"),
    Column("rule", "Rule", "code"),
)
_REQUESTS = (
    Column("received_at", "Received", "time"),
    Column("kind", "Request", "slug"),
    Column("state", "State", "slug"),
    Column("due_at", "Answer due", "time"),
    Column("completed_at", "Ended", "time"),
    Column("id", "Request id", "code"),
)
_DISCLOSURES = (
    Column("when", "When", "time"),
    Column("recipient", "Recipient"),
    Column("purpose", "Purpose", "slug"),
)


def sections(export: SubjectExport) -> tuple[Section, ...]:
    """The six parts of an export in the order people read them.

    Times become RFC 3339 text; control characters and lone surrogates, which channels may have sent, U+FFFD.
    """
    return (
        _section(
            "identifiers",
            "Identifiers",
            "What you are recognized by. Values are kept as pseudonyms only, so just those you gave with your "
            "request can be shown.",
            _IDENTIFIERS,
            export.identifiers,
        ),
        _section(
            "records", "Records", "What channels reported about you, when, and for what.", _RECORDS, export.records
        ),
        _section(
            "consents",
            "Consents and objections",
            "What you agreed to, refused, withdrew or objected to, and how that reached us.",
            _CONSENTS,
            export.consents,
        ),
        _section(
            "links",
            "How your profile came about",
            "Each time identifiers were joined to your profile or separated from it, and the rule it was done by.",
            _LINKS,
            export.links,
        ),
        _section(
            "disclosures",
            "Disclosures",
            "Who received something about you, when, and for what.",
            _DISCLOSURES,
            export.disclosures,
        ),
        _section(
            "requests",
            "Your requests",
            "The privacy requests you made, this one included, and what became of them.",
            _REQUESTS,
            export.requests,
        ),
    )


def _section(name: str, title: str, lead: str, columns: tuple[Column, ...], rows: tuple[Row, ...]) -> Section:
    return Section(name, title, lead, columns, tuple(tuple(_value(row, column) for column in columns) for row in rows))


def _value(row: Row, column: Column) -> Value:
    value = getattr(row, column.key)
    if column.form == "time" and value is not None:
        return format_instant(value)
    if isinstance(value, tuple):
        return tuple(item.translate(_UNPRINTABLE) for item in value)
    return None if value is None else str(value).translate(_UNPRINTABLE)
