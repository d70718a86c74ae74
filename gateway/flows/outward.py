"""Profile ids as a recipient sees them: drawn for it alone, so that two recipients cannot compare notes.

An id is stored when the recipient is first told of the profile, whoever discloses it: an answer, the feed, a message.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from gateway.storage.unit_of_work import UnitOfWork

_PREFIX = "prf_"
_BYTES = 12


def outward_ids(unit: UnitOfWork, client_id: int, profiles: Collection[int], now: int) -> dict[int, str]:
    """Internal profile ids -> the recipient's ids for them; those it has none for get one, made at `now`.

    Locks the head of the log, so that nobody else names or merges them meanwhile: call it last, in a transaction that
    writes. Two statements at most, however many profiles.
    """
    unit.log.lock()
    known = unit.outward.ids(client_id, profiles)
    new = {one: os.urandom(_BYTES) for one in profiles if one not in known}
    unit.outward.add(client_id, new, now)
    return {one: to_text(raw) for one, raw in {**known, **new}.items()}


def to_text(raw: bytes) -> str:
    """An id as recipients write it: `prf_` and 24 characters."""
    return _PREFIX + raw.hex()


def from_text(text: str) -> bytes:
    """The other way. Raises ValueError for what is not of that form."""
    return bytes.fromhex(text.removeprefix(_PREFIX))
