"""Surrogate ids: drawn in runs, never 0, and their texts are read back or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernel.ids import decode, draw, encode

IDS = st.integers(1, 2**63 - 1)


@given(st.integers(0, 5000))
def test_a_run_is_consecutive_and_fits_a_column(count: int) -> None:
    run = draw(count)
    assert len(run) == count
    assert run.step == 1
    assert run.start > 0
    assert run.stop <= 2**63


def test_runs_begin_anywhere() -> None:
    starts = {draw(1).start for _ in range(200)}
    assert len(starts) == 200


@given(IDS)
def test_the_text_of_an_id_is_read_back(number: int) -> None:
    text = encode("req", number)
    assert decode("req", text) == number
    assert text == text.lower()


@given(IDS)
def test_under_another_prefix_it_is_not(number: int) -> None:
    with pytest.raises(ValueError, match="req_"):
        decode("req", encode("dec", number))


@given(st.text(max_size=20) | st.from_regex(r"req_[a-z2-7]{13}", fullmatch=True))
def test_any_other_text_is_refused(text: str) -> None:
    try:
        number = decode("req", text)
    except ValueError:
        return
    assert encode("req", number) == text
