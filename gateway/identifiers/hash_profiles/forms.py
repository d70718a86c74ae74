"""Normal forms as the gateway asks for them: of one profile for whoever asks directly, of all of them for a record.

standard_form   one profile; only what is empty, a placeholder, already hashed or impossible is refused
normal_forms    every profile that can form one, from a value that must be able to exist
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.identifiers.emails import is_address, is_plain_address, uid2_email
from gateway.identifiers.hash_profiles import drop, uid2
from gateway.identifiers.hash_profiles.table import HASH_PROFILES, standardize
from gateway.identifiers.junk import has_digest_shape, is_placeholder, looks_hashed
from gateway.identifiers.model import NormalForm
from gateway.identifiers.phones import e164
from gateway.kernel.errors import InvalidInput
from gateway.policy.model import KindRule

PUBLISHED_SAMPLES: Final = frozenset({"user@example.com", "+1234567890"})
"""What the shipped policy denies, since people type it into forms, although UID2 publishes its digest or takes it in
its own tests. Who asks for its digest gets it; in a record it stays a placeholder.
"""

_GMAIL: Final = "@gmail.com"
_FOLDED: Final = (_GMAIL, "@googlemail.com")
"""Where profiles differ; a plain address anywhere else has one form, and `tests/properties` holds this to the table."""

_TEN_DIGITS: Final = 10


def standard_form(
    profile: str, kind: str, text: str, rules: Mapping[str, KindRule], country: str | None = None
) -> NormalForm:
    """Hash profile, kind, raw text, the policy's kinds and the text's jurisdiction -> the form that profile digests.

    Raises `InvalidInput` as `standardize` does, and on field value with the rules empty, junk and looks_hashed.
    """
    rule = rules.get(kind)
    bare = text.strip()
    if not bare:
        raise InvalidInput("there is no value", field="value", rule="empty")
    _check_shape(bare, rule)
    form = standardize(profile, kind, text, country)
    _check_shape(form, rule)
    if kind == "phone" and form.isdecimal() and profile != "drop":
        _check_shape(f"+{form}", rule)
    return NormalForm(profile, kind, form, HASH_PROFILES[profile].version)


def normal_forms(kind: str, text: str, country: str | None = None) -> dict[str, str]:
    """Kind, raw text of a record and the record's jurisdiction ("DE", "US-CA", None) -> hash profile -> the text it
    digests; several may coincide. A profile that has not this kind or cannot form a text is left out: {} is possible.

    E-mail: each form must be able to be an address, `uid2` is `emails.uid2_email`. Phone: libphonenumber reads the
    number in its country, then every text is formed from E.164; `uid2` takes ten digits or more. A number that is not
    valid keeps its `drop` form, if it has ten digits: DROP's lists hold such numbers, and they can screen but not link.
    Placeholders are the caller's to refuse (`digests`). Nothing is raised.
    """
    if kind == "phone":
        return _of_phone(text, country)
    if kind == "email" and text.isascii():
        address = text.strip(" ").lower()
        if is_plain_address(address):
            return _of_plain_address(address)
    forms: dict[str, str] = {}
    for name, profile in HASH_PROFILES.items():
        if kind in profile.kinds:
            try:
                forms[name] = standardize(name, kind, text, country)
            except InvalidInput:
                continue
    return _existing(forms, text) if kind == "email" else forms


def _of_plain_address(address: str) -> dict[str, str]:
    forms = dict.fromkeys(HASH_PROFILES, address)
    if address.endswith(_FOLDED):
        local, _, domain = address.partition("@")
        folded = local.partition("+")[0].replace(".", "")
        for profile in ("google", "uid2") if address.endswith(_GMAIL) else ("google",):
            if folded:
                forms[profile] = f"{folded}@{domain}"
            else:
                del forms[profile]
    return forms


def _existing(forms: dict[str, str], text: str) -> dict[str, str]:
    kept = {
        name: form for name, form in forms.items() if name != "uid2" and (is_plain_address(form) or is_address(form))
    }
    if "uid2" not in forms:
        return kept
    try:
        return {"uid2": uid2_email(text), **kept}
    except InvalidInput:
        return kept


def _of_phone(text: str, country: str | None) -> dict[str, str]:
    try:
        number = e164(text, country)
    except InvalidInput:
        last = drop.phone(text, country)
        return {"drop": last} if len(last) == _TEN_DIGITS else {}
    forms = {"google": number, "meta": number[1:], "snap": number[1:], "drop": drop.phone(number, None)}
    try:
        return {"uid2": uid2.phone(number, None), **forms}
    except InvalidInput:
        return forms


def _check_shape(bare: str, rule: KindRule | None) -> None:
    if rule is not None and bare.casefold() not in PUBLISHED_SAMPLES and is_placeholder(bare, rule):
        raise InvalidInput("this is a placeholder that identifies nobody", field="value", rule="junk")
    if looks_hashed(bare, rule) if rule is not None else has_digest_shape(bare):
        message = "this looks like a digest; hashed again it would match nothing"
        raise InvalidInput(message, field="value", rule="looks_hashed")
