"""Base64 both ways, strictly: one text for one value, so that a changed character never decodes to the same bytes."""

from __future__ import annotations

import binascii

from gateway.kernel.errors import IntegrityError

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = str.maketrans("-_+/", "+/!!")


def to_base64url(data: bytes) -> str:
    """Bytes -> base64url text without padding (RFC 4648 section 5)."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Base64url text without padding -> bytes. Raises IntegrityError unless `to_base64url` writes exactly that."""
    data = _decoded(text.translate(_FROM_URL) + "=" * (-len(text) % 4))
    if to_base64url(data) != text:
        raise IntegrityError("the text is not canonical base64url without padding")
    return data


def to_base64(data: bytes) -> str:
    """Bytes -> padded standard base64 text (RFC 4648 section 4)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def from_base64(text: str) -> bytes:
    """Padded standard base64 text -> bytes. Raises IntegrityError unless `to_base64` writes exactly that."""
    data = _decoded(text)
    if to_base64(data) != text:
        raise IntegrityError("the text is not canonical base64")
    return data


def _decoded(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise IntegrityError("the text is not base64") from None
