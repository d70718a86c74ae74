"""Which version of a notice somebody was shown: the one in force then, if it asks for the purpose."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.notices import Notice, NoticeBook

FIRST = Notice("banner", "1", frozenset({"analytics"}), 100, 200)
SECOND = Notice("banner", "2", frozenset({"analytics", "sale"}), 200, None)
BOOK = NoticeBook([SECOND, FIRST, Notice("form", "1", frozenset({"sale"}), 0, None)])


@pytest.mark.parametrize(
    ("named", "purpose", "at", "found"),
    [
        ("banner", "analytics", 99, None),
        ("banner", "analytics", 100, FIRST),
        ("banner", "analytics", 199, FIRST),
        ("banner", "analytics", 200, SECOND),
        ("banner", "sale", 150, None),
        ("banner@1", "analytics", 150, FIRST),
        ("banner@2", "analytics", 150, None),
        ("banner@1", "analytics", 250, None),
        ("banner@3", "analytics", 250, None),
        ("poster", "analytics", 250, None),
        ("", "analytics", 250, None),
        ("@2", "analytics", 250, None),
    ],
)
def test_what_was_shown(named: str, purpose: str, at: int, found: Notice | None) -> None:
    assert BOOK.shown(named, purpose, at) == found


def test_an_empty_book_shows_nothing() -> None:
    assert NoticeBook().shown("banner", "analytics", 150) is None


def test_events_name_the_version() -> None:
    assert SECOND.reference == "banner@2"
    assert BOOK.shown(SECOND.reference, "sale", 300) == SECOND


@given(st.integers(-50, 400), st.sampled_from(["analytics", "sale"]), st.integers(0, 400))
def test_naming_the_version_finds_it_exactly_where_naming_the_notice_does(at: int, purpose: str, end: int) -> None:
    book = NoticeBook([FIRST, replace(SECOND, in_force_to=end)])
    found = book.shown("banner", purpose, at)
    by_version = [book.shown(f"banner@{version}", purpose, at) for version in "12"]
    assert [one for one in by_version if one] == ([found] if found else [])
