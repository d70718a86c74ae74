"""Raw text -> normal form: what is the same identifier gets the same text, and nothing else does.

Order: the text itself (too_long, control_characters, lone_surrogate, empty), then the kind's normalizer
(not_an_email, not_a_phone), then the form's own length. Each failure raises `InvalidInput` on field `value`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from unicodedata import normalize as to_unicode_form

from gateway.identifiers.emails import uid2_email
from gateway.identifiers.phones import e164
from gateway.identifiers.texts import TextFault, text_fault
from gateway.kernel.errors import InvalidInput
from gateway.policy.model import KindRule

_SEPARATORS: Final = re.compile(r"[\s:.\-\u2010-\u2015\u2212]+")
_EMPTY: Final = TextFault("empty", "there is no value")


def normalize(text: str, rule: KindRule, country: str | None = None) -> str:
    """Raw text of a kind, and the record's jurisdiction ("DE", "US-CA") for national phone numbers -> normal form.

    `email`: profile `uid2`; `phone`: E.164; `plain`: Unicode NFC without outer white space; `casefold`: `plain` in
    Unicode's folded case; `compact`: `casefold` without white space, dashes, colons and dots. The form is a fixed
    point: normalizing it again gives it again. Raises `InvalidInput`, see the module.
    """
    _check(text)
    form = _NORMALIZERS[rule.normalizer](text, country)
    if form is not text:
        _check(form)
    return form


def _check(text: str) -> None:
    fault = text_fault(text) or (None if text.strip() else _EMPTY)
    if fault is not None:
        raise InvalidInput(fault.message, field="value", rule=fault.rule)


def _email(text: str, _country: str | None) -> str:
    return uid2_email(text)


def _plain(text: str, _country: str | None) -> str:
    return text.strip() if text.isascii() else to_unicode_form("NFC", text).strip()


def _casefold(text: str, _country: str | None) -> str:
    return text.strip().lower() if text.isascii() else _folded(text).strip()


def _compact(text: str, _country: str | None) -> str:
    if text.isascii():
        return text.replace(" ", "").replace("-", "").replace(":", "").replace(".", "").lower()
    return _folded(_SEPARATORS.sub("", _folded(text)))


def _folded(text: str) -> str:
    """Canonical caseless form (Unicode Standard section 3.13, D145), composed."""
    return to_unicode_form("NFC", to_unicode_form("NFD", text).casefold())


_NORMALIZERS: Final[Mapping[str, Callable[[str, str | None], str]]] = {
    "email": _email,
    "phone": e164,
    "plain": _plain,
    "casefold": _casefold,
    "compact": _compact,
}
