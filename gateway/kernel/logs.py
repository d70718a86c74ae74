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
from pathlib import Path
from traceback import walk_tb
from typing import IO, Final, TypedDict, Unpack

import orjson

from gateway.kernel.clock import format_instant

LOGGER: Final = logging.getLogger("gateway")

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
    client: int
    count: int
    outcome: str
    step: str
    error: str
    cause: str
    places: list[str]
    logger: str


_ALLOWED: Final = frozenset(Fields.__annotations__)


class StderrHandler(logging.StreamHandler[IO[str]]):
    """Writes to whatever `sys.stderr` is at that moment, also after it was redirected."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(AllowListFormatter())

    @property
    def stream(self) -> IO[str]:
        """Standard error."""
        return sys.stderr

    @stream.setter
    def stream(self, stream: IO[str]) -> None:
        """Standard error is the only stream there is."""


class AllowListFormatter(logging.Formatter):
    """Log record -> a line of JSON with allowed fields only."""

    def format(self, record: logging.LogRecord) -> str:
        """Our own records by their event and fields; those of libraries by their logger and place, without a word."""
        line: dict[str, object] = {
            "time": format_instant(int(record.created * 1000)),
            "level": record.levelname.lower(),
        }
        fields = getattr(record, "gateway_fields", None)
        if isinstance(fields, dict):
            line["event"] = record.msg
            line.update({name: _plain(value) for name, value in fields.items() if name in _ALLOWED})
        else:
            line["event"] = "library"
            line["logger"] = _plain(record.name)
            line["places"] = [f"{Path(record.pathname).name}:{record.lineno}"]
        if record.exc_info and record.exc_info[1] is not None:
            line.update(fault(record.exc_info[1]))
        return orjson.dumps(line).decode()


def configure() -> None:
    """Send our own log, and what libraries log, to standard error as allow-listed JSON. Calling it again does nothing.

    Libraries' records take a handler of the root logger only where nobody else has set one.
    """
    if not any(isinstance(handler, StderrHandler) for handler in LOGGER.handlers):
        LOGGER.addHandler(StderrHandler())
        LOGGER.setLevel(logging.INFO)
        LOGGER.propagate = False
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(StderrHandler())


def event(name: str, *, level: int = logging.INFO, **fields: Unpack[Fields]) -> None:
    """Write one line: the event's name, a slug of our own, and allowed fields."""
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, name, extra={"gateway_fields": fields})


def failure(name: str, failed: BaseException, **fields: Unpack[Fields]) -> None:
    """Write that something failed: the exception's type, its cause's, and where in the code; never its message."""
    event(name, level=logging.ERROR, **{**fields, **fault(failed)})


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
