"""Bodies made to hurt: each is refused, writes nothing, and leaves the worker well."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from pathlib import Path
from typing import IO, Any, Final

import pytest
from werkzeug.test import TestResponse

from tests.doors.sites import CHUNKED, MAX_BODY, PURPOSE, Site, cookie, email, record

DEPTH: Final = 10_000
GIB: Final = 1 << 30
JSON: Final = {"Content-Type": "application/json"}
NDJSON: Final = {"Content-Type": "application/x-ndjson"}
GZIPPED: Final = {**JSON, "Content-Encoding": "gzip"}
REQUEST: Final = "req_0000000000000001"

# Route, who, a body it takes.
POSTS: Final[list[tuple[str, str, dict[str, Any]]]] = [
    ("/v1/records", "web", {"records": [record("r1")]}),
    ("/v1/decisions", "web", {"records": [record("r1")]}),
    ("/v1/consents", "web", {"consents": []}),
    ("/v1/consents/query", "web", {"identifiers": [email()], "purpose": PURPOSE}),
    ("/v1/consents/receipts", "dpo", {"identifiers": [email()], "purpose": PURPOSE}),
    ("/v1/profiles/resolve", "web", {"identifiers": [email()], "purpose": PURPOSE}),
    (
        "/v1/rights",
        "dpo",
        {"request": "access", "identifiers": [email()], "jurisdiction": "DE", "proof": "account_login"},
    ),
    (f"/v1/rights/{REQUEST}/verify", "dpo", {"proof": "account_login"}),
]
SPOILED: Final[dict[str, bytes]] = {
    "blank": b" \n\t ",
    "cut off": b'{"records":[{"record_id":"r',
    "no json": b"records=[]",
    "deep list": b"[" * DEPTH + b"]" * DEPTH,
    "deep object": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "deep in a field": b'{"records":' + b"[" * DEPTH + b"]" * DEPTH + b"}",
    "nul": b"\x00" * 64,
    "nul behind": b'{"records":[]}\x00',
    "utf-16": '{"records":[]}'.encode("utf-16"),
    "raw surrogate": b'{"records":["\xed\xa0\x80"]}',
    "surrogate": b'{"records":["\\ud800"]}',
    "bad utf-8": b'{"records":["\xff\xfe"]}',
    "nan": b'{"records":NaN}',
    "infinite": b'{"records":[1e999999]}x',
    "list": b"[]",
    "number": b"5",
    "huge number": b"9" * 100_000,
    "text": b'"records"',
    "null": b"null",
    "true": b"true",
    "no fields": b"{}",
    "wrong field": b'{"elsewhere":[]}',
    "null field": b'{"records":null,"consents":null,"identifiers":null,"proof":null}',
    "text field": b'{"records":"r1"}',
    "object field": b'{"records":{}}',
}


def refused(site: Site, answered: TestResponse, before: dict[str, int]) -> str:
    """Check that it is a problem of the caller's and left nothing behind -> the rule."""
    assert 400 <= answered.status_code < 500, answered.get_data()
    assert answered.mimetype == "application/problem+json"
    assert site.rows() == before
    site.alive()
    return str(answered.get_json().get("rule", ""))


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_spoiled_body_is_refused_by_every_route(shared_site: Site, spoiled: str) -> None:
    before = shared_site.rows()
    for path, who, _ in POSTS:
        answered = shared_site.call("POST", path, who, data=SPOILED[spoiled], headers=JSON)
        assert refused(shared_site, answered, before)


@pytest.mark.parametrize(("path", "who", "body"), POSTS)
def test_an_unknown_field_is_refused_and_not_repeated(
    shared_site: Site, path: str, who: str, body: dict[str, Any]
) -> None:
    before = shared_site.rows()
    answered = shared_site.call("POST", path, who, json={**body, "jane@shop.example": 1})
    assert refused(shared_site, answered, before) == "unknown_field"
    assert "jane" not in answered.get_data(as_text=True)


def test_no_body_is_said_to_be_none(shared_site: Site) -> None:
    before = shared_site.rows()
    for path, who, _ in POSTS[:-1]:
        assert refused(shared_site, shared_site.call("POST", path, who, headers=JSON), before) == "empty_body"
    assert (
        refused(shared_site, shared_site.call("POST", "/v1/records", "web", data=b"\n\n", headers=NDJSON), before)
        == "empty_body"
    )


HOSTILE_RECORDS: Final[dict[str, object]] = {
    "nul": record("r\0"),
    "nul in a value": record("r1", email("jane\0@shop.example")),
    "newline": record("r1", cookie("a\nb")),
    "bidi": record("r1", {"kind": "em\u202eail", "value": "x"}),
    "huge int": record("r1", observed_at=10**30),
    "float": record("r1", observed_at=1.5),
    "boolean": record("r1", identifiers=True),
    "object for text": record("r1", {"kind": "email", "value": {"$ne": ""}}),  # type: ignore[dict-item]  # on purpose
    "far future": record("r1", observed_at="9999-12-31T23:59:59Z"),
    "year 0": record("r1", observed_at="0000-01-01T00:00:00Z"),
    "long id": record("r" * 100_000),
    "many identifiers": record("r1", *[cookie(f"c{place}") for place in range(51)]),
    "no identifiers": record("r1", identifiers=[]),
    "looks hashed": record("r1", email("a" * 64)),
    "short digest": record("r1", {"kind": "email", "sha256": "ab", "profile": "uid2"}),
    "unknown kind": record("r1", {"kind": "shoe_size", "value": "44"}),
    "unknown event": record("r1", consents=[{"kind": "expire", "purpose": "x", "occurred_at": "2026-11-01T00:00:00Z"}]),
    "unknown field": record("r1", favorite="jane@shop.example"),
    "nested attribute": record("r1", attributes={"given_name": {"a": {"b": []}}}),
    "list": [],
    "null": None,
}


@pytest.mark.parametrize("name", HOSTILE_RECORDS)
def test_a_hostile_record_is_a_problem_of_its_own(shared_site: Site, name: str) -> None:
    before = shared_site.rows()
    hostile = HOSTILE_RECORDS[name]
    for path, headers, body in (
        ("/v1/records", JSON, json.dumps({"records": [hostile]})),
        ("/v1/records", NDJSON, json.dumps(hostile)),
        ("/v1/decisions", JSON, json.dumps({"records": [hostile]})),
    ):
        answered = shared_site.call("POST", path, "web", data=body, headers=headers)
        assert answered.status_code == 200
        (result,) = answered.get_json()["results"]
        assert result["outcome"] == "invalid"
        assert result["problem"]["rule"]
        assert result["problem"]["index"] == 0
        assert "jane" not in json.dumps(result["problem"])
    assert shared_site.rows() == before


def test_of_repeated_names_the_last_counts(site: Site) -> None:
    body = json.dumps({"records": [record("r1")]}).replace('"record_id": "r1"', '"record_id": "x", "record_id": "r1"')
    answered = site.call("POST", "/v1/records", "web", data=body, headers=JSON)
    assert [(one["record_id"], one["outcome"]) for one in answered.get_json()["results"]] == [("r1", "created")]


def test_too_many_items_are_too_many_in_every_form(shared_site: Site) -> None:
    before = shared_site.rows()
    listed = b'{"records":[' + b"0," * 10_000 + b"0]}"
    lines = b"0\n" * 10_001
    for data, headers in ((listed, JSON), (lines, NDJSON), (gzip.compress(listed), GZIPPED)):
        answered = shared_site.call("POST", "/v1/records", "web", data=data, headers=headers)
        assert (answered.status_code, refused(shared_site, answered, before)) == (413, "too_many")
    most = shared_site.call("POST", "/v1/records", "web", data=b"0\n" * 10_000, headers=NDJSON)
    assert (most.status_code, len(most.get_json()["results"])) == (200, 10_000)


def test_a_large_body_is_too_large_however_it_comes(shared_site: Site) -> None:
    before = shared_site.rows()
    padded = b'{"records":[]' + b" " * (MAX_BODY - 14) + b"}"
    assert shared_site.call("POST", "/v1/records", "web", data=padded, headers=JSON).status_code == 200
    chunked: dict[str, Any] = {"environ_overrides": CHUNKED}
    for data, headers, options in (
        (padded + b" ", JSON, {}),
        (padded + b" ", JSON, chunked),
        (b" " * (MAX_BODY + 1), NDJSON, {}),
        (b" " * (MAX_BODY + 1), NDJSON, chunked),
        (gzip.compress(padded + b" "), GZIPPED, {}),
        (gzip.compress(b" " * (MAX_BODY + 1)), {**GZIPPED, **NDJSON}, {}),
    ):
        answered = shared_site.call("POST", "/v1/records", "web", data=data, headers=headers, **options)
        assert (answered.status_code, refused(shared_site, answered, before)) == (413, "too_large")


@pytest.mark.parametrize("unit", [b"[],", b"{},", b'"",', b"1,"])
def test_a_body_that_is_small_but_large_when_read_is_refused(shared_site: Site, unit: bytes) -> None:
    before = shared_site.rows()
    data = b'{"records":[' + unit * ((MAX_BODY - 20) // len(unit)) + b"1]}"
    for path in ("/v1/records", "/v1/profiles/resolve"):
        answered = shared_site.call("POST", path, "web", data=data, headers=JSON)
        assert (answered.status_code, refused(shared_site, answered, before)) == (413, "too_many_values")


def test_a_body_of_empty_lines_is_refused_before_they_are_read(shared_site: Site) -> None:
    before = shared_site.rows()
    for data, headers in ((b"\n" * MAX_BODY, NDJSON), (gzip.compress(b"\n" * MAX_BODY), {**GZIPPED, **NDJSON})):
        answered = shared_site.call("POST", "/v1/records", "web", data=data, headers=headers)
        assert (answered.status_code, refused(shared_site, answered, before)) == (413, "too_many")


def bomb(path: Path) -> IO[bytes]:
    """A gzip of one member that unpacks to a GiB of blanks: one block, again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(b" " * (1 << 16)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * (1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(head + block * (GIB >> 24))
    return path.open("rb")


@pytest.mark.parametrize("headers", [GZIPPED, {**GZIPPED, **NDJSON}])
@pytest.mark.parametrize(
    ("path", "who"), [("/v1/records", "web"), ("/v1/profiles/resolve", "web"), ("/v1/rights", "dpo")]
)
def test_a_bomb_is_put_out_after_its_first_bytes(
    shared_site: Site, tmp_path: Path, headers: dict[str, str], path: str, who: str
) -> None:
    before = shared_site.rows()
    with bomb(tmp_path / "bomb.gz") as stream:
        size = (tmp_path / "bomb.gz").stat().st_size
        assert size <= MAX_BODY
        answered = shared_site.call("POST", path, who, input_stream=stream, content_length=size, headers=headers)
        read = stream.tell()
    status = 415 if path != "/v1/records" and "ndjson" in headers["Content-Type"] else 413
    assert (answered.status_code, answered.get_json().get("rule")) == (status, "too_large" if status == 413 else None)
    assert read <= 1 << 17
    refused(shared_site, answered, before)


@pytest.mark.parametrize(
    "packed",
    [
        b"not gzip at all",
        gzip.compress(b'{"records":[]}')[:-6],
        gzip.compress(b'{"records":[]}') + b"trailing",
        zlib.compress(b'{"records":[]}'),
        b"\x1f\x8b",
    ],
    ids=["no gzip", "cut off", "trailing", "zlib", "empty"],
)
def test_a_damaged_gzip_is_refused(shared_site: Site, packed: bytes) -> None:
    before = shared_site.rows()
    answered = shared_site.call("POST", "/v1/records", "web", data=packed, headers=GZIPPED)
    assert refused(shared_site, answered, before) == "malformed_gzip"


class BrokenStream:
    """A body whose sender goes away, or whose server finds bad chunks."""

    def __init__(self, data: bytes, *, fails: bool) -> None:
        self._data = io.BytesIO(data)
        self._fails = fails

    def read(self, size: int = -1) -> bytes:
        piece = self._data.read(size)
        if not piece and self._fails:
            raise OSError("chunk header of jane@shop.example is damaged")
        return piece


@pytest.mark.parametrize("terminated", [{}, {"wsgi.input_terminated": True}], ids=["bare", "terminated"])
@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("headers", [JSON, NDJSON, GZIPPED], ids=["json", "ndjson", "gzip"])
def test_a_body_that_breaks_off_is_refused(
    shared_site: Site,
    headers: dict[str, str],
    fails: bool,  # noqa: FBT001 - a case
    terminated: dict[str, bool],
) -> None:
    before = shared_site.rows()
    whole = json.dumps(record("r1") if headers is NDJSON else {"records": [record("r1")]}).encode()
    data = gzip.compress(whole) if headers is GZIPPED else whole
    environ = {"wsgi.input": BrokenStream(data, fails=fails), "CONTENT_LENGTH": str(len(data) + 10)} | terminated
    answered = shared_site.call("POST", "/v1/records", "web", environ_overrides=environ, headers=headers)
    refused(shared_site, answered, before)
    assert "jane" not in answered.get_data(as_text=True)
