"""What several profiles ask of a text before their own rule: digits, letters, the two sides of an address."""

from __future__ import annotations

from unicodedata import decimal
from unicodedata import normalize as to_unicode_form

from gateway.kernel.errors import InvalidInput


def digits(text: str) -> str:
    """Text -> its decimal digits of any script, as ASCII."""
    return "".join(letter if letter.isascii() else str(decimal(letter)) for letter in text if letter.isdecimal())


def alphanumerics(text: str) -> str:
    """Text -> its ASCII letters in lower case, full-width ones too, and its digits of any script as ASCII."""
    folded = text if text.isascii() else to_unicode_form("NFKC", text)
    kept = (letter if letter.isascii() else digits(letter) for letter in folded.lower() if letter.isalnum())
    return "".join(kept)


def without_white_space(text: str) -> str:
    """Text -> the same without any white space."""
    return "".join(text.split())


def sides(address: str) -> tuple[str, str]:
    """Address -> local part and domain.

    Raises `InvalidInput` (rule not_an_email) unless there is exactly one `@`, something on both sides of it, and no
    white space.
    """
    local, _, domain = address.partition("@")
    if not local or not domain or "@" in domain or len(address.split()) != 1 or address != address.strip():
        raise InvalidInput("this is not an e-mail address", field="value", rule="not_an_email")
    return local, domain


def without_tag(local: str, domain: str) -> str:
    """Local part and domain of a mailbox at Gmail -> the address without dots and without `+` and what follows.

    Raises `InvalidInput` (rule not_an_email) when nothing is left of the local part.
    """
    bare = local.partition("+")[0].replace(".", "")
    if not bare:
        raise InvalidInput("this is not an e-mail address", field="value", rule="not_an_email")
    return f"{bare}@{domain}"
