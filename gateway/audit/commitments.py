"""Salted commitments in SD-JWT form (RFC 9901 section 4.2): the leaf holds the hash, an erasable side table the rest.

Without the salt (128 random bits) a commitment tells nothing about its value, however few values are possible.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256

import orjson

from gateway.audit.canonical import check, encoded
from gateway.audit.encodings import from_base64url, to_base64url
from gateway.audit.merkle import leaf_hash, root_of
from gateway.kernel.errors import IntegrityError

SALT_BYTES = 16
_PARTS = 3
_STRICT = (
    orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)


def salts(count: int) -> list[bytes]:
    """`count` fresh salts of 16 random bytes each, in one call to the system."""
    pool = os.urandom(SALT_BYTES * count)
    return [pool[at : at + SALT_BYTES] for at in range(0, len(pool), SALT_BYTES)]


def disclosure(salt: bytes, name: str, value: object) -> str:
    """Salt (16 bytes), name and JSON value -> base64url of the JSON array `[salt, name, value]`.

    Raises InvalidInput for a value JSON cannot hold: see `gateway.audit.canonical`; finite floats are allowed.
    """
    text = encoded([to_base64url(salt), name, value], _STRICT)
    if b"null" in text:  # orjson writes NaN so: only then the slow look is needed
        check(value, floats=True)
    return to_base64url(text)


def commitment(disclosure: str) -> str:
    """Disclosure text -> base64url of the SHA-256 of that text (43 characters)."""
    return to_base64url(sha256(disclosure.encode("ascii")).digest())


def open_disclosure(text: str) -> tuple[str, object]:
    """Disclosure text -> (name, value). Raises IntegrityError when it is none.

    Which encoding of the JSON array was chosen does not matter: the text itself is what was hashed.
    """
    raw = from_base64url(text)
    try:
        array = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise IntegrityError("a disclosure does not hold JSON") from None
    if not isinstance(array, list) or len(array) != _PARTS:
        raise IntegrityError("a disclosure is an array of salt, name and value")
    salt, name, value = array
    if not isinstance(salt, str) or not isinstance(name, str):
        raise IntegrityError("the salt and the name of a disclosure are texts")
    return name, value


def batch_root(commitments: Sequence[str]) -> str:
    """Commitments of a batch, in order -> the one commitment that stands for all of them in a leaf.

    It is the base64url of the RFC 6962 root over the commitments' ASCII texts, so it has a commitment's form, and a
    single decision of the batch can be proved without the others.
    """
    return to_base64url(root_of([leaf_hash(text.encode("ascii")) for text in commitments]))
