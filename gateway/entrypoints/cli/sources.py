"""Files and standard input as streams of parsed items, in batches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import click

from gateway.flows.messages import Problem
from gateway.kernel.errors import InvalidInput

BATCH: Final = 1_000
STANDARD_INPUT: Final = Path("-")
FORMATS: Final = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}

T = TypeVar("T")

file_argument = click.argument("file", metavar="FILE|-", type=click.Path(path_type=Path, allow_dash=True))


@contextmanager
def opened_file(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, or of standard input for `-`. Raises InvalidInput when it cannot be opened."""
    if path == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise InvalidInput(f"the file cannot be opened, {reason}", field="FILE", rule="file") from None
    with stream:
        yield stream


def batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Items -> lists of `size` of them, the last one shorter."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def parsed(
    rows: Iterable[tuple[int, object | Problem]], parse: Callable[[object, int], T | Problem]
) -> Iterator[T | Problem]:
    """(place, object or problem) as the readers give them -> messages or problems, by `parse`."""
    for place, row in rows:
        yield row if isinstance(row, Problem) else parse(row, place)
