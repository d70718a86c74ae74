"""The one table of hash profiles: which fields a platform has, how each is standardized, how a digest is written."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from gateway.identifiers.hash_profiles import drop, drop_names, google, meta, uid2
from gateway.identifiers.hash_profiles.dates import date_of_birth
from gateway.identifiers.texts import text_fault
from gateway.kernel.errors import InvalidInput

Standardizer = Callable[[str, str | None], str]
"""Raw text and its jurisdiction ("DE", "US-CA", None) -> the form, "" when nothing is left; raises `InvalidInput`."""


@dataclass(frozen=True, slots=True)
class HashProfile:
    """One platform: standardizers by kind, text encoding of its digests, version of its rules ("" if it has none)."""

    name: str
    encoding: Literal["base64", "hex"]
    version: str
    kinds: Mapping[str, Standardizer]


def _names(standardizer: Standardizer) -> dict[str, Standardizer]:
    return dict.fromkeys(("name", "given_name", "family_name"), standardizer)


_META: Final[dict[str, Standardizer]] = {
    "email": meta.email,
    "phone": meta.phone,
    **_names(meta.name),
    "postal_code": meta.postal_code,
}
_DROP: Final[dict[str, Standardizer]] = {
    "email": drop.email,
    "phone": drop.phone,
    **_names(drop_names.name),
    "date_of_birth": date_of_birth,
    "postal_code": drop.postal_code,
    "maid": drop.maid,
    "vin": drop.vin,
    "ctvid": drop.ctvid,
}

# Snap words its rules as Meta does (https://developers.snap.com/api/marketing-api/Conversions-API/Parameters), but has
# no hashed date of birth. Google and Snap take advertising ids as they are, unhashed or in a spelling of their own.
HASH_PROFILES: Final[Mapping[str, HashProfile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            HashProfile("uid2", "base64", "", {"email": uid2.email, "phone": uid2.phone}),
            HashProfile("google", "hex", "", {"email": google.email, "phone": google.phone, **_names(google.name)}),
            HashProfile("meta", "hex", "", {**_META, "date_of_birth": date_of_birth}),
            HashProfile("snap", "hex", "", _META),
            HashProfile("drop", "base64", drop.DROP_VERSION, _DROP),
        )
    }
)

_OTHER_NAMES: Final = {
    "email": ("em",),
    "phone": ("ph",),
    "given_name": ("first_name", "first", "fn"),
    "family_name": ("last_name", "last", "ln"),
    "date_of_birth": ("dob", "db"),
    "postal_code": ("zip", "zip_code", "zp"),
}
KIND_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {kind: kind for profile in HASH_PROFILES.values() for kind in profile.kinds}
    | {other: kind for kind, others in _OTHER_NAMES.items() for other in others}
)
"""Every name a kind may be called by -> the kind."""


def standardize(profile: str, kind: str, text: str, country: str | None = None) -> str:
    """Hash profile, kind, raw text and its jurisdiction -> the text that is hashed, a fixed point of the same call.

    Raises `InvalidInput`: field profile (rule unknown_profile) or kind (rule kind_not_in_profile); field value (rules
    of the standardizer, empty, and those of `text_fault` for what the form still holds).
    """
    if text_fault(text) is not None:
        _check(text.translate(_WHITE_CONTROLS))
    form = _standardizer(profile, kind)(text, country)
    if not form:
        raise InvalidInput("nothing is left of this value", field="value", rule="empty")
    _check(form)
    return form


def sha256(form: str) -> bytes:
    """A standardized text -> 32 bytes."""
    return hashlib.sha256(form.encode()).digest()


def encoded(digest: bytes, profile: str) -> str:
    """32 bytes -> the text this profile's platform is sent. `profile` is one of `HASH_PROFILES`."""
    if HASH_PROFILES[profile].encoding == "base64":
        return base64.b64encode(digest).decode()
    return digest.hex()


_WHITE_CONTROLS: Final = dict.fromkeys(map(ord, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"), " ")
"""Control characters that are white space: most profiles remove them, so only what is left of them is a fault."""


def _standardizer(profile: str, kind: str) -> Standardizer:
    known = HASH_PROFILES.get(profile)
    if known is None:
        message = f"this hash profile is not known; known: {', '.join(HASH_PROFILES)}"
        raise InvalidInput(message, field="profile", rule="unknown_profile")
    found = known.kinds.get(kind)
    if found is None:
        message = f"the profile {profile} has {', '.join(known.kinds)}"
        raise InvalidInput(message, field="kind", rule="kind_not_in_profile")
    return found


def _check(text: str) -> None:
    fault = text_fault(text)
    if fault is not None:
        raise InvalidInput(fault.message, field="value", rule=fault.rule)
