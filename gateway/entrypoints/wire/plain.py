"""The plain record and the plain question, read without their schemas.

Takes what real channels send all day: every field of its expected type, texts printable, times as RFC 3339. It
answers None for everything else and never says why: that is the schema's work. What it does take, the schema takes
too and builds the same.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.consent.model import ANY_PURPOSE, RESTRICTIVE, STATED
from gateway.entrypoints.wire.consents import MAX_CONSENT_TEXT
from gateway.entrypoints.wire.fields import JURISDICTION, SLUG
from gateway.entrypoints.wire.identifiers import MAX_IDENTIFIERS
from gateway.entrypoints.wire.instants import EARLIEST, MAX_SKEW, read_instant
from gateway.flows.messages import ConsentAssertion, Identifier, IncomingRecord
from gateway.flows.requests import ResolveRequest
from gateway.identifiers.digests import decode_sha256
from gateway.identifiers.model import HashedIdentifier, RawIdentifier
from gateway.identifiers.texts import MAX_TEXT
from gateway.kernel.errors import InvalidInput

ATTRIBUTES: Final = (
    "given_name",
    "middle_name",
    "family_name",
    "name_suffix",
    "date_of_birth",
    "age_band",
    "sex",
    "street_number",
    "street",
    "unit",
    "city",
    "region",
    "postal_code",
    "country",
)
MAX_RECORD_ID: Final = 200
MAX_CONSENTS: Final = 20

_FIELDS: Final = frozenset(
    {"record_id", "observed_at", "identifiers", "attributes", "jurisdiction", "signals", "consents", "purpose"}
)
_QUESTION: Final = frozenset({"identifiers", "purpose", "jurisdiction"})
_ATTRIBUTES: Final = frozenset(ATTRIBUTES)
_EVENTS: Final = frozenset(map(str, STATED))
_RESTRICTIVE: Final = frozenset(map(str, RESTRICTIVE))
_CONSENT_TEXTS: Final = ("method", "notice", "event_id")
_CONSENT_FIELDS: Final = frozenset({"kind", "purpose", "occurred_at", *_CONSENT_TEXTS})
_PURPOSE: Final = "identity_resolution"


class _NotPlainError(Exception):
    """The record is for the schema to judge."""


def plain_record(data: object, now: int) -> IncomingRecord | None:
    """One object and the time in milliseconds -> record, or None where the schema must decide."""
    try:
        return _record(data, now + MAX_SKEW)
    except (_NotPlainError, KeyError, InvalidInput, ValueError):
        return None


def plain_question(data: object) -> ResolveRequest | None:
    """One object of POST /v1/profiles/resolve -> question, or None where the schema must decide."""
    try:
        return _question(data)
    except (_NotPlainError, KeyError, InvalidInput, ValueError):
        return None


def _question(data: object) -> ResolveRequest:
    if type(data) is not dict or not _QUESTION.issuperset(data):
        raise _NotPlainError
    identifiers = tuple(map(_identifier, _list(data["identifiers"], 1, MAX_IDENTIFIERS)))
    return ResolveRequest(identifiers, _slug(data["purpose"]), _jurisdiction(data))


def _jurisdiction(data: dict[str, Any]) -> str | None:
    if "jurisdiction" not in data:
        return None
    jurisdiction = data["jurisdiction"]
    if type(jurisdiction) is str and JURISDICTION.fullmatch(jurisdiction):
        return jurisdiction
    raise _NotPlainError


def _record(data: object, latest: int) -> IncomingRecord:
    if type(data) is not dict or not _FIELDS.issuperset(data):
        raise _NotPlainError
    record_id = _text(data["record_id"], MAX_RECORD_ID)
    if not record_id:
        raise _NotPlainError
    return IncomingRecord(
        record_id,
        _instant(data["observed_at"], latest),
        tuple(map(_identifier, _list(data["identifiers"], 1, MAX_IDENTIFIERS))),
        _jurisdiction(data),
        _slug(data["purpose"]) if "purpose" in data else _PURPOSE,
        _consents(data["consents"], latest) if "consents" in data else (),
        _gpc(data["signals"]) if "signals" in data else False,
        _attributes(data["attributes"]) if "attributes" in data else {},
    )


def _text(value: object, most: int = MAX_TEXT) -> str:
    if type(value) is str and len(value) <= most and value.isprintable():
        return value
    raise _NotPlainError


def _slug(value: object) -> str:
    if type(value) is str and SLUG.fullmatch(value):
        return value
    raise _NotPlainError


def _list(value: object, least: int, most: int) -> list[Any]:
    if type(value) is list and least <= len(value) <= most:
        return value
    raise _NotPlainError


def _instant(value: object, latest: int) -> int:
    moment = read_instant(_text(value))
    if EARLIEST <= moment <= latest:
        return moment
    raise _NotPlainError


def _identifier(item: object) -> Identifier:
    if type(item) is not dict:
        raise _NotPlainError
    kind = _slug(item["kind"])
    fields = len(item) - 2
    namespace = ""
    if "namespace" in item:
        namespace = _text(item["namespace"])
        fields -= 1
    if "value" in item:
        if fields:
            raise _NotPlainError
        return RawIdentifier(kind, _text(item["value"]), namespace)
    profile = ""
    if "profile" in item:
        profile = _text(item["profile"])
        fields -= 1
    if fields:
        raise _NotPlainError
    return HashedIdentifier(kind, decode_sha256(_text(item["sha256"])), profile, namespace)


def _gpc(signals: object) -> bool:
    if type(signals) is dict and signals.keys() <= {"gpc"}:
        gpc = signals.get("gpc", False)
        if type(gpc) is bool:
            return gpc
    raise _NotPlainError


def _attributes(attributes: object) -> dict[str, str]:
    if type(attributes) is dict and _ATTRIBUTES.issuperset(attributes):
        return {name: _text(value) for name, value in attributes.items()}
    raise _NotPlainError


def _consents(consents: object, latest: int) -> tuple[ConsentAssertion, ...]:
    return tuple([_consent(each, latest) for each in _list(consents, 0, MAX_CONSENTS)])


def _consent(consent: object, latest: int) -> ConsentAssertion:
    if type(consent) is not dict or not _CONSENT_FIELDS.issuperset(consent):
        raise _NotPlainError
    kind = _slug(consent["kind"])
    purpose = consent["purpose"]
    if kind not in _EVENTS or (purpose == ANY_PURPOSE and kind not in _RESTRICTIVE):
        raise _NotPlainError
    if purpose != ANY_PURPOSE:
        _slug(purpose)
    method, notice, event_id = (_text(consent.get(name, ""), MAX_CONSENT_TEXT) for name in _CONSENT_TEXTS)
    occurred_at = _instant(consent["occurred_at"], latest)
    return ConsentAssertion(kind, purpose, occurred_at, method=method, notice=notice, event_id=event_id)
