"""Canonical JSON: the library's bytes for everything it takes, a refusal for everything else."""

from __future__ import annotations

import json
from enum import StrEnum
from types import MappingProxyType

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.canonical import MAX_DEPTH, MAX_INTEGER, canonical
from gateway.kernel.errors import InvalidInput

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# Keys around the places where the order of code units and that of code points part.
KEYS = TEXTS | st.text(st.sampled_from("a~\x7f\x80é\ud7ff\ue000\ufb33\uffff\U00010000\U0010ffff"), max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS
VALUES: st.SearchStrategy[object] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)


@given(VALUES)
def test_it_writes_what_the_library_writes(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]  # any JSON value


@given(st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=6), SCALARS, max_size=8))
def test_the_fast_path_writes_what_the_library_writes(value: dict[str, bool | int | str | None]) -> None:
    assert canonical(value) == rfc8785.dumps(dict(value))


def test_keys_stand_in_the_order_of_utf_16_code_units() -> None:
    # RFC 8785 section 3.2.3: U+1F600 (D83D DE00) before U+FB33, against the order of code points.
    keys = ["€", "\r", "\ufb33", "1", "😀", "\x80", "ö"]
    expected = ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]
    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == expected
    assert canonical({"x": [{"\ufb33": 1, "😀": 2}]}) == '{"x":[{"😀":2,"\ufb33":1}]}'.encode()


def test_control_characters_are_written_short() -> None:
    assert canonical('\x00\b\t\n\f\r\x1f"\\/\x7f\u2028') == '"\\u0000\\b\\t\\n\\f\\r\\u001f\\"\\\\/\x7f\u2028"'.encode()


def test_tuples_are_lists() -> None:
    assert canonical(("a", [1, ()])) == b'["a",[1,[]]]'


class Shade(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (1.0, "type"),
        ({"a": [float("nan")]}, "type"),
        (b"x", "type"),
        ({1, 2}, "type"),
        ({1: "a"}, "type"),
        ({None: "a"}, "type"),
        (MappingProxyType({}), "type"),
        (Shade.RED, "type"),
        ({Shade.RED: 1}, "type"),
        (MAX_INTEGER + 1, "range"),
        ([-MAX_INTEGER - 1], "range"),
        ("\ud800", "text"),
        ({"\udfff": 1}, "text"),
        ({"é": ["\ud83d"]}, "text"),
    ],
)
def test_what_a_leaf_cannot_hold_is_refused(value: object, rule: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        canonical(value)
    assert refused.value.rule == rule


def test_the_depth_is_limited() -> None:
    value: object = "x"
    for _ in range(MAX_DEPTH):
        value = [value]
    assert canonical(value) == b"[" * MAX_DEPTH + b'"x"' + b"]" * MAX_DEPTH
    with pytest.raises(InvalidInput, match="nested"):
        canonical({"a": value})
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidInput, match="nested"):
        canonical(endless)
