"""Times on the wire: RFC 3339 with an offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from gateway.kernel.clock import DAY, SECOND

EARLIEST: Final = 631_152_000_000
"""1990-01-01T00:00:00Z: what claims to be older is a broken clock or a date of birth."""

MAX_SKEW: Final = 300 * SECOND
"""How far a channel's clock may be ahead of ours."""

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_instant(text: str) -> int:
    """RFC 3339 text (section 5.6, at most nine digits of a second) -> milliseconds, the rest cut off.

    Raises ValueError for anything else, also for leap seconds and for days that do not exist.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError("RFC 3339 with an offset is needed")
    since = datetime.fromisoformat(text if text.isupper() else text.upper()) - _EPOCH
    return since.days * DAY + since.seconds * SECOND + since.microseconds // 1_000
