"""One random change to the shipped set: an unknown key refuses it, and another value shows in its digest."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.document import Value, parse
from gateway.policy.loader import check, load
from tests.unit.policy.policy_files import NAMES, SHIPPED, copy_to, edit

TREES = {name: dict(parse((SHIPPED / name).read_bytes()).data) for name in NAMES}
with tempfile.TemporaryDirectory() as _unchanged:
    DIGEST = load(copy_to(Path(_unchanged) / "policies")).digest


def places(value: Value, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of a tree's values, itself first."""
    found = [path]
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in children:
        found += places(inner, (*path, key))
    return found


def at(value: Value, path: tuple[str | int, ...]) -> Value:
    """The value at a path."""
    for step in path:
        value = value[step]  # type: ignore[index]  # the path was made from the tree
    return value


MAPPINGS = [(name, path) for name, tree in TREES.items() for path in places(tree) if isinstance(at(tree, path), dict)]
SCALARS = [
    (name, path) for name, tree in TREES.items() for path in places(tree) if not isinstance(at(tree, path), dict | list)
]


def write(directory: Path, name: str, tree: dict[str, Value]) -> Path:
    """A copy of the shipped set with one file made anew from `tree`."""
    copy_to(directory)
    (directory / name).write_text(yaml.dump(tree, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
    return directory


_VALUES: st.SearchStrategy[Value] = (
    st.none() | st.booleans() | st.integers(0, 400) | st.sampled_from(["", "deny", "any"]) | st.just([]) | st.just({})
)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(MAPPINGS), st.text("abcxyz_", max_size=6), _VALUES)
def test_an_unknown_key_anywhere_refuses_the_set(
    target: tuple[str, tuple[str | int, ...]], suffix: str, value: Value
) -> None:
    name, path = target
    tree, key = copy.deepcopy(TREES[name]), f"zz_{suffix}"
    mapping = at(tree, path)
    assert isinstance(mapping, dict)
    mapping[key] = copy.deepcopy(value)
    with tempfile.TemporaryDirectory() as scratch:
        directory = write(Path(scratch) / "policies", name, tree)
        findings = check(directory)
        line = next(
            number for number, text in enumerate((directory / name).read_text().splitlines(), 1) if f"{key}:" in text
        )
    assert {finding.file for finding in findings} == {name}
    assert any(finding.line == line and key in finding.message for finding in findings)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SCALARS))
def test_another_value_anywhere_changes_the_digest_or_is_refused(target: tuple[str, tuple[str | int, ...]]) -> None:
    name, path = target
    tree = copy.deepcopy(TREES[name])
    parent, old = at(tree, path[:-1]), at(tree, path)
    parent[path[-1]] = _other(old)  # type: ignore[index]  # the path was made from the tree
    with tempfile.TemporaryDirectory() as scratch:
        directory = write(Path(scratch) / "policies", name, tree)
        assert check(directory) or load(directory).digest != DIGEST


def _other(value: Value) -> Value:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return "x" if value is None else f"{value}x"


def test_the_digest_does_not_see_comments_spacing_quotes_or_order(tmp_path: Path) -> None:
    directory = tmp_path / "policies"
    write(directory, "gdpr.yaml", dict(reversed(TREES["gdpr.yaml"].items())))
    edit(directory, "retention.yaml", "backups_days: 35", "\n# a comment\n\nbackups_days:    35   # another")
    edit(directory, "purposes.yaml", "graph: identity_resolution", "'graph': \"identity_resolution\"")
    assert (directory / "gdpr.yaml").read_text().startswith(("consent:", "rights:"))
    assert load(directory).digest == DIGEST


def test_the_digest_is_sha256_in_hex() -> None:
    algorithm, _, digits = DIGEST.partition(":")
    assert algorithm == "sha256"
    assert len(bytes.fromhex(digits)) == 32


def test_the_name_of_a_file_counts(tmp_path: Path) -> None:
    directory = copy_to(tmp_path / "policies")
    (directory / "ccpa.yaml").rename(directory / "cpra.yaml")
    edit(directory, "cpra.yaml", "name: ccpa", "name: cpra")
    assert load(directory).digest != DIGEST


def test_a_tenant_adds_a_kind_and_a_regime_without_code(tmp_path: Path) -> None:
    directory = copy_to(tmp_path / "policies")
    badge = copy.deepcopy(at(TREES["identifiers.yaml"], ("kinds", "customer_id")))
    kinds = copy.deepcopy(TREES["identifiers.yaml"])
    kinds["kinds"]["badge"] = badge  # type: ignore[index, call-overload]  # a mapping
    (directory / "identifiers.yaml").write_text(yaml.safe_dump(kinds))
    law = (directory / "ccpa.yaml").read_text()
    law = law.replace("name: ccpa", "name: nyppa").replace("ccpa.", "nyppa.").replace("US-CA", "US-NY")
    (directory / "nyppa.yaml").write_text(law)
    policies = load(directory)
    assert policies.kinds["badge"].per_profile == policies.kinds["customer_id"].per_profile
    assert policies.regimes_for("US-NY") == ("nyppa",)
