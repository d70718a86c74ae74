"""The YAML that policies may use, read with the line of every key and item.

A subset of YAML 1.2 on purpose. Plain scalars are null, true, false, whole numbers of at most 17 digits, or text, so
that `NO` is Norway and `2026-01-01` stays text. Anchors, aliases (and with them expansion bombs), tags, repeated keys,
keys that are not scalars, several documents, deep nesting and large files are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yaml.events import Event

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 8

Path = tuple[str | int, ...]
Value = None | bool | int | str | list["Value"] | dict[str, "Value"]

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,16})")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_CONSTANTS: Final[Mapping[str, bool | None]] = {"": None, "~": None, "null": None, "true": True, "false": False}


class MalformedDocument(Exception):
    """The text cannot be read any further; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Document:
    """A file's data, the line of each path in it, and the faults that did not stop the reading."""

    data: Mapping[str, Value]
    lines: Mapping[Path, int]
    problems: tuple[tuple[int, str], ...]

    def line_of(self, path: Path) -> int:
        """Path of keys and places -> line (from 1) of it, or of its nearest ancestor that is in the file."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def items_at(self, path: Path) -> list[Value]:
        """Path of keys -> the items of the list there, in the order of the file; no items where no list is."""
        value: object = self.data
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        return value if isinstance(value, list) else []


def parse(content: bytes) -> Document:
    """UTF-8 bytes of one file -> its document. Raises MalformedDocument where no mapping can be read."""
    if len(content) > MAX_BYTES:
        raise MalformedDocument(1, f"larger than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedDocument(content.count(b"\n", 0, error.start) + 1, "not UTF-8") from None
    if control := _CONTROL.search(text):
        raise MalformedDocument(text.count("\n", 0, control.start()) + 1, "control characters are not allowed")
    reader = _Reader(text)
    data = reader.read()
    return Document(data, reader.lines, tuple(reader.problems))


class _Reader:
    """Builds the data from the parser's events, so that nothing is resolved or expanded behind our back."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[tuple[int, str]] = []
        self._events = _events(text)

    def read(self) -> dict[str, Value]:
        """Read the one mapping the text holds. Raises MalformedDocument."""
        next(self._events)
        if isinstance(next(self._events), StreamEndEvent):
            raise MalformedDocument(1, "the file is empty")
        root = next(self._events)
        data = self._value(root, ())
        if not isinstance(data, dict):
            raise MalformedDocument(_line(root), "a mapping of keys is needed at the top")
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                raise MalformedDocument(_line(event), "more than one YAML document")
        return data

    def _value(self, event: Event, path: Path) -> Value:
        if isinstance(event, AliasEvent):
            raise MalformedDocument(_line(event), "YAML aliases are not allowed")
        if len(path) > MAX_DEPTH:
            raise MalformedDocument(_line(event), f"nested deeper than {MAX_DEPTH} levels")
        self.lines.setdefault(path, _line(event))
        self._refuse_extras(event)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        return _scalar(event) if isinstance(event, ScalarEvent) else self._sequence(path)

    def _mapping(self, path: Path) -> dict[str, Value]:
        data: dict[str, Value] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise MalformedDocument(_line(event), "a key must be plain text")
            self._refuse_extras(event)
            key = event.value
            if key in data:
                self.problems.append((_line(event), f"repeated key '{key}'"))
            self.lines[(*path, key)] = _line(event)
            data[key] = self._value(next(self._events), (*path, key))
        return data

    def _sequence(self, path: Path) -> list[Value]:
        data: list[Value] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            data.append(self._value(event, (*path, len(data))))
        return data

    def _refuse_extras(self, event: Event) -> None:
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self.problems.append((_line(event), "YAML anchors are not allowed"))
        if getattr(event, "tag", None) is not None:
            self.problems.append((_line(event), "YAML tags are not allowed"))


def _events(text: str) -> Iterator[Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise MalformedDocument(mark.line + 1 if mark else 1, f"not valid YAML: {error.problem}") from None


def _scalar(event: ScalarEvent) -> Value:
    text: str = event.value
    if event.style:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    return int(text) if _INTEGER.fullmatch(text) else text


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
