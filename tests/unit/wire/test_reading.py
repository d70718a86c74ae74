"""Bytes to objects: damaged, hostile and oversized input gives problems, in bounded memory, and the rest is read."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.entrypoints.wire.reading import MAX_LINE, bounded_gunzip, parse_json, read_lines, read_ndjson
from gateway.entrypoints.wire.records import parse_record
from gateway.flows.messages import Problem
from gateway.kernel.errors import InvalidInput, TooLarge
from tests.unit.wire.samples import JSON, NOW, RECORD

MEBIBYTE = 1 << 20


@given(JSON)
def test_json_is_read(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    try:
        body = text.encode()
    except UnicodeEncodeError:
        return
    assert parse_json(body) == parse_json(b"\xef\xbb\xbf" + body) == value


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"{} {}", "malformed_json"),
        (b"NaN", "malformed_json"),
        (b"1e999", "malformed_json"),
        (b'"\xff"', "malformed_json"),
        (b'"\\ud800"', "malformed_json"),
        (b'"\x00"', "malformed_json"),
        (b"{'a': 1}", "malformed_json"),
        (b"[" * 10_000 + b"]" * 10_000, "nested_too_deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested_too_deep"),
    ],
)
def test_what_is_not_json_is_refused(body: bytes, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_json(body)
    assert caught.value.rule == rule
    assert caught.value.__context__ is None


def test_the_refusal_says_where_and_not_what() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_json(b'{"value":\n "jane@example.com" jane@example.com}')
    assert str(caught.value) == "this is not JSON: line 2, column 21"


def test_nesting_at_the_limit_and_huge_numbers_do_no_harm() -> None:
    deep: object = parse_json(b'{"record_id":' + b"[" * 1_000 + b"]" * 1_000 + b"}")
    huge = parse_json(b'{"record_id":' + b"9" * 300 + b"}")
    for data in (deep, huge):
        problem = parse_record(data, 0, NOW)
        assert isinstance(problem, Problem)
        assert (problem.field, problem.rule) == ("record_id", "wrong_type")


def test_of_repeated_names_the_last_counts() -> None:
    assert parse_json(b'{"a":1,"a":2}') == {"a": 2}


def test_lines_are_read_and_bad_ones_do_not_spoil_the_rest() -> None:
    lines = [
        b'\xef\xbb\xbf{"a":1}\r',
        b"",
        b"  \t",
        b"{broken",
        b"[" * 2_000,
        b'"' + b"x" * MAX_LINE + b'"',
        b'{"b":2}',
    ]
    found = list(read_ndjson(io.BytesIO(b"\n".join(lines))))
    assert found[0] == (0, {"a": 1})
    assert [(index, item.rule) for index, item in found if isinstance(item, Problem)] == [
        (1, "malformed_json"),
        (2, "nested_too_deep"),
        (3, "line_too_long"),
    ]
    assert found[4] == (4, {"b": 2})
    problems = [item for _, item in found if isinstance(item, Problem)]
    assert [problem.index for problem in problems] == [1, 2, 3]
    assert [problem.message.split(":")[0] for problem in problems] == [
        "in line 4 of the file",
        "in line 5 of the file",
        "in line 6 of the file",
    ]


@given(
    st.lists(st.sampled_from([b'{"a":1}', b"\n", b"\r\n", b"x", b" ", b'"\xc3\xa9"', b"\x00"]), max_size=20), st.data()
)
def test_where_a_stream_is_cut_does_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert list(read_ndjson(pieces)) == list(read_ndjson(io.BytesIO(whole)))


def test_lines_of_a_file_and_of_a_raw_stream_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "records.ndjson"
    path.write_bytes(b"".join(json.dumps({"n": number}).encode() + b"\n" for number in range(20_000)))
    with path.open("rb") as buffered, path.open("rb", buffering=0) as raw:
        assert list(read_ndjson(buffered)) == list(read_ndjson(raw))


def test_a_line_at_the_limit_is_read_and_one_byte_more_is_not() -> None:
    def rules(size: int) -> list[str]:
        body = b"x" * size + b"\nnext"
        return [line.rule if isinstance(line, Problem) else "read" for _, line in read_lines([body])]

    assert rules(MAX_LINE) == ["read", "read"]
    assert rules(MAX_LINE + 1) == ["line_too_long", "read"]


def test_a_line_without_end_takes_no_memory() -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(2_000):
            yield b"x" * 65_536

    tracemalloc.start()
    try:
        found = list(read_ndjson(endless()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [item.rule for _, item in found if isinstance(item, Problem)] == ["line_too_long"]
    assert peak < 4 * MEBIBYTE


# --- gzip -------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(1, 50))
def test_members_of_gzip_are_unpacked_wherever_they_are_cut(members: list[bytes], size: int) -> None:
    packed = b"".join(map(gzip.compress, members)) + b"\0" * 7
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    whole = b"".join(members)
    assert b"".join(bounded_gunzip(pieces, len(whole))) == whole
    assert b"".join(bounded_gunzip(io.BytesIO(packed), len(whole))) == whole
    if whole:
        with pytest.raises(TooLarge):
            list(bounded_gunzip(pieces, len(whole) - 1))


def _bomb(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(MEBIBYTE)
    return b"".join([*(packer.compress(zeros) for _ in range(mebibytes)), packer.flush()])


def test_a_bomb_costs_no_more_than_the_limit() -> None:
    packed = _bomb(256)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge) as caught:
            for _ in bounded_gunzip([packed], 10 * MEBIBYTE):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.rule == "too_large"
    assert peak < 4 * MEBIBYTE


@given(st.binary(max_size=60))
def test_what_is_no_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        list(bounded_gunzip([body], 1_000))
    assert caught.value.rule == "malformed_gzip"


@given(st.integers(0, 60), st.integers(0, 255))
def test_gzip_that_is_cut_off_or_damaged_is_refused_or_harmless(at: int, byte: int) -> None:
    packed = gzip.compress(b"somebody " * 5, mtime=0)
    with pytest.raises(InvalidInput):
        list(bounded_gunzip([packed[: min(at, len(packed) - 1)]], 1_000))
    damaged = bytearray(packed)
    damaged[at % len(packed)] = byte
    try:
        unpacked = b"".join(bounded_gunzip([bytes(damaged)], 1_000))
    except InvalidInput:
        return
    assert unpacked == b"somebody " * 5


def test_records_are_read_from_gzip() -> None:
    packed = gzip.compress(b"\n".join([json.dumps(RECORD).encode()] * 3))
    found = list(read_ndjson(bounded_gunzip([packed], MEBIBYTE)))
    assert found == [(0, RECORD), (1, RECORD), (2, RECORD)]
