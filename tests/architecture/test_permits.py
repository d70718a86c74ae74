"""No way leads to matching but through a permit: as it is written. tests/properties/test_deny_all.py: as it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import Source, sources

PERMITS = frozenset({"Permit", "MergePermit"})
LINKS = "gateway/flows/steps/link.py"


def constructions(source: Source) -> list[str]:
    """Where a permit is made, or the key object that its constructor asks for is named."""
    found: set[int] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            found |= {node.lineno} if name in PERMITS else set()
        elif isinstance(node, ast.Name | ast.Attribute | ast.alias):
            name = getattr(node, "attr", getattr(node, "id", getattr(node, "name", "")))
            found |= {node.lineno} if name in {"_MINT", "_Mint"} else set()
    return [source.at(line) for line in sorted(found)]


def unguarded(source: Source) -> list[str]:
    """Public functions that do not ask for a permit before anything else."""
    return [
        source.at(node.lineno)
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and _first_type(node) not in PERMITS
    ]


def _first_type(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    first = [*node.args.posonlyargs, *node.args.args][:1]
    return ast.unparse(first[0].annotation) if first and first[0].annotation else ""


def functions(source: Source) -> Iterator[ast.FunctionDef]:
    """All functions of a file, nested ones too."""
    return (node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef))


def calls(root: ast.AST, name: str) -> list[ast.Call]:
    """Calls of a function by its name."""
    found = [node for node in ast.walk(root) if isinstance(node, ast.Call)]
    return [node for node in found if isinstance(node.func, ast.Name) and node.func.id == name]


def linking() -> Source:
    (found,) = (source for source in sources("gateway") if source.path == LINKS)
    return found


def test_only_consent_makes_permits() -> None:
    others = [source for source in sources("gateway") if not source.path.startswith("gateway/consent/")]
    assert [finding for source in others for finding in constructions(source)] == []


def test_whatever_matches_asks_for_a_permit_first() -> None:
    rooms = [source for source in sources("gateway") if source.path.startswith("gateway/matching/")]
    assert [finding for source in rooms for finding in unguarded(source)] == []


def test_matching_is_entered_at_one_place() -> None:
    """Others know the names of its rules."""
    users = {
        source.path
        for source in sources("gateway")
        if not source.path.startswith("gateway/matching/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gateway.matching")
        if not all(alias.name.isupper() for alias in node.names)
    }
    assert users == {LINKS}


def test_new_evidence_is_made_after_a_permit_and_narrowed() -> None:
    """`Evidence` of a new record is made by one function, which raises without a permit, matches and narrows first."""
    makers = [one for one in functions(linking()) if calls(one, "Evidence")]
    assert [one.name for one in makers] == ["_match"]
    (maker,) = makers
    guards = [node for node in maker.body if isinstance(node, ast.If) and ast.unparse(node.test) == GUARD]
    lines = [guards[0].lineno, *(calls(maker, name)[0].lineno for name in ("match", "narrow", "Evidence"))]
    assert isinstance(guards[0].body[0], ast.Raise)
    assert lines == sorted(lines)


GUARD = "not isinstance(permit, Permit)"


def test_the_partition_grows_by_such_evidence_alone() -> None:
    """Every other plan of a flow adds nothing, but for records in force that come back without somebody erased."""
    added = {
        (source.path, ast.unparse(keyword.value))
        for source in sources("gateway")
        if source.path.startswith("gateway/flows/")
        for call in [*calls(source.tree, "plan_until_settled"), *calls(source.tree, "plan")]
        for keyword in [*call.keywords, *_second(call)]
        if keyword.arg == "added"
    }
    growing = {(path, value) for path, value in added if value != "[]"}
    assert growing == {
        (LINKS, "[linked.evidence[item.record_id] for item in items]"),
        ("gateway/flows/steps/retract.py", "added"),  # what it was handed
        ("gateway/flows/steps/depart.py", "added"),
    }


def _second(call: ast.Call) -> list[ast.keyword]:
    """The evidence that `plan` is handed by place."""
    named = isinstance(call.func, ast.Name) and call.func.id == "plan"
    return [ast.keyword("added", call.args[1])] if named and len(call.args) > 1 else []


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("x = Permit('p', (), '', r, (), None, mint)\n", 1),
        ("x = model.MergePermit(permit, kept, dropped, mint)\n", 1),
        ("from gateway.consent.model import _MINT\n", 1),
        ("x = model._MINT\n", 1),
        ("x = isinstance(decision, Permit)\n", 0),
    ],
)
def test_the_check_finds_permits_that_are_made(text: str, findings: int) -> None:
    assert len(constructions(Source("sample.py", text))) == findings


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("def match(permit: Permit, ids: list[int]) -> Verdict: ...\n", 0),
        ("def match(ids: list[int], permit: Permit) -> Verdict: ...\n", 1),
        ("def match(permit: Permit | None) -> Verdict: ...\n", 1),
        ("def match() -> Verdict: ...\n", 1),
        ("def _match(ids: list[int]) -> Verdict: ...\n", 0),
    ],
)
def test_the_check_finds_matching_without_a_permit(text: str, findings: int) -> None:
    assert len(unguarded(Source("sample.py", text))) == findings
