"""Consent records: whatever happened, the record of it verifies, and no changed byte does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.consent.model import ANY_PURPOSE, EventKind
from gateway.consent.verify27560 import verify_record
from gateway.kernel.clock import HOUR
from gateway.kernel.errors import IntegrityError
from gateway.policy.schema import LEGAL_BASES
from tests.doors import canaries
from tests.properties.tape import Tape
from tests.unit.audit.logs import KEY
from tests.unit.consent.facts import NOW, POLICIES, PURPOSE
from tests.unit.consent.recorded import HIDDEN, NOTICE, OTHER, Act, record, signed

PURPOSES = (PURPOSE, "sale", ANY_PURPOSE, "purpose_of_the_past")
REGIMES = sorted(POLICIES.regimes)


def act(tape: Tape) -> Act:
    """Any event there can be, sensible or not."""
    return Act(
        kind=list(EventKind)[tape.below(len(EventKind))],
        purpose=PURPOSES[tape.below(len(PURPOSES))],
        at=NOW - HOUR * tape.below(250) - tape.below(250),
        ends=NOW + HOUR * (tape.below(250) - 100) if tape.below(2) else None,
        basis=("", *LEGAL_BASES)[tape.below(len(LEGAL_BASES) + 1)],
        method=("", "web_form", "Größe 3")[tape.below(3)],
        notice=("", NOTICE.reference, OTHER.reference, "gone@1")[tape.below(4)],
        regimes=tuple(REGIMES[one] for one in tape.several(range(len(REGIMES)), tape.below(3))),
        channel=("web", "store")[tape.below(2)],
        verified=tape.below(2) == 0,
        derived=tape.below(2) == 0,
        site=("", "web")[tape.below(2)],
        pii=(("email",), ("email", "cookie"))[tape.below(2)],
    )


def acts(blob: bytes) -> list[Act]:
    tape, made = Tape(blob), []
    while tape:
        made.append(act(tape))
    return made


HISTORIES = st.binary(min_size=1, max_size=120).map(acts)
PURPOSE_ASKED = st.sampled_from([None, PURPOSE, "sale"])


@settings(max_examples=60, deadline=None)
@given(HISTORIES, PURPOSE_ASKED)
def test_whatever_happened_its_record_verifies(history: list[Act], purpose: str | None) -> None:
    file = signed(*history, purpose=purpose)
    found = verify_record(file, KEY.vkey)
    held = [one for one in history if purpose is None or one.purpose in (purpose, ANY_PURPOSE)]
    assert found.events == len(held)
    assert found.record_type == ("record" if purpose is None else "receipt")
    assert canaries.found(file, [f"{HIDDEN:x}", str(HIDDEN)]) == []


@settings(max_examples=60, deadline=None)
@given(HISTORIES, st.integers(0), st.integers(1, 255))
def test_no_changed_byte_verifies(history: list[Act], place: int, change: int) -> None:
    spoiled = bytearray(signed(*history))
    spoiled[place % len(spoiled)] ^= change
    with pytest.raises(IntegrityError):
        verify_record(bytes(spoiled), KEY.vkey)


@given(HISTORIES)
def test_a_receipt_says_of_its_purpose_what_the_record_says(history: list[Act]) -> None:
    whole, part = record(*history), record(*history, purpose=PURPOSE)
    described = {one["purpose"]: one for one in whole["processing"]["purposes"]}
    (own,) = part["processing"]["purposes"]
    assert described.get(PURPOSE, own) == own
    shown = [event["log_index"] for event in part["events"]]
    assert shown == [one["log_index"] for one in whole["events"] if one["purpose"] in (PURPOSE, ANY_PURPOSE)]
