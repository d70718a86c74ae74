"""CSV gives the same records as JSON; a bad line is a problem of its own, a bad header one of the whole file."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.entrypoints.wire.records import parse_record
from gateway.entrypoints.wire.tables import read_csv
from gateway.flows.messages import IncomingRecord, Problem
from gateway.kernel.errors import InvalidInput
from tests.unit.wire.samples import NOW, SHA_HEX

HEADER = "record_id,observed_at,email,consent:identity_resolution,city"
AT = "2026-11-24T16:00:00Z"


def _read(text: str) -> list[tuple[int, object | Problem]]:
    return list(read_csv(io.BytesIO(text.encode())))


def test_a_row_becomes_the_object_that_json_gives() -> None:
    header = (
        "record_id,observed_at,jurisdiction,purpose,email,email:sha256:uid2,phone,platform_id:steam,"
        "platform_id:psn:sha256,cookie:sha256,consent:identity_resolution,consent:analytics,given_name,city"
    )
    identifiers = f' Jane@x.example ,{SHA_HEX},"+49 30, 1",7656,{SHA_HEX},{SHA_HEX}'
    row = f" r-1 ,{AT},DE,analytics,{identifiers},grant,opt_out,Jane,Köln"
    assert _read(f"\ufeff{header}\r\n{row}\r\n") == [
        (
            0,
            {
                "record_id": "r-1",
                "observed_at": AT,
                "jurisdiction": "DE",
                "purpose": "analytics",
                "identifiers": [
                    {"kind": "email", "value": " Jane@x.example "},
                    {"kind": "email", "sha256": SHA_HEX, "profile": "uid2"},
                    {"kind": "phone", "value": "+49 30, 1"},
                    {"kind": "platform_id", "value": "7656", "namespace": "steam"},
                    {"kind": "platform_id", "sha256": SHA_HEX, "namespace": "psn"},
                    {"kind": "cookie", "sha256": SHA_HEX},
                ],
                "attributes": {"given_name": "Jane", "city": "Köln"},
                "consents": [
                    {"kind": "grant", "purpose": "identity_resolution", "occurred_at": AT},
                    {"kind": "opt_out", "purpose": "analytics", "occurred_at": AT},
                ],
            },
        )
    ]


def test_empty_cells_are_absent() -> None:
    assert _read(f"{HEADER}\nr-1,{AT},a@b.example, ,\n") == [
        (0, {"record_id": "r-1", "observed_at": AT, "identifiers": [{"kind": "email", "value": "a@b.example"}]})
    ]


def test_a_kind_may_have_several_columns() -> None:
    ((_, row),) = _read(f"record_id,observed_at,email,email\nr-1,{AT},a@b.example,c@d.example\n")
    parsed = parse_record(row, 0, NOW)
    assert isinstance(parsed, IncomingRecord)
    assert len(parsed.identifiers) == 2


def test_bad_lines_are_problems_and_the_rest_is_read() -> None:
    good = f"r,{AT},a@b.example,grant,Rome"
    bad = [
        (f"r,{AT},a@b.example", "wrong_number_of_cells"),
        (f"{good},more", "wrong_number_of_cells"),
        (f'r,{AT},"a@b.example,grant,Rome', "malformed_csv"),
        (f'r,{AT},"a"b,grant,Rome', "malformed_csv"),
        (f"r,{AT},a\rb,grant,Rome", "malformed_csv"),
        (f"r,{AT},{'x' * 140_000},grant,Rome", "malformed_csv"),
        ("x" * (1 << 21), "line_too_long"),
    ]
    text = "\n".join([HEADER, good, "", *(line for line, _ in bad), good])
    found = list(read_csv([text.encode(), b"\n\xff\xfe,,,,\n", good.encode()]))
    assert [index for index, _ in found] == list(range(11))
    rules = [item.rule if isinstance(item, Problem) else "read" for _, item in found]
    assert rules == ["read", *(rule for _, rule in bad), "read", "not_utf8", "read"]
    third = found[1][1]
    assert isinstance(third, Problem)
    assert third == Problem("", "wrong_number_of_cells", "in line 4 of the file: there are not 5 cells", 1)


def test_hostile_cells_are_problems_of_their_record() -> None:
    ((_, row),) = _read(f"{HEADER}\nr-1,{AT},a\x00b,grant,Rome")
    problem = parse_record(row, 0, NOW)
    assert isinstance(problem, Problem)
    assert (problem.field, problem.rule) == ("identifiers[0].value", "control_characters")
    ((_, row),) = _read(f"{HEADER}\nr-1,,a@b.example,grant,Rome")
    problem = parse_record(row, 0, NOW)
    assert isinstance(problem, Problem)
    assert (problem.field, problem.rule) == ("observed_at", "required")
    ((_, row),) = _read(f"{HEADER}\nr-1,{AT},a@b.example,granted,Rome")
    problem = parse_record(row, 0, NOW)
    assert isinstance(problem, Problem)
    assert (problem.field, problem.rule) == ("consents[0].kind", "unknown_event")


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        ("", "missing_column"),
        ("\n\n", "missing_column"),
        ("record_id,email", "missing_column"),
        ("observed_at,email", "missing_column"),
        (f"jane@secret.example,{AT}", "missing_column"),
        ("record_id,observed_at,E-Mail", "bad_column"),
        ("record_id,observed_at,", "bad_column"),
        ("record_id,observed_at,record_id", "bad_column"),
        ("record_id,observed_at,city,city", "bad_column"),
        ("record_id,observed_at,consent:a,consent:a", "bad_column"),
        ("record_id,observed_at,consent", "bad_column"),
        ("record_id,observed_at,consent:*", "bad_column"),
        ("record_id,observed_at,consent:a:b", "bad_column"),
        ("record_id,observed_at,email:sha256:uid2:x", "bad_column"),
        ("record_id,observed_at,email:steam:psn", "bad_column"),
        ("record_id,observed_at,email::sha256", "bad_column"),
        ('record_id,observed_at,"email', "malformed_csv"),
    ],
)
def test_a_bad_header_spoils_the_file_and_is_not_shown(header: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _read(f"{header}\nr-1,{AT},a@b.example\n")
    assert (caught.value.field, caught.value.rule) == ("header", rule)
    assert "secret" not in str(caught.value)


def test_a_header_that_is_no_text_is_refused() -> None:
    for body, rule in ((b"\xff\xfe", "not_utf8"), (b"x" * (1 << 21), "line_too_long")):
        with pytest.raises(InvalidInput) as caught:
            list(read_csv([body]))
        assert (caught.value.field, caught.value.rule) == ("header", rule)


@given(st.lists(st.text('abc",;:\r\n\x00é ', max_size=30), max_size=6))
def test_any_rows_become_objects_or_problems(rows: list[str]) -> None:
    for index, item in _read("\n".join([HEADER, *rows])):
        parsed = item if isinstance(item, Problem) else parse_record(item, index, NOW)
        assert isinstance(parsed, IncomingRecord | Problem)
        assert not isinstance(parsed, Problem) or parsed.index == index


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(InvalidInput):
        list(read_csv([body]))
