"""What the gateway writes to its log: one JSON object a line on standard error, and only what an allow-list lets in.

    {"time":"2026-11-24T16:00:00.250Z","level":"info","event":"request","method":"POST","route":"/v1/records", …}

Only fields of `Fields` are written, and their texts only when they look like names of our own (routes, slugs, types);
the message of a library's own log record and the message of an exception are never written, because either may quote
what somebody sent. An exception shows its type and the places in the code it passed.
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from traceback import walk_tb
from typing import Final, TypedDict, Unpack

import orjson

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:<>-]{0,100}")
_HIDDEN: Final = "?"
_FRAMES: Final = 6
_CODE: Final = Path(__file__).resolve().parents[2]


class Fields(TypedDict, total=False):
    """All that a line can say besides time, level and event."""

    method: str
    route: str
    status: int
    ms: float
    tenant: int
    client: str
    count: int
    outcome: str
    step: str
    error: str
    cause: str
    places: list[str]
    logger: str


_ALLOWED: Final = frozenset(Fields.__annotations__)


class LibraryHandler(logging.Handler):
    """Log records of libraries -> a line each with logger and place, and an exception's type, without their words."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line."""
        fields: Fields = {"logger": record.name, "places": [f"{Path(record.pathname).name}:{record.lineno}"]}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= fault(record.exc_info[1])
        event("library", level=record.levelno, **fields)


def configure() -> None:
    """Let what libraries log go the same way, unless the root logger has a handler already."""
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(LibraryHandler(logging.WARNING))


def event(name: str, *, level: int = logging.INFO, **fields: Unpack[Fields]) -> None:
    """Write one line: the event's name, a slug of our own, and allowed fields; `level` is one of `logging`."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line: dict[str, object] = {"time": time, "level": logging.getLevelName(level).lower(), "event": name}
    line |= {field: _plain(value) for field, value in fields.items() if field in _ALLOWED}
    sys.stderr.write(orjson.dumps(line).decode() + "\n")


def failure(name: str, failed: BaseException, **fields: Unpack[Fields]) -> None:
    """Write that something failed: the exception's type, its cause's, and where in the code; never its message."""
    fields |= fault(failed)
    event(name, level=logging.ERROR, **fields)


def fault(failed: BaseException) -> Fields:
    """Exception -> its type and its cause's ("" for none), and the last places it passed, innermost first, each as
    `gateway/flows/ingest.py:55`.
    """
    places = [_place(frame.f_code.co_filename, line) for frame, line in walk_tb(failed.__traceback__)]
    return {"error": _type(failed), "cause": _type(failed.__cause__), "places": places[: -_FRAMES - 1 : -1]}


def _type(failed: BaseException | None) -> str:
    return "" if failed is None else f"{type(failed).__module__}.{type(failed).__qualname__}"


def _place(file: str, line: int) -> str:
    path = Path(file)
    return f"{path.relative_to(_CODE) if path.is_relative_to(_CODE) else path.name}:{line}"


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else _HIDDEN
    return value
