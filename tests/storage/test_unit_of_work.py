"""No change of the partition without its entry in the log, and no entry of a change without the change."""

from __future__ import annotations

import pytest

from gateway.audit.entries import EntryKind
from gateway.kernel.errors import IntegrityError
from gateway.profiles.engine import Plan
from gateway.profiles.model import Change, Profile
from gateway.storage.log import Entry
from gateway.storage.unit_of_work import Storage, UnitOfWork

GRAPH = "identity_resolution"


def make_profile(unit: UnitOfWork) -> None:
    profile = Profile(101, -1, frozenset(), irregular=False, outside=0)
    change = Change("created", 101, (), (11,), ())
    plan = Plan(changes=[change], moved={11: 101}, fresh={11}, profiles={101: profile})
    unit.profiles.apply(GRAPH, plan, [(11, "email")], position=0)


def log_profile(unit: UnitOfWork, kind: EntryKind = EntryKind.PROFILE_CREATED) -> None:
    unit.log.append([Entry(kind, b"{}")])


def state(storage: Storage) -> tuple[int, int]:
    """(profiles, size of the log) that were committed."""
    with storage.begin(1, write=False) as unit:
        return len(unit.profiles.all_homes(GRAPH)), unit.log.head().size


def test_a_change_with_its_entry_is_committed(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        make_profile(unit)
        log_profile(unit)
        unit.commit()
    assert state(storage) == (1, 1)


def test_a_change_without_an_entry_is_not_committed(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        make_profile(unit)
        with pytest.raises(IntegrityError, match="nothing was committed"):
            unit.commit()
    assert state(storage) == (0, 0)


def test_another_entry_does_not_stand_for_the_change(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        make_profile(unit)
        log_profile(unit, EntryKind.CONSENT_RECORDED)
        with pytest.raises(IntegrityError):
            unit.commit()
    assert state(storage) == (0, 0)


def test_an_entry_without_its_change_is_not_committed(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        log_profile(unit)
        with pytest.raises(IntegrityError):
            unit.commit()
    assert state(storage) == (0, 0)


def test_other_entries_need_no_change(storage: Storage) -> None:
    with storage.begin(1, write=True) as unit:
        log_profile(unit, EntryKind.CONSENT_RECORDED)
        unit.commit()
    assert state(storage) == (0, 1)
