"""The log over HTTP: what a stranger needs to check it, and nothing else."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.checkpoint import Checkpoint, VerifierKey, open_checkpoint
from gateway.audit.merkle import leaf_hash
from gateway.audit.proofs import verify_consistency, verify_inclusion
from gateway.audit.verify import verify_export
from gateway.flows import audit
from tests.doors.sites import Site, cookie, record


def checkpoint(site: Site) -> Checkpoint:
    answered = site.call("GET", "/v1/audit/checkpoint", "auditor")
    assert (answered.status_code, answered.content_type) == (200, "text/plain; charset=utf-8")
    key = VerifierKey.parse(audit.verifier_key(site.gateway, site.tenant))
    return open_checkpoint(answered.get_data(as_text=True), [key])


def hashes(site: Site, path: str) -> list[bytes]:
    answered = site.call("GET", path, "auditor")
    assert answered.status_code == 200
    return [base64.b64decode(one, validate=True) for one in answered.get_json()["hashes"]]


def leaves(site: Site, start: int, end: int) -> list[bytes]:
    answered = site.call("GET", f"/v1/audit/entries?start={start}&end={end}", "auditor").get_json()
    assert [one["index"] for one in answered["entries"]] == list(range(start, end))
    return [one["leaf"].encode() for one in answered["entries"]]


def grow(site: Site, count: int) -> None:
    batch = [record(f"r{place}", cookie(f"cookie-{place}")) for place in range(count)]
    assert site.call("POST", "/v1/records", "web", json={"records": batch}).status_code == 200


def test_entries_and_the_growth_of_the_log_can_be_proved(site: Site) -> None:
    before = checkpoint(site)
    grow(site, 5)
    audit.checkpoint(site.gateway, site.tenant)
    after = checkpoint(site)
    assert after.size > before.size
    for index, leaf in enumerate(leaves(site, 0, after.size)):
        path = hashes(site, f"/v1/audit/proof/inclusion?index={index}&size={after.size}")
        verify_inclusion(leaf_hash(leaf), index, after.size, path, after.root)
    path = hashes(site, f"/v1/audit/proof/consistency?from={before.size}&to={after.size}")
    verify_consistency(before.size, before.root, after.size, after.root, path)


def test_an_export_verifies_from_its_files_alone(site: Site, tmp_path: Path) -> None:
    grow(site, 3)
    made = site.call("POST", "/v1/audit/exports", "auditor")
    body: dict[str, Any] = made.get_json()
    assert made.status_code == 201
    assert made.headers["Location"] == f"/v1/audit/exports/{body['id']}"
    grow(site, 4)
    fetched = site.call("GET", made.headers["Location"], "admin")
    assert (fetched.status_code, fetched.mimetype) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(fetched.get_data())) as archive:
        archive.extractall(tmp_path / "export")
    verified = verify_export(tmp_path / "export", audit.verifier_key(site.gateway, site.tenant))
    assert (verified.origin, verified.size) == (body["origin"], body["size"])
    assert (tmp_path / "export" / "openings.ndjson").read_bytes() == b""


@pytest.mark.parametrize("name", ["exp_0000000000000999", "exp_", "req_0000000000000001", "9" * 300, "%00"])
def test_an_unknown_export_is_not_found(shared_site: Site, name: str) -> None:
    assert shared_site.call("GET", f"/v1/audit/exports/{name}", "auditor").status_code == 404


@pytest.mark.parametrize(
    ("path", "field", "rule"),
    [
        ("entries", "start", "required"),
        ("entries?start=0", "end", "required"),
        ("entries?start=1&end=1", "end", "range"),
        ("entries?start=0&end=999999999999999999", "end", "range"),
        ("entries?start=1.0&end=2", "start", "wrong_type"),
        ("proof/inclusion?index=0", "size", "required"),
        ("proof/inclusion?index=5&size=2", "index", "range"),
        ("proof/inclusion?index=0&size=0", "index", "range"),
        ("proof/inclusion?index=0&size=999999999999999999", "size", "range"),
        ("proof/consistency?from=2&to=1", "from", "range"),
        ("proof/consistency?from=0&to=999999999999999999", "to", "range"),
    ],
)
def test_a_range_that_is_not_there_names_its_fault(shared_site: Site, path: str, field: str, rule: str) -> None:
    answered = shared_site.call("GET", f"/v1/audit/{path}", "auditor")
    assert answered.status_code == 400
    assert (answered.get_json()["field"], answered.get_json()["rule"]) == (field, rule)
