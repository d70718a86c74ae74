"""The error families: one root, and where in the input the fault is."""

from __future__ import annotations

import inspect

from gateway.kernel import errors
from gateway.kernel.errors import BehindJournal, Frozen, GatewayError, InvalidInput, Stale, TooLarge, Unavailable


def test_every_error_has_the_one_root_and_a_title_of_its_own() -> None:
    defined = [one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__]
    found = [one for one in defined if issubclass(one, GatewayError)]
    assert found == defined
    assert len({one.title for one in found}) == len(found)
    assert all(inspect.getdoc(one) for one in found)


def test_a_fault_in_the_input_says_where() -> None:
    error = TooLarge("too many", field="identifiers", rule="too_many", index=4)
    assert isinstance(error, InvalidInput)
    assert (str(error), error.field, error.rule, error.index) == ("too many", "identifiers", "too_many", 4)


def test_what_fails_closed_is_unavailable() -> None:
    assert all(issubclass(one, Unavailable) for one in (Frozen, BehindJournal, Stale))
