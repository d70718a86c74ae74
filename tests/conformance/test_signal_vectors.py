"""Consent signals against strings and fields made with the IAB's reference library: by function and by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from gateway.consent.signals.fields import gpp_fields, tcf_fields
from gateway.consent.signals.gpp import decode_gpp
from gateway.consent.signals.tcf import decode_tcf
from gateway.consent.signals.us_layouts import LAYOUTS
from tests.doors.terminal import Terminal

VECTORS = Path(__file__).parents[1] / "vectors"
US: Final[list[dict[str, Any]]] = json.loads((VECTORS / "gpp_us.json").read_text())["cases"]
EUROPE: Final[list[dict[str, Any]]] = json.loads((VECTORS / "tcf_eu_v2.json").read_text())["cases"]

# What the vectors of TC strings leave out, though every string has it.
LEFT_OUT: Final = {
    *("UseNonStandardStacks", "PublisherRestrictions", "VendorsDisclosedSegmentType"),
    *("PublisherPurposesSegmentType", "PublisherConsents", "PublisherLegitimateInterests"),
    *("NumCustomPurposes", "PublisherCustomConsents", "PublisherCustomLegitimateInterests"),
}


def test_every_us_section_has_its_vectors() -> None:
    assert {(case["id"], case["section"]) for case in US} == {(number, one.name) for number, one in LAYOUTS.items()}


@pytest.mark.parametrize("case", US, ids=[f"{case['section']} {place}" for place, case in enumerate(US)])
def test_a_us_section(case: dict[str, Any]) -> None:
    decoded = orjson.loads(orjson.dumps(gpp_fields(decode_gpp(case["gpp"]))))
    assert decoded == {"sections": {case["section"]: case["fields"]}}
    assert list(decoded["sections"][case["section"]]) == list(case["fields"])


@pytest.mark.parametrize("case", EUROPE, ids=[f"tcfeuv2 {place}" for place, _ in enumerate(EUROPE)])
def test_a_tc_string(case: dict[str, Any]) -> None:
    fields = tcf_fields(decode_tcf(case["string"]))
    assert {name: value for name, value in fields.items() if name not in LEFT_OUT} == case["fields"]
    assert [name for name in fields if name not in LEFT_OUT] == list(case["fields"])
    assert fields.keys() >= LEFT_OUT
    assert gpp_fields(decode_gpp(case["gpp"])) == {"sections": {"tcfeuv2": fields}}


@pytest.mark.parametrize("way", ["options", "standard input"])
def test_the_command_prints_the_same(way: str, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "none")
    strings = [("--tcf", case["string"]) for case in EUROPE] + [("--gpp", case["gpp"]) for case in US]
    if way == "options":
        lines = terminal.ok("signals", "decode", *(word for one in strings for word in one)).out.splitlines()
    else:
        lines = [
            line
            for kind in ("--tcf", "--gpp")
            for line in terminal.ok(
                *("signals", "decode", kind, "-"), given="\n".join(text for option, text in strings if option == kind)
            ).out.splitlines()
        ]
    printed = [json.loads(line) for line in lines]
    assert [one.keys() - LEFT_OUT for one in printed[: len(EUROPE)]] == [case["fields"].keys() for case in EUROPE]
    assert printed == [
        *(tcf_fields(decode_tcf(case["string"])) for case in EUROPE),
        *({"sections": {case["section"]: case["fields"]}} for case in US),
    ]
