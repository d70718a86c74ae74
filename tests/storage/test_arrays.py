"""Arrays packed here are what PostgreSQL reads: every value comes back, nulls too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Engine, Float

from gateway.storage.arrays import Packed, binaries, booleans, integers, packer, texts
from gateway.storage.session import Session

# PostgreSQL's text holds no NUL, UTF-8 no surrogate.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.fixture
def session(postgres_engine: Engine) -> Iterator[Session]:
    with postgres_engine.connect() as connection:
        yield Session(connection.connection, postgres=True)


@pytest.mark.parametrize(
    ("pack", "values"),
    [
        (integers, st.integers(-(2**63), 2**63 - 1)),
        (binaries, st.binary()),
        (booleans, st.booleans()),
        (texts, TEXT),
    ],
    ids=["integers", "binaries", "booleans", "texts"],
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_value_comes_back(
    session: Session, pack: Callable[[Sequence[Any]], Packed], values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    given_values = data.draw(st.lists(st.none() | values, min_size=1))
    assert [one for (one,) in session.rows("SELECT unnest(?)", [pack(given_values)])] == given_values
    without = [one for one in given_values if one is not None]
    if without:
        assert session.rows("SELECT ?", [pack(without)]) == [(without,)]


def test_a_type_without_array_is_refused() -> None:
    with pytest.raises(TypeError, match="price"):
        packer(Column("price", Float))
