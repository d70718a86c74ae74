"""Files stay under 400 lines and functions under 60, so that a reader can hold one in mind."""

from __future__ import annotations

import ast

from tests.architecture.sources import Source, sources

FILE_LINES = 400
FUNCTION_LINES = 60
CHECKED = ("gateway", "tests", "benchmarks", "migrations")


def long_functions(source: Source) -> list[str]:
    return [
        f"{source.at(node.lineno)} {node.name}: {length} lines"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) >= FUNCTION_LINES
    ]


def long_file(source: Source) -> list[str]:
    length = len(source.text.splitlines())
    return [f"{source.path}: {length} lines"] if length >= FILE_LINES else []


def test_no_file_is_too_long() -> None:
    assert [finding for source in sources(*CHECKED) for finding in long_file(source)] == []


def test_no_function_is_too_long() -> None:
    assert [finding for source in sources(*CHECKED) for finding in long_functions(source)] == []


def test_the_limits_are_exact() -> None:
    body = "    x = 1\n"
    assert long_functions(Source("a.py", "def f():\n" + body * (FUNCTION_LINES - 2))) == []
    assert long_functions(Source("a.py", "class A:\n async def f():\n" + body * (FUNCTION_LINES - 1))) == [
        "a.py:2 f: 60 lines"
    ]
    assert long_file(Source("a.py", "x = 1\n" * (FILE_LINES - 1))) == []
    assert long_file(Source("a.py", "x = 1\n" * FILE_LINES)) == ["a.py: 400 lines"]
