"""Hash profiles against what the platforms publish: through the pure functions, and through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from gateway.identifiers.hash_profiles.composites import COMPOSITES, composite_forms, composite_sha256
from gateway.identifiers.hash_profiles.drop import DROP_VERSION
from gateway.identifiers.hash_profiles.forms import standard_form
from gateway.identifiers.hash_profiles.table import HASH_PROFILES, KIND_NAMES, encoded, sha256, standardize
from gateway.kernel.errors import InvalidInput
from gateway.policy.loader import load
from tests.architecture.sources import ROOT
from tests.doors.terminal import Terminal

VECTORS = Path(__file__).parents[1] / "vectors"
PROFILES: dict[str, Any] = json.loads((VECTORS / "hash_profiles.json").read_text())
DROP: dict[str, Any] = json.loads((VECTORS / "drop.json").read_text())
RULES: Final = load(ROOT / "policies").kinds


class Vector(NamedTuple):
    """A published raw value with its normal form and its digest as text."""

    profile: str
    kind: str
    raw: str
    normalized: str
    digest: str


VALID = [
    *(
        Vector(profile, one["kind"], one["raw"], one["normalized"], one["digest"])
        for profile in sorted(HASH_PROFILES.keys() & PROFILES.keys())
        for one in PROFILES[profile]["valid"]
    ),
    *(Vector("drop", one["field"], one["raw"], one["standard"], one["hash"]) for one in DROP["fields"]),
]
INVALID = [(one["kind"], one["raw"]) for one in PROFILES["uid2"]["invalid"]]


def parts(vector: dict[str, str]) -> dict[str, str]:
    return {field: vector[field] for field, _ in COMPOSITES[vector["list"]]}


def test_every_profile_has_its_vectors() -> None:
    assert {vector.profile for vector in VALID} == HASH_PROFILES.keys()
    for name in PROFILES.keys() - {"source"}:
        assert PROFILES[name]["encoding"] == HASH_PROFILES[name].encoding


@pytest.mark.parametrize("vector", VALID, ids=lambda one: f"{one.profile} {one.kind} {one.raw!r}")
class TestPublishedExample:
    def test_standardized(self, vector: Vector) -> None:
        kind = KIND_NAMES[vector.kind]
        form = standard_form(vector.profile, kind, vector.raw, RULES)
        assert form.text == vector.normalized
        assert encoded(sha256(form.text), vector.profile) == vector.digest
        assert form.version == (DROP_VERSION if vector.profile == "drop" else "")
        assert standardize(vector.profile, kind, vector.normalized) == vector.normalized

    @pytest.mark.parametrize("way", ["argument", "standard input"])
    def test_printed(self, vector: Vector, way: str, tmp_path: Path) -> None:
        given = ("-",) if way == "standard input" else (vector.raw,)
        command = ("identifiers", "digest", "--kind", vector.kind, "--profile", vector.profile, *given)
        printed = Terminal(tmp_path / "none").run(*command, given=f"{vector.raw}\n")
        line = {"normalized": vector.normalized, "digest": vector.digest}
        assert printed.json == (line | {"standardizer": "drop-1.2.0"} if vector.profile == "drop" else line)
        assert (printed.code, printed.err) == (0, "")


@pytest.mark.parametrize(("kind", "raw"), INVALID)
class TestPublishedCounterexample:
    def test_refused(self, kind: str, raw: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            standard_form("uid2", kind, raw, RULES)
        assert caught.value.field == "value"

    def test_printed_as_a_problem(self, kind: str, raw: str, tmp_path: Path) -> None:
        printed = Terminal(tmp_path / "none").run("identifiers", "digest", "--kind", kind, "--profile", "uid2", raw)
        assert printed.code == 1
        assert printed.json["problem"].keys() >= {"title", "detail", "rule", "field"}


@pytest.mark.parametrize("vector", DROP["composites"], ids=lambda one: one["list"])
class TestPublishedComposite:
    def test_digested(self, vector: dict[str, str]) -> None:
        forms = composite_forms(vector["list"], parts(vector), RULES)
        assert encoded(composite_sha256(form.text for form in forms.values()), "drop") == vector["hash"]

    def test_printed(self, vector: dict[str, str], tmp_path: Path) -> None:
        options = [word for field, text in parts(vector).items() for word in (f"--{field}", text)]
        command = ("identifiers", "digest", "--profile", "drop", "--list", vector["list"])
        terminal = Terminal(tmp_path / "none")
        by_options = terminal.ok(*command, *options).json
        assert (by_options["digest"], by_options["standardizer"]) == (vector["hash"], "drop-1.2.0")
        assert by_options["normalized"].keys() == parts(vector).keys()
        assert terminal.ok(*command, "-", given=json.dumps(parts(vector))).json == by_options
