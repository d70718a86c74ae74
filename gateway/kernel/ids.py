"""Random surrogate ids.

Ids are drawn a run at a time: a random 63-bit start, the rest consecutive. They say nothing about the
person or the time, yet rows written together stand together on disk, which is what keeps large stores fast.
"""

from __future__ import annotations

import os
import re

_SPAN = 1 << 62
_HEX = re.compile(r"[0-7][0-9a-f]{15}")


def draw(count: int) -> range:
    """`count` fresh surrogate ids (ints of at most 63 bits, never 0)."""
    start = (int.from_bytes(os.urandom(8), "big") % _SPAN) + 1
    return range(start, start + count)


def encode(prefix: str, number: int) -> str:
    """Surrogate id -> text for the outside, for example `req_0d1c9f0e6a5b4c32`."""
    return f"{prefix}_{number:016x}"


def decode(prefix: str, text: str) -> int:
    """Text made by `encode` -> surrogate id. Raises ValueError when it is not of that form."""
    head, _, body = text.partition("_")
    if head != prefix or not _HEX.fullmatch(body):
        raise ValueError(f"an id of the form {prefix}_… is needed")
    return int(body, 16)
