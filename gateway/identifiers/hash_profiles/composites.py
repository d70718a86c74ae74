"""DROP's composite lists: each field is hashed, the Base64 texts are joined in order, and hashed again.

    NDZ       first name, last name, date of birth, ZIP
    NameVIN   first name, last name, VIN

A match is a match of the whole. Source: as `drop`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from gateway.identifiers.hash_profiles.forms import standard_form
from gateway.identifiers.hash_profiles.table import encoded, sha256
from gateway.identifiers.model import NormalForm
from gateway.kernel.errors import InvalidInput
from gateway.policy.model import KindRule

_PROFILE: Final = "drop"
_NAME: Final = (("first", "given_name"), ("last", "family_name"))

COMPOSITES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "NDZ": (*_NAME, ("dob", "date_of_birth"), ("zip", "postal_code")),
        "NameVIN": (*_NAME, ("vin", "vin")),
    }
)
"""List -> its fields in order, each with its kind."""


def composite_forms(
    composite: str, values: Mapping[str, str], rules: Mapping[str, KindRule], country: str | None = None
) -> dict[str, NormalForm]:
    """List, raw values by field, the policy's kinds and the person's jurisdiction -> the fields' forms, in order.

    Raises `InvalidInput`: field list (rule unknown_list); a field's name with the rule required, unknown_field or one
    of `standard_form`.
    """
    fields = COMPOSITES.get(composite)
    if fields is None:
        raise InvalidInput(f"the lists are {', '.join(COMPOSITES)}", field="list", rule="unknown_list")
    needed = ", ".join(field for field, _ in fields)
    for field in values.keys() - dict(fields).keys():
        message = f"a field is not in this list; {composite} is made of {needed}"
        raise InvalidInput(message, field=field if field in _FIELDS else "", rule="unknown_field")
    forms = {}
    for field, kind in fields:
        if field not in values:
            raise InvalidInput(f"{composite} is made of {needed}", field=field, rule="required")
        try:
            forms[field] = standard_form(_PROFILE, kind, values[field], rules, country)
        except InvalidInput as error:
            raise InvalidInput(str(error), field=field, rule=error.rule) from None
    return forms


def composite_sha256(forms: Iterable[str]) -> bytes:
    """The fields' standardized texts in the list's order -> 32 bytes of the whole."""
    return sha256("".join(encoded(sha256(form), _PROFILE) for form in forms))


_FIELDS: Final = frozenset(field for fields in COMPOSITES.values() for field, _ in fields)
