"""The receipt: JSON and text say the same, and promise no more than was recorded."""

from __future__ import annotations

import json

import pytest

from gateway.rights.model import RequestKind
from gateway.rights.receipt import STATEMENT, ErasureReceipt
from tests.unit.rights.samples import at

PROOF = "c2sp.org/tlog-proof@v1\nindex 41\nAAAA\n\norigin\n42\nBBBB\n"


def receipt(kind: RequestKind = RequestKind.ERASURE, processors: tuple[str, ...] = ()) -> ErasureReceipt:
    return ErasureReceipt(
        request="req_aaaaaaaaabqwy",
        kind=kind,
        completed_at=at("2026-11-24T16:03"),
        counts={"links": 4, "identifiers": 3},
        last_backup_day="2026-12-24",
        log_index=41,
        proof=PROOF,
        processors=processors,
    )


def test_the_json_is_in_a_fixed_order_and_complete() -> None:
    text = json.dumps(receipt(processors=("Mailer", "Ads")).as_json())
    assert text == json.dumps(json.loads(text), sort_keys=True)
    assert json.loads(text) == {
        "completed_at": "2026-11-24T16:03:00.000Z",
        "counts": {"identifiers": 3, "links": 4},
        "kind": "erasure",
        "last_backup_day": "2026-12-24",
        "log_index": 41,
        "processors": ["Ads", "Mailer"],
        "proof": PROOF,
        "request": "req_aaaaaaaaabqwy",
        "statement": STATEMENT,
    }


def test_the_receipt_says_what_was_recorded_and_not_that_nothing_remains() -> None:
    assert "says what was recorded" in STATEMENT
    assert "does not say that nothing about you remains" in STATEMENT
    assert STATEMENT in receipt().as_text()


def test_the_text_names_everything_and_ends_with_the_proof_file() -> None:
    text = receipt(processors=("Mailer",)).as_text()
    for part in ("req_aaaaaaaaabqwy", "2026-11-24T16:03:00.000Z", "2026-12-24", "entry 41", "  Mailer\n"):
        assert part in text
    assert "  identifiers  3\n  links        4\n" in text
    assert text.endswith("\n\n" + PROOF)


def test_nothing_told_and_nothing_found_is_said() -> None:
    assert "none was on record" in receipt().as_text()


@pytest.mark.parametrize("kind", list(RequestKind))
def test_every_kind_has_its_heading(kind: RequestKind) -> None:
    assert receipt(kind).as_text().startswith("Receipt for ")
