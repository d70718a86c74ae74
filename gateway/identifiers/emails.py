"""E-mail address -> the form UID2 and EUID hash.

Order: trim, lower-case, fold gmail (UID2's rule); then the form must be an address that can exist
(email-validator, syntax only, nothing is looked up). Plain ASCII addresses are judged by one expression that
accepts a subset of what the library accepts; `tests/properties/test_fast_paths.py` holds the two together.
"""

from __future__ import annotations

import re
from typing import Final

from email_validator import EmailNotValidError, validate_email

from gateway.kernel.errors import InvalidInput

_GMAIL: Final = "@gmail.com"
_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}

_PLAIN_LIMIT: Final = 64
"""Up to this length no label of the domain can pass 63 octets and no address 254 (RFC 1035, RFC 5321)."""

_PLAIN: Final = re.compile(
    r"[a-z0-9_+-]++(?:\.[a-z0-9_+-]++)*+"
    r"@(?:[a-z0-9]++(?:-[a-z0-9]++)*+\.)+"
    r"(?!(?:arpa|invalid|local|localhost|onion|test)\Z)[a-z]{2,}"
)
"""Dot-atom, host name with a top-level domain of letters, none reserved (RFC 6761)."""


def uid2_email(text: str) -> str:
    """Raw address -> normal form of profile `uid2`: U+0020 trimmed, ASCII A-Z lower-cased, and for gmail.com exactly
    dots and `+...` removed from the local part. Non-ASCII letters stay as they are.

    Raises `InvalidInput` (rule not_an_email) for what UID2 refuses or what cannot be an address.
    Source: https://unifiedid.com/docs/getting-started/gs-normalization-encoding
    """
    address = text.strip(" ")
    address = address.lower() if address.isascii() else address.translate(_ASCII_LOWER)
    if is_plain_address(address):
        return _folded(address) if address.endswith(_GMAIL) else address
    return _by_library(address)


def is_plain_address(address: str) -> bool:
    """Lower-case address -> whether it is plain ASCII that email-validator surely accepts."""
    return len(address) <= _PLAIN_LIMIT and _PLAIN.fullmatch(address) is not None


def is_address(address: str) -> bool:
    """Address -> whether email-validator accepts its syntax."""
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _by_library(address: str) -> str:
    local, _, domain = address.partition("@")
    if not local or not domain or "@" in domain:
        raise _refusal()
    form = _folded(address) if f"@{domain}" == _GMAIL else address
    if not is_address(form):
        raise _refusal()
    return form


def _folded(address: str) -> str:
    local = address.removesuffix(_GMAIL).partition("+")[0].replace(".", "")
    if not local:
        raise _refusal()
    return local + _GMAIL


def _refusal() -> InvalidInput:
    return InvalidInput("this is not an e-mail address", field="value", rule="not_an_email")
