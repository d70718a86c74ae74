"""Consent signals against the IAB's own library @iabgpp/cmpapi: random strings of every section, made and read by it.

The library is installed from npm into a folder of its own. Without node, npm or a registry the tests are skipped.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from gateway.consent.signals.errors import MalformedSignal
from gateway.consent.signals.fields import gpp_fields
from gateway.consent.signals.gpp import decode_gpp
from gateway.consent.signals.us_layouts import LAYOUTS

LIBRARY: Final = "@iabgpp/cmpapi@3.2.0"
SCRIPT: Final = Path(__file__).with_name("signals_reference.js")
SECTIONS: Final = {"tcfeuv2", "tcfcav1", "uspv1", *(layout.name for layout in LAYOUTS.values())}

# The library gives the fields of segments that a string does not have, too.
ABSENT: Final = {
    "tcfeuv2": {"VendorsAllowedSegmentType", "VendorsAllowed"},
    "tcfcav1": {"DisclosedVendorsSegmentType", "DisclosedVendors"},
}


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the library is installed."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", LIBRARY]
    try:
        done = subprocess.run(command, capture_output=True, timeout=100, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {LIBRARY} in time")
    if done.returncode:
        pytest.skip(f"npm could not install {LIBRARY}: no registry?")
    return folder


def differences(case: dict[str, Any]) -> list[str]:
    """A string and what the library reads -> the fields that the gateway reads otherwise."""
    try:
        decoded = decode_gpp(case["gpp"])
    except MalformedSignal as error:
        # Rarely a Canadian string can be read in two ways, and is refused where the library takes the first.
        return [] if error.rule == "ambiguous" and "tcfcav1" in case["sections"] else [error.rule]
    ours = orjson.loads(orjson.dumps(gpp_fields(decoded)))["sections"]
    theirs = case["sections"]
    found = [] if list(ours) == list(theirs) else ["sections"]
    for name, fields in theirs.items():
        left_out = fields.keys() - ours[name].keys()
        if left_out not in (set(), ABSENT.get(name)) or any(fields[one] for one in left_out if "Type" not in one):
            found.append(f"{name}: left out")
        found += [f"{name}.{one}" for one, value in ours[name].items() if fields.get(one) != value]
    return found


def compare(library: Path, seed: int, count: int) -> None:
    command = ["node", str(SCRIPT), str(library), str(seed), str(count)]
    made = subprocess.run(command, capture_output=True, timeout=1_000, check=True).stdout.splitlines()
    cases = [json.loads(line) for line in made]
    assert len(cases) == count
    assert {name for case in cases for name in case["sections"]} == SECTIONS
    assert [(place, found) for place, case in enumerate(cases) if (found := differences(case))] == []


@pytest.mark.parametrize("seed", [1])
def test_the_library_reads_the_same(library: Path, seed: int) -> None:
    compare(library, seed, 2_000)


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(2, 22))
def test_the_library_reads_the_same_in_long(library: Path, seed: int) -> None:
    compare(library, seed, 10_000)
