"""Objects as channels send them, and the ways tests look at what became of them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from gateway.flows.messages import Identifier, IncomingRecord, Problem
from gateway.flows.requests import ResolveRequest
from gateway.identifiers.model import RawIdentifier
from gateway.kernel.clock import format_instant

NOW = 1_796_000_000_000  # 2026-11-30
SHA_HEX = "68FCE627E6878D50F6E43B46ACD908A2611103B29731B331492926FC34F62221"

RECORD: dict[str, Any] = {
    "record_id": "web-1",
    "observed_at": "2026-11-24T16:00:00.250+01:00",
    "identifiers": [
        {"kind": "email", "value": "jane@example.com"},
        {"kind": "phone", "sha256": SHA_HEX, "profile": "uid2"},
        {"kind": "platform_id", "value": "7656119", "namespace": "steam"},
    ],
    "attributes": {"given_name": "Jane", "city": "Köln"},
    "jurisdiction": "US-CA",
    "signals": {"gpc": True},
    "consents": [
        {
            "kind": "grant",
            "purpose": "identity_resolution",
            "occurred_at": "2026-11-24T15:59:00Z",
            "method": "banner",
            "notice": "web-2026",
            "event_id": "e-1",
        },
        {"kind": "opt_out", "purpose": "*", "occurred_at": "2026-11-24T15:59:30Z"},
    ],
    "purpose": "analytics",
}


def record(**changes: object) -> dict[str, Any]:
    """The sample with these fields set; a field set to `...` is left out."""
    return with_changes(RECORD, changes)


def with_changes(sample: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of an object with these fields set; a field set to `...` is left out."""
    merged = copy.deepcopy(sample) | changes
    return {name: value for name, value in merged.items() if value is not ...}


def shape(identifier: Identifier) -> tuple[object, ...]:
    """Everything an identifier holds; identifiers themselves do not compare."""
    if isinstance(identifier, RawIdentifier):
        return ("raw", identifier.kind, identifier.value, identifier.namespace)
    return ("hashed", identifier.kind, identifier.sha256, identifier.profile, identifier.namespace)


def shapes(identifiers: Sequence[Identifier]) -> list[tuple[object, ...]]:
    """Everything several identifiers hold."""
    return [shape(identifier) for identifier in identifiers]


def comparable(result: IncomingRecord | ResolveRequest | Problem | None) -> object:
    """A result whose equality includes the identifiers."""
    if isinstance(result, IncomingRecord | ResolveRequest):
        return (replace(result, identifiers=()), shapes(result.identifiers))
    return result


_INSTANTS = st.builds(format_instant, st.integers(631_152_000_000 - 1000, NOW + 600_000))
_TEXTS = st.text(max_size=12) | st.text("abc ~é", max_size=8)
_WORDS = st.sampled_from(["email", "phone", "cookie", "identity_resolution", "a", "Upper", "", "x" * 65])
_IDENTIFIERS = st.one_of(
    st.fixed_dictionaries({"kind": _WORDS, "value": _TEXTS}, optional={"namespace": _TEXTS}),
    st.fixed_dictionaries(
        {"kind": _WORDS, "sha256": st.just(SHA_HEX)}, optional={"profile": _TEXTS, "namespace": _TEXTS}
    ),
)
_CONSENTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["grant", "opt_out", "withdraw", "restrict", "unrestrict", "expire", "signal"]),
        "purpose": st.sampled_from(["identity_resolution", "*", "analytics", ""]),
        "occurred_at": _INSTANTS,
    },
    optional={
        "method": _TEXTS,
        "notice": _TEXTS,
        "event_id": _TEXTS,
        "legal_basis": st.sampled_from(["consent", "contract", "love"]),
        "expires_at": _INSTANTS,
    },
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
"""Any JSON value."""

GOOD_RECORDS = st.fixed_dictionaries(
    {
        "record_id": st.text("abc-123 é", min_size=1, max_size=12),
        "observed_at": st.builds(format_instant, st.integers(631_152_000_000, NOW + 300_000)),
        "identifiers": st.lists(
            st.fixed_dictionaries({"kind": st.just("cookie"), "value": st.text("abc ~é", max_size=8)}),
            min_size=1,
            max_size=4,
        ),
    },
    optional={
        "attributes": st.dictionaries(st.sampled_from(["given_name", "city"]), st.text("abc é", max_size=8)),
        "jurisdiction": st.sampled_from(["DE", "US-CA", "GB-ENG"]),
        "purpose": st.sampled_from(["identity_resolution", "analytics"]),
        "signals": st.fixed_dictionaries({}, optional={"gpc": st.booleans()}),
    },
)
"""Records of the plain kind, all of which are taken."""

RECORDS = st.fixed_dictionaries(
    {"record_id": _TEXTS, "observed_at": _INSTANTS, "identifiers": st.lists(_IDENTIFIERS, max_size=4)},
    optional={
        "attributes": st.dictionaries(st.sampled_from(["given_name", "city", "shoe_size"]), _TEXTS, max_size=3),
        "jurisdiction": st.sampled_from(["DE", "US-CA", "de", "USA", "DE-ABCD", ""]),
        "purpose": _WORDS,
        "signals": st.fixed_dictionaries({}, optional={"gpc": st.booleans() | JSON, "tcf": _TEXTS, "gpp": JSON}),
        "consents": st.lists(_CONSENTS, max_size=3),
    },
)
"""Records that are often right and often wrong in one thing."""


@st.composite
def damaged(draw: st.DrawFn) -> object:
    """A sample or drawn record in which one value anywhere is replaced, removed or given a strange neighbor."""
    whole = draw(st.builds(lambda: copy.deepcopy(RECORD)) | RECORDS)
    holder: Any = whole
    while True:
        places = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not places:
            return whole
        place = draw(st.sampled_from(places))
        if isinstance(holder[place], dict | list) and draw(st.booleans()):
            holder = holder[place]
            continue
        how = draw(st.sampled_from(["replace", "remove", "add"]))
        if how == "remove":
            del holder[place]
        elif how == "add" and isinstance(holder, dict):
            holder[draw(st.text(max_size=12))] = draw(JSON)
        else:
            holder[place] = draw(JSON)
        return whole
