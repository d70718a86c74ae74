"""The export package: same bytes for the same person's data, safe cells, nothing the regime forbids."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.rights.export import NEVER_DISCLOSED, WITHHELD, IdentifierRow, disclosable
from gateway.rights.package import build_package
from tests.unit.rights.samples import at, subject_export

NAMES = [
    "README.txt",
    "export.json",
    "index.html",
    "identifiers.csv",
    "records.csv",
    "consents.csv",
    "links.csv",
    "disclosures.csv",
    "requests.csv",
]


def files(package: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def supplied(text: str) -> dict[str, str]:
    """One identifier that brings `text` -> the files of its package."""
    row = IdentifierRow("id-1", "email", ("web",), 0, 0, text)
    return files(build_package(replace(subject_export(), identifiers=(row,))))


def test_the_package_holds_its_nine_files_dated_when_it_was_made() -> None:
    package = build_package(subject_export())
    assert list(files(package)) == NAMES
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 11, 24, 16, 3, 0)}


def test_equal_exports_give_equal_bytes_whatever_the_order_of_rows() -> None:
    export = subject_export()
    shuffled = replace(
        export,
        identifiers=export.identifiers[::-1],
        records=export.records[::-1],
        consents=export.consents[::-1],
        links=export.links[::-1],
        purposes=dict(sorted(export.purposes.items(), reverse=True)),
    )
    assert build_package(shuffled) == build_package(export)
    assert build_package(replace(export, made_at=export.made_at + 60_000)) != build_package(export)


@pytest.mark.parametrize("made_at", ["1970-01-01", "2140-06-01"])
def test_a_time_that_zip_cannot_hold_is_clamped(made_at: str) -> None:
    assert list(files(build_package(replace(subject_export(), made_at=at(made_at))))) == NAMES


def test_json_and_csv_say_the_same() -> None:
    content = files(build_package(subject_export()))
    body = json.loads(content["export.json"])
    assert (body["format"], body["version"], body["made_at"]) == (
        "gateway-subject-export",
        1,
        "2026-11-24T16:03:00.000Z",
    )
    for part in ("identifiers", "records", "consents", "links", "disclosures", "requests"):
        flat = [
            {key: "; ".join(value) if isinstance(value, list) else value or "" for key, value in row.items()}
            for row in body[part]
        ]
        assert flat == [
            {key: cell.removeprefix("'") for key, cell in row.items()} for row in cells(content[f"{part}.csv"])
        ]
        assert flat


def test_the_requests_themselves_are_part_of_the_export() -> None:
    content = files(build_package(subject_export()))
    assert cells(content["requests.csv"])[0]["id"] == "req_aaaaaaaaabqwy"
    assert "req_aaaaaaaaabqwy" in content["index.html"]


@pytest.mark.parametrize("kind", sorted(NEVER_DISCLOSED))
def test_california_names_a_government_or_payment_number_by_kind_only(kind: str) -> None:
    row = IdentifierRow("id-1", kind, ("store",), 0, 0, "078-05-1120")
    package = build_package(replace(subject_export("ccpa"), identifiers=(row,)))
    assert b"078-05-1120" not in package
    assert cells(files(package)["identifiers.csv"])[0]["supplied"] == WITHHELD
    assert "078-05-1120" in files(build_package(replace(subject_export(), identifiers=(row,))))["export.json"]


def test_california_says_nothing_was_withheld_where_nothing_was_supplied() -> None:
    row = IdentifierRow("id-1", "national_id", ("store",), 0, 0)
    export = disclosable(replace(subject_export("ccpa"), identifiers=(row,)))
    assert export.identifiers == (row,)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "  =", "\uff1d"])
def test_a_cell_never_starts_a_formula(start: str) -> None:
    cell = cells(supplied(f"{start}HYPERLINK(0)")["identifiers.csv"])[0]["supplied"]
    assert not cell.startswith(tuple("=+-@\t\r\n|%\uff1d "))


@settings(max_examples=50)
@given(text=st.text(max_size=30))
def test_any_supplied_text_comes_through_whole(text: str) -> None:
    content = supplied(text)
    row = json.loads(content["export.json"])["identifiers"][0]
    printable = all(character >= " " and not "\x7f" <= character < "\xa0" for character in text)
    assert row["supplied"] == text or not printable
    assert len(row["supplied"]) == len(text)
    assert cells(content["identifiers.csv"])[0]["supplied"] in {row["supplied"], "'" + row["supplied"]}


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "a\x1bb", "a\x85b"])
def test_control_characters_and_lone_surrogates_are_replaced(text: str) -> None:
    content = supplied(text)
    assert json.loads(content["export.json"])["identifiers"][0]["supplied"] == "a\ufffdb"
    assert "<bdi>a\ufffdb</bdi>" in content["index.html"]


@pytest.mark.parametrize(
    ("regime", "authority"),
    [
        ("gdpr", "data protection authority"),
        ("uk_gdpr", "Information Commissioner"),
        ("ccpa", "California Privacy Protection Agency"),
        ("lgpd", "authority"),
    ],
)
def test_each_regime_says_how_to_complain(regime: str, authority: str) -> None:
    content = files(build_package(subject_export(regime)))
    for name in ("README.txt", "index.html", "export.json"):
        assert authority in content[name]


def test_an_export_without_rows_says_so() -> None:
    export = replace(
        subject_export(), identifiers=(), records=(), consents=(), links=(), disclosures=(), requests=(), contact=""
    )
    content = files(build_package(export))
    assert content["index.html"].count("Nothing is on record.") == 6
    assert "Contact:" not in content["README.txt"]


def test_no_repr_shows_what_the_person_supplied() -> None:
    assert "jana@example.com" not in repr(subject_export())
