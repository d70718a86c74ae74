"""The forms in which a value that must never be seen again could come out all the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from urllib.parse import quote


def found(text: bytes, canaries: Iterable[str]) -> list[str]:
    """Those of `canaries` that stand in `text` in any form."""
    return [canary for canary in canaries if any(form in text for form in forms(canary))]


def forms(canary: str) -> Iterator[bytes]:
    """A canary as it is, as text and bytes are often written, and its digest."""
    raw = canary.encode()
    yield raw
    yield raw.lower()
    yield quote(canary, safe="").encode()
    yield json.dumps(canary).strip('"').encode()
    yield sha256(raw).digest()
    for value in (raw, sha256(raw).digest()):
        yield value.hex().encode()
        yield value.hex().upper().encode()
        yield from _inside_base64(value)


def _inside_base64(value: bytes) -> Iterator[bytes]:
    """What stands in Base64 text, of either alphabet, that holds these bytes at any place."""
    for before in range(3):
        coded = base64.b64encode(bytes(before) + value)
        whole = coded[(0, 2, 3)[before] : (before + len(value)) * 8 // 6]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))
