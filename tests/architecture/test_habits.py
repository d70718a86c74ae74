"""Habits that ruff cannot hold: reasons for each suppression, narrow excepts, one door that prints."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

import pytest

from tests.architecture.sources import Source, sources

SUPPRESSION = re.compile(
    r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no\s*(?:cover|branch)|ruff:\s*noqa|mypy:)", re.IGNORECASE
)
# The codes, then a dash or a second hash, then the reason.
WITH_REASON = re.compile(
    r"""\#\s(?:
        noqa:\ [A-Z]+[0-9]+(?:,\ ?[A-Z]+[0-9]+)*
        | type:\ ignore\[[a-z-]+(?:,\ ?[a-z-]+)*\]
        | pragma:\ no\ (?:cover|branch)
    )\s+[-–—#]\s?\w.{2,}""",
    re.VERBOSE,
)
BROAD = {"Exception", "BaseException"}


def unexplained(source: Source) -> list[str]:
    return [
        f"{source.at(line)} {comment}"
        for line, comment in source.comments
        if len(SUPPRESSION.findall(comment)) > len(WITH_REASON.findall(comment))
    ]


def broad_excepts(source: Source) -> list[str]:
    found: list[int] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = [node.type] if node.type else []
            if node.type is None or BROAD & names_in(caught):
                found.append(node.lineno)
        elif isinstance(node, ast.Call) and called(node) == "suppress" and BROAD & names_in(node.args):
            found.append(node.lineno)
    return [source.at(line) for line in found]


def prints(source: Source) -> list[str]:
    calls = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    return [source.at(node.lineno) for node in calls if called(node) in {"print", "pprint", "breakpoint"}]


def unfinished(source: Source) -> list[str]:
    marks = re.compile(r"TODO|FIXME|XXX|NotImplementedError")
    return [source.at(number) for number, line in enumerate(source.text.splitlines(), 1) if marks.search(line)]


def names_in(nodes: list[ast.expr]) -> set[str]:
    return {node.id for root in nodes for node in ast.walk(root) if isinstance(node, ast.Name)}


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def test_every_suppression_names_its_code_and_its_reason() -> None:
    everything = sources("gateway", "tests", "benchmarks", "migrations")
    assert [finding for source in everything for finding in unexplained(source)] == []


def test_only_a_door_may_catch_everything() -> None:
    inside = [source for source in sources("gateway") if not source.path.startswith("gateway/entrypoints/")]
    assert [finding for source in inside for finding in broad_excepts(source)] == []


def test_only_the_command_line_and_the_demo_print() -> None:
    terminal = ("gateway/entrypoints/cli/", "gateway/entrypoints/demo/")
    others = [source for source in sources("gateway") if not source.path.startswith(terminal)]
    assert [finding for source in others for finding in prints(source)] == []


def test_nothing_in_the_product_is_unfinished() -> None:
    assert [finding for source in sources("gateway", "migrations") for finding in unfinished(source)] == []


# The samples are put together so that this file has no suppression of its own that lacks a reason.
NOQA, IGNORE, PRAGMA = "# no" + "qa", "# type: " + "ignore", "# pragma: " + "no cover"


@pytest.mark.parametrize(
    ("check", "text", "findings"),
    [
        (unexplained, f"x = 1  {NOQA}\n", 1),
        (unexplained, f"x = 1  {NOQA}: S108\n", 1),
        (unexplained, f"x = 1  {NOQA} because it is needed here\n", 1),
        (unexplained, f"x = 1  {NOQA}: S108 - mkdtemp makes it fresh\n", 0),
        (unexplained, f"x = 1  {IGNORE}\n", 1),
        (unexplained, f"x = 1  {IGNORE}[misc]\n", 1),
        (unexplained, f"x = 1  {IGNORE}[misc]  {NOQA}: S108 - mkdtemp makes it fresh\n", 1),
        (unexplained, f"x = 1  {IGNORE}[misc]  # the library has no types\n", 0),
        (unexplained, f"x = 1  {PRAGMA}\n", 1),
        (unexplained, f"x = 1  {PRAGMA} - runs in a killed process\n", 0),
        (unexplained, f"x = '{NOQA}'\n", 0),
        (broad_excepts, "try: pass\nexcept: pass\n", 1),
        (broad_excepts, "try: pass\nexcept (ValueError, Exception): pass\n", 1),
        (broad_excepts, "with contextlib.suppress(BaseException): pass\n", 1),
        (broad_excepts, "try: pass\nexcept (ValueError, KeyError): pass\n", 0),
        (prints, "print(1)\n", 1),
        (prints, "pprint.pprint(1)\n", 1),
        (prints, "x = 'print(1)'\n", 0),
        (unfinished, "# TO" + "DO later\n", 1),
    ],
)
def test_the_checks_find_what_they_look_for(check: Callable[[Source], list[str]], text: str, findings: int) -> None:
    assert len(check(Source("sample.py", text))) == findings
