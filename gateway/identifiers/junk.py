"""Values that identify nobody: placeholders, and digests put where a raw value belongs.

Words such as `null` and addresses such as `test@test.com` are data (`KindRule.deny`, policies/identifiers.yaml);
here stand only the two shapes no list can hold: all zeros in whatever punctuation, and the look of a digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from gateway.policy.model import KindRule

_TEN: Final = 10
"""Digits of a number in DROP's form; Meta's has no plus sign."""

_FILLER: Final = "0-:+. ()"
_LONGEST_WORD: Final = 40

_DIGEST_LENGTHS: Final = frozenset({32, 40, 44, 64})
_MD5: Final = 32
_LOOKS_HASHED: Final = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32}|[A-Za-z0-9+/_-]{43}=")

_ZEROS: Final = (
    *("0" * length for length in range(1, 41)),
    *("+" + "0" * length for length in range(1, 16)),
    "00000000-0000-0000-0000-000000000000",
    "00:00:00:00:00:00",
    ".".join("0000"),
    "",
)
_PLACEHOLDER_DOMAINS: Final = ("email.com", "example.com", "gmail.com", "noemail.com", "none.com", "test.com")


def is_placeholder(bare: str, rule: KindRule) -> bool:
    """Raw text or normal form without outer white space, not empty -> whether it stands for "no value": denied by the
    kind's policy, or zeros only.
    """
    if rule.denies(bare) or (bare[0] in _FILLER and not bare.strip(_FILLER)):
        return True
    folded = bare.casefold()
    return folded != bare and len(bare) <= _LONGEST_WORD and rule.denies(folded)


def is_placeholder_digest(sha256: bytes, rule: KindRule) -> bool:
    """32 bytes -> whether they are the SHA-256 of a value that `is_placeholder` knows."""
    return sha256 in _denied_digests(rule.deny)


def looks_hashed(bare: str, rule: KindRule) -> bool:
    """Raw text or normal form without outer white space -> whether it has the shape of a digest: SHA-256 in hex or
    Base64, SHA-1 or MD5 in hex.

    32 hex characters are also how many systems write a device's UUID, so device kinds may have them.
    """
    return has_digest_shape(bare) and (len(bare) != _MD5 or rule.scope != "device")


def has_digest_shape(bare: str) -> bool:
    """Text without outer white space -> whether it is written as a digest is, whatever its kind."""
    return len(bare) in _DIGEST_LENGTHS and _LOOKS_HASHED.fullmatch(bare) is not None


@lru_cache(maxsize=256)
def _denied_digests(deny: frozenset[str]) -> frozenset[bytes]:
    return frozenset(hashlib.sha256(text.encode()).digest() for text in _denied_texts(deny))


def _denied_texts(deny: frozenset[str]) -> Iterator[str]:
    yield from _ZEROS
    for entry in deny:
        yield entry
        if entry.startswith("+"):
            yield from (entry[1:], entry[-_TEN:])
        if entry.endswith("@"):
            yield from (entry + domain for domain in _PLACEHOLDER_DOMAINS)
