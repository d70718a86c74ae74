"""How results look: JSON for programs, tables for people, progress only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click
import orjson
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")

_PIPE_WIDTH: Final = 160


def write_json(value: object) -> None:
    """JSON-able value, dataclasses included -> indented JSON on standard output."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())


def console() -> Console:
    """The console on standard output; wide where that is no terminal, so that nothing is cut."""
    wide = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(file=sys.stdout, width=wide, highlight=False, markup=False, emoji=False)


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Headings and rows -> a table on standard output; numbers stand to the right, a row too few says so."""
    listed = [list(row) for row in rows]
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(columns):
        numeric = bool(listed) and all(isinstance(row[place], int) for row in listed)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console().print(table if listed else Text("none"))


def write_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """(name, value) -> aligned lines on standard output."""
    listed = [(name, "" if value is None else str(value)) for name, value in pairs]
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        click.echo(f"{name:<{width}}  {value}".rstrip())


def note(text: str) -> None:
    """A remark for the person at the terminal, on standard error."""
    click.echo(text, err=True)


class Steps:
    """Counts what was done; shows it where there is somebody to see it."""

    def __init__(self, progress: Progress | None, task: Any) -> None:  # noqa: ANN401 - rich's task id
        self._progress = progress
        self._task = task

    def advance(self, count: int) -> None:
        """`count` more are done."""
        if self._progress is not None:
            self._progress.advance(self._task, count)


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Steps]:
    """A progress bar on standard error while the block runs, if that is a terminal; `total` None = unknown."""
    if not sys.stderr.isatty():
        yield Steps(None, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as shown:
        yield Steps(shown, shown.add_task(label, total=total))
