"""Random surrogate ids.

Ids are drawn a run at a time: a random 63-bit start, the rest consecutive. They say nothing about the
person or the time, yet rows written together stand together on disk, which is what keeps large stores fast.
"""

from __future__ import annotations

import base64
import os

_SPAN = 1 << 62


def draw(count: int) -> range:
    """`count` fresh surrogate ids (ints of at most 63 bits, never 0)."""
    start = (int.from_bytes(os.urandom(8), "big") % _SPAN) + 1
    return range(start, start + count)


def encode(prefix: str, number: int) -> str:
    """Surrogate id -> text for the outside, for example `req_aaaaaaaaabqwy`."""
    return f"{prefix}_{base64.b32encode(number.to_bytes(8, 'big')).decode().rstrip('=').lower()}"


def decode(prefix: str, text: str) -> int:
    """Text made by `encode` -> surrogate id. Raises ValueError when it is not of that form."""
    head, _, body = text.partition("_")
    if head != prefix or len(body) != 13:
        raise ValueError(f"an id of the form {prefix}_… is needed")
    number = int.from_bytes(base64.b32decode(body.upper() + "==="), "big")
    if encode(prefix, number) != text:
        raise ValueError(f"an id of the form {prefix}_… is needed")
    return number
