"""Kind rules as a policy would give them, and a way to ask what is wrong with an identifier."""

from __future__ import annotations

from typing import Literal

import pytest

from gateway.identifiers.digests import digests_of
from gateway.identifiers.model import HashedIdentifier, RawIdentifier
from gateway.kernel.errors import InvalidInput
from gateway.policy.model import KindRule, Scope

JUNK = frozenset({"null", "NULL", "Null", "undefined", "none", "n/a", "unknown", "test@test.com", "noemail@"})


def kind(
    name: str,
    normalizer: Literal["email", "phone", "plain", "casefold", "compact"],
    scope: Scope = "person",
    *,
    namespaced: bool = False,
) -> KindRule:
    """A rule with this normalizer and scope; the rest does not matter for digests."""
    return KindRule(
        name=name,
        normalizer=normalizer,
        scope=scope,
        may_link=True,
        rank=1,
        namespaced=namespaced,
        read_from_device=False,
        per_profile=5,
        shared_above=5,
        deny=JUNK,
        retention_days=None,
    )


RULES = {
    rule.name: rule
    for rule in (
        kind("email", "email"),
        kind("phone", "phone"),
        kind("customer_id", "casefold"),
        kind("national_id", "compact"),
        kind("cookie", "plain", "device"),
        kind("device_id", "compact", "device"),
        kind("ip", "casefold", "household"),
        kind("platform_id", "plain", namespaced=True),
    )
}


def sha256_of(kind_name: str, value: str, country: str | None = None, namespace: str = "") -> bytes:
    """The digest of a raw value's own normal form, which stands first."""
    made = digests_of(RawIdentifier(kind_name, value, namespace), RULES, country)[0]
    assert (made.kind, made.namespace, made.use) == (kind_name, namespace, "link")
    return made.sha256


def refusal(identifier: RawIdentifier | HashedIdentifier, country: str | None = None) -> tuple[str, str]:
    """Field and rule of the refusal, whose message never shows a raw value."""
    with pytest.raises(InvalidInput) as caught:
        digests_of(identifier, RULES, country)
    if isinstance(identifier, RawIdentifier) and len(identifier.value) > 2:  # "a@" stands in any sentence
        assert identifier.value not in str(caught.value)
        assert caught.value.__cause__ is None
    return caught.value.field, caught.value.rule
