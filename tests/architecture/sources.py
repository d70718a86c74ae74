"""The project's own Python files, parsed, for the tests that hold its shape."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its path below the repository's root, and its text."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The file's syntax tree."""
        return ast.parse(self.text)

    @property
    def comments(self) -> Iterator[tuple[int, str]]:
        """Line number and text of each comment."""
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string

    def at(self, line: int) -> str:
        """Line number -> `path:line`, as editors open it."""
        return f"{self.path}:{line}"


@cache
def sources(*directories: str) -> tuple[Source, ...]:
    """All Python files below the named top-level directories. Raises AssertionError where one has none."""
    found: list[Source] = []
    for directory in directories:
        paths = sorted((ROOT / directory).rglob("*.py"))
        assert paths, f"no Python file below {directory}/"
        found += (Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in paths)
    return tuple(found)
