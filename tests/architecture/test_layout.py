"""The rooms of the design exist, nothing else does, and no room is a place for what fits nowhere."""

from __future__ import annotations

import ast
from pathlib import PurePath

from tests.architecture.sources import ROOT, sources

TOP_LEVEL = {
    *("gateway", "policies", "migrations", "tests", "benchmarks"),
    *("pyproject.toml", "Dockerfile", "Makefile", "README.md", "CHANGELOG.md"),
}
LEFT_BY_RUNS = {"build", "dist", "__pycache__", "gateway-data"}
ROOMS = {
    *("app", "entrypoints", "wiring", "flows", "storage", "outbound", "rights", "profiles", "matching"),
    *("consent", "identifiers", "audit", "policy", "settings", "kernel"),
}
NO_PURPOSE = {"utils", "util", "common", "helpers", "helper", "misc"}


def test_the_top_level_holds_what_the_design_names() -> None:
    present = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - LEFT_BY_RUNS
    assert present == TOP_LEVEL


def test_every_room_exists_and_no_other() -> None:
    paths = (PurePath(source.path).relative_to("gateway") for source in sources("gateway"))
    assert {path.parts[0].removesuffix(".py") for path in paths} - {"__init__"} == ROOMS


def test_every_package_says_what_it_is_for() -> None:
    packages = {PurePath(source.path).parent for source in sources("gateway")}
    documented = {
        PurePath(source.path).parent
        for source in sources("gateway")
        if source.path.endswith("/__init__.py") and ast.get_docstring(source.tree)
    }
    assert packages - documented == set()


def test_no_module_is_named_after_no_purpose() -> None:
    everything = sources("gateway", "tests", "benchmarks")
    assert [source.path for source in everything if NO_PURPOSE & set(PurePath(source.path).with_suffix("").parts)] == []
