"""Raw or pre-hashed identifier -> the 32 digest bytes under which both meet. The raw value's way ends here.

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
from typing import Final

from gateway.identifiers.junk import is_placeholder, is_placeholder_digest, looks_hashed
from gateway.identifiers.model import Digest, HashedIdentifier, RawIdentifier
from gateway.identifiers.normalize import normalize
from gateway.kernel.errors import InvalidInput
from gateway.policy.model import KindRule

PROFILES: Final = ("uid2",)
"""Hash profiles the gateway can compare with its own digests."""

_DIGEST_BYTES: Final = 32
_HEX_LENGTH: Final = 64
_BASE64_LENGTH: Final = 44
_PROFILED: Final = frozenset({"email", "phone"})
_NAMESPACE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def digest(
    identifier: RawIdentifier | HashedIdentifier, rules: Mapping[str, KindRule], country: str | None
) -> tuple[Digest, ...]:
    """Identifier, the kinds' rules by name and the record's jurisdiction ("DE", "US-CA", None) -> its digests.

    One digest per hash profile that differs; today that is `uid2` alone: SHA-256 over the UTF-8 of the normal form.
    Raises `InvalidInput`, see the module; `field` is kind, namespace, value, profile or sha256.
    """
    rule = rules.get(identifier.kind)
    if rule is None:
        raise InvalidInput("this kind of identifier is not known", field="kind", rule="unknown_kind")
    _check_namespace(identifier.namespace, rule)
    if isinstance(identifier, RawIdentifier):
        sha256 = _of_raw(identifier.value, rule, country)
    else:
        _check_hashed(identifier, rule)
        sha256 = identifier.sha256
    return (Digest(rule.name, sha256, identifier.namespace),)


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


def _of_raw(text: str, rule: KindRule, country: str | None) -> bytes:
    bare = text.strip()
    if not bare:
        raise InvalidInput("there is no value", field="value", rule="empty")
    _check_shape(bare, rule)
    form = normalize(text, rule, country)
    if form != bare:
        _check_shape(form, rule)
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
        known = ", ".join(PROFILES)
        if not profile:
            message = f"a pre-hashed {rule.normalizer} needs its hash profile; known: {known}"
            raise InvalidInput(message, field="profile", rule="profile_required")
        if profile not in PROFILES:
            raise InvalidInput(
                f"this hash profile is not known; known: {known}", field="profile", rule="unknown_profile"
            )
    elif profile:
        raise InvalidInput("this kind has no hash profile", field="profile", rule="profile_not_allowed")
    if len(identifier.sha256) != _DIGEST_BYTES:
        raise _not_a_digest()
    if is_placeholder_digest(identifier.sha256, rule):
        raise _junk("sha256")


def _junk(field: str) -> InvalidInput:
    return InvalidInput("this is a placeholder that identifies nobody", field=field, rule="junk")


def _not_a_digest() -> InvalidInput:
    message = "a digest has 32 bytes: 64 hex characters or 44 of Base64"
    return InvalidInput(message, field="sha256", rule="digest_not_32_bytes")
