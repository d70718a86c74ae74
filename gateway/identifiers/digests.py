"""Raw or pre-hashed identifier -> the 32 digest bytes under which both meet. The raw value's way ends here.

Each platform hashes another text, and no digest can be turned into another: a raw value gets a digest for every form,
so that it meets whatever a channel posts.

Order: kind (unknown_kind), namespace (namespace_required, namespace_not_allowed, bad_namespace); then
a raw value: junk, looks_hashed, its normal form (see `normalize`), junk and looks_hashed again, SHA-256;
a pre-hashed value: profile (profile_required, unknown_profile, profile_not_allowed), 32 bytes
(digest_not_32_bytes), junk by digest. Each failure raises `InvalidInput` with the field it is in.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.identifiers.hash_profiles.composites import COMPOSITES, composite_forms, composite_sha256
from gateway.identifiers.hash_profiles.drop import DROP_VERSION
from gateway.identifiers.hash_profiles.forms import normal_forms
from gateway.identifiers.hash_profiles.table import HASH_PROFILES
from gateway.identifiers.junk import is_placeholder, is_placeholder_digest, looks_hashed
from gateway.identifiers.model import Digest, HashedIdentifier, RawIdentifier
from gateway.identifiers.normalize import normalize
from gateway.kernel.errors import InvalidInput
from gateway.policy.model import KindRule

FORMS: Final = MappingProxyType({"": 1, "uid2": 1, "google": 2, "meta": 4, "snap": 4, "drop": 8})
"""Hash profile -> the bit that says a digest is of its form: Snap's are Meta's, and a kind's own normal form, which
for e-mail and phone is UID2's, is the first.
"""

_SCREENED: Final = MappingProxyType({"phone": "drop_phone"})
"""Kinds whose `drop` form names too many to link (ten digits of a number, no country) -> the kind that screens."""

_ALL: Final = 15
_DIGEST_BYTES: Final = 32
_HEX_LENGTH: Final = 64
_BASE64_LENGTH: Final = 44
_PROFILED: Final = frozenset({"email", "phone"})
_TEN: Final = 10
_NAMESPACE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def digests_of(
    identifier: RawIdentifier | HashedIdentifier, rules: Mapping[str, KindRule], country: str | None
) -> list[Digest]:
    """Identifier, the kinds' rules by name and the record's jurisdiction ("DE", "US-CA", None) -> its digests.

    Of a raw value one for each hash profile that differs, the kind's own first, and where the policy has the kind that
    screens, DROP's (`use` "screen"); of a pre-hashed one itself.
    Raises `InvalidInput`, see the module; `field` is kind, namespace, value, profile or sha256.
    """
    rule = rules.get(identifier.kind)
    if rule is None or rule.scope == "screen":
        raise InvalidInput("this kind of identifier is not known", field="kind", rule="unknown_kind")
    _check_namespace(identifier.namespace, rule)
    if isinstance(identifier, RawIdentifier):
        return _of_raw(identifier, rule, rules, country)
    _check_hashed(identifier, rule)
    screening = _SCREENED.get(rule.normalizer) if identifier.profile == "drop" else None
    if screening is None:
        return [Digest(rule.name, identifier.sha256, identifier.namespace, forms=FORMS[identifier.profile])]
    if screening not in rules:
        message = f"the policy screens nobody by {rule.normalizer}: it has no kind {screening}"
        raise InvalidInput(message, field="profile", rule="unknown_profile")
    return [_screening(screening, identifier.sha256)]


def composite_digests(
    attributes: Mapping[str, str], vin: str | None, rules: Mapping[str, KindRule], country: str | None
) -> list[Digest]:
    """Attributes of a record, its raw VIN if it has one, the kinds' rules, the jurisdiction -> DROP's NDZ and NameVIN
    digests as far as they can be formed and the policy has their kinds. They screen and never link. Nothing is raised.
    """
    values = attributes if vin is None else {**attributes, "vin": vin}
    found = []
    for kind, composite in (("drop_ndz", "NDZ"), ("drop_name_vin", "NameVIN")):
        fields = {field: values[part] for field, part in COMPOSITES[composite] if part in values}
        if kind not in rules or len(fields) < len(COMPOSITES[composite]):
            continue
        try:
            forms = composite_forms(composite, fields, rules, country)
        except InvalidInput:
            continue
        sha256 = composite_sha256(form.text for form in forms.values())
        found.append(_screening(kind, sha256))
    return found


def decode_sha256(text: str) -> bytes:
    """64 hex characters in either case, or standard Base64 with padding (44 characters) -> 32 bytes.

    Unused bits of the last Base64 character are ignored, as UID2's published vectors do (RFC 4648 section 3.5).
    Raises `InvalidInput` (field sha256, rule digest_not_32_bytes) for anything else.
    """
    try:
        if len(text) == _HEX_LENGTH:
            return binascii.unhexlify(text)
        if len(text) == _BASE64_LENGTH:
            decoded = binascii.a2b_base64(text, strict_mode=True)
            if len(decoded) == _DIGEST_BYTES:
                return decoded
    except ValueError:
        pass
    raise _not_a_digest()


def _of_raw(
    identifier: RawIdentifier, rule: KindRule, rules: Mapping[str, KindRule], country: str | None
) -> list[Digest]:
    text = identifier.value
    bare = text.strip()
    if not bare:
        raise InvalidInput("there is no value", field="value", rule="empty")
    _check_shape(bare, rule)
    form = normalize(text, rule, country)
    if form != bare:
        _check_shape(form, rule)
    if rule.normalizer == "phone":
        return _of_number(form, rule, rules)
    if rule.normalizer == "email":
        forms = normal_forms("email", text)
    elif rule.name in HASH_PROFILES["drop"].kinds:
        forms = {"": form, **normal_forms(rule.name, text)}
    else:
        return [Digest(rule.name, _sha256(form), identifier.namespace)]
    if len(forms) == len(HASH_PROFILES) and len(set(forms.values())) == 1:
        return [Digest(rule.name, _sha256(form), forms=_ALL)]
    bits: dict[str, int] = {form: FORMS[""]}
    for profile, other in forms.items():
        bits[other] = bits.get(other, 0) | FORMS[profile]
    return [Digest(rule.name, _sha256(other), identifier.namespace, forms=bit) for other, bit in bits.items()]


def _of_number(number: str, rule: KindRule, rules: Mapping[str, KindRule]) -> list[Digest]:
    """E.164 -> what `normal_forms` gives for it: with `+`, without, and the last ten digits to screen by."""
    digests = [
        Digest(rule.name, _sha256(number), forms=FORMS["uid2"] | FORMS["google"]),
        Digest(rule.name, _sha256(number[1:]), forms=FORMS["meta"]),
    ]
    screening = _SCREENED["phone"]
    if screening in rules and len(number) > _TEN:
        digests.append(_screening(screening, _sha256(number[-_TEN:])))
    return digests


def _screening(kind: str, sha256: bytes) -> Digest:
    """The version of the rules stands in the namespace: it is stored with what they produced."""
    return Digest(kind, sha256, DROP_VERSION, forms=FORMS["drop"], use="screen")


def _sha256(form: str) -> bytes:
    return hashlib.sha256(form.encode()).digest()


def _check_shape(bare: str, rule: KindRule) -> None:
    if is_placeholder(bare, rule):
        raise _junk("value")
    if looks_hashed(bare, rule):
        message = "this looks like a digest; send it as sha256, not as value, or it would be hashed twice"
        raise InvalidInput(message, field="value", rule="looks_hashed")


def _check_namespace(namespace: str, rule: KindRule) -> None:
    if rule.namespaced:
        if not namespace:
            raise InvalidInput("this kind needs a namespace", field="namespace", rule="namespace_required")
        if not _NAMESPACE.fullmatch(namespace):
            message = "a namespace has lower-case letters, digits and _ . - and at most 64 characters"
            raise InvalidInput(message, field="namespace", rule="bad_namespace")
    elif namespace:
        raise InvalidInput("this kind has no namespace", field="namespace", rule="namespace_not_allowed")


def _check_hashed(identifier: HashedIdentifier, rule: KindRule) -> None:
    profile = identifier.profile
    if rule.normalizer in _PROFILED:
        known = ", ".join(HASH_PROFILES)
        if not profile:
            message = f"a pre-hashed {rule.normalizer} needs its hash profile; known: {known}"
            raise InvalidInput(message, field="profile", rule="profile_required")
        if profile not in HASH_PROFILES:
            raise InvalidInput(
                f"this hash profile is not known; known: {known}", field="profile", rule="unknown_profile"
            )
    elif profile and not (profile == "drop" and rule.name in HASH_PROFILES["drop"].kinds):
        raise InvalidInput("this kind has no such hash profile", field="profile", rule="profile_not_allowed")
    if len(identifier.sha256) != _DIGEST_BYTES:
        raise _not_a_digest()
    if is_placeholder_digest(identifier.sha256, rule):
        raise _junk("sha256")


def _junk(field: str) -> InvalidInput:
    return InvalidInput("this is a placeholder that identifies nobody", field=field, rule="junk")


def _not_a_digest() -> InvalidInput:
    message = "a digest has 32 bytes: 64 hex characters or 44 of Base64"
    return InvalidInput(message, field="sha256", rule="digest_not_32_bytes")
