"""Decoded signals as JSON, under the names and in the order of the IAB's library @iabgpp/cmpapi (3.2.0)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.consent.signals.gpp import GppString, Section
from gateway.consent.signals.ids import IdSet
from gateway.consent.signals.parts import PURPOSES, SPECIAL_FEATURES, PublisherRestriction
from gateway.consent.signals.tcf import TcString
from gateway.consent.signals.tcf_canada import TcCanadaString
from gateway.consent.signals.usp import UspString
from gateway.kernel.clock import format_instant

Json = Mapping[str, object]

_LETTERS: Final = {True: "Y", False: "N", None: "-"}


def tcf_fields(decoded: TcString) -> Json:
    """A TC string -> its fields. Purposes are lists of flags from purpose 1 on, vendors are lists of ids, times are RFC
    3339 text. The fields of a segment are there if the segment is.
    """
    fields: dict[str, object] = {
        "Version": decoded.version,
        "CmpId": decoded.cmp_id,
        "CmpVersion": decoded.cmp_version,
        "ConsentScreen": decoded.consent_screen,
        "ConsentLanguage": decoded.consent_language,
        "VendorListVersion": decoded.vendor_list_version,
        "PolicyVersion": decoded.policy_version,
        "IsServiceSpecific": decoded.is_service_specific,
        "UseNonStandardStacks": decoded.use_non_standard_texts,
        "SpecialFeatureOptins": _flags(decoded.special_feature_opt_ins, SPECIAL_FEATURES),
        "PurposeConsents": _flags(decoded.purpose_consents),
        "PurposeLegitimateInterests": _flags(decoded.purpose_legitimate_interests),
        "PurposeOneTreatment": decoded.purpose_one_treatment,
        "PublisherCountryCode": decoded.publisher_country,
        "VendorConsents": list(decoded.vendor_consents),
        "VendorLegitimateInterests": list(decoded.vendor_legitimate_interests),
        "PublisherRestrictions": _restrictions(decoded.publisher_restrictions),
    }
    if publisher := decoded.publisher:
        fields |= {
            "PublisherPurposesSegmentType": 3,
            "PublisherConsents": _flags(publisher.consents),
            "PublisherLegitimateInterests": _flags(publisher.legitimate_interests),
            "NumCustomPurposes": publisher.custom_count,
            "PublisherCustomConsents": _flags(publisher.custom_consents, publisher.custom_count),
            "PublisherCustomLegitimateInterests": _flags(publisher.custom_legitimate_interests, publisher.custom_count),
        }
    if decoded.allowed_vendors is not None:
        fields |= {"VendorsAllowedSegmentType": 2, "VendorsAllowed": list(decoded.allowed_vendors)}
    if decoded.disclosed_vendors is not None:
        fields |= {"VendorsDisclosedSegmentType": 1, "VendorsDisclosed": list(decoded.disclosed_vendors)}
    return fields | _times(decoded)


def tcf_canada_fields(decoded: TcCanadaString) -> Json:
    """A Canadian TC string -> its fields, as `tcf_fields`."""
    fields: dict[str, object] = {
        "Version": decoded.version,
        "CmpId": decoded.cmp_id,
        "CmpVersion": decoded.cmp_version,
        "ConsentScreen": decoded.consent_screen,
        "ConsentLanguage": decoded.consent_language,
        "VendorListVersion": decoded.vendor_list_version,
        "TcfPolicyVersion": decoded.policy_version,
        "UseNonStandardStacks": decoded.use_non_standard_texts,
        "SpecialFeatureExpressConsent": _flags(decoded.special_feature_express_consents, SPECIAL_FEATURES),
        "PurposesExpressConsent": _flags(decoded.purpose_express_consents),
        "PurposesImpliedConsent": _flags(decoded.purpose_implied_consents),
        "VendorExpressConsent": list(decoded.vendor_express_consents),
        "VendorImpliedConsent": list(decoded.vendor_implied_consents),
        "PubRestrictions": _restrictions(decoded.publisher_restrictions),
    }
    if publisher := decoded.publisher:
        fields |= {
            "PubPurposesSegmentType": 3,
            "PubPurposesExpressConsent": _flags(publisher.consents),
            "PubPurposesImpliedConsent": _flags(publisher.legitimate_interests),
            "NumCustomPurposes": publisher.custom_count,
            "CustomPurposesExpressConsent": _flags(publisher.custom_consents, publisher.custom_count),
            "CustomPurposesImpliedConsent": _flags(publisher.custom_legitimate_interests, publisher.custom_count),
        }
    if decoded.disclosed_vendors is not None:
        fields |= {"DisclosedVendorsSegmentType": 1, "DisclosedVendors": list(decoded.disclosed_vendors)}
    return fields | _times(decoded)


def usp_fields(decoded: UspString) -> Json:
    """A US Privacy string -> its fields, as letters."""
    return {
        "Version": decoded.version,
        "Notice": _LETTERS[decoded.notice],
        "OptOutSale": _LETTERS[decoded.opted_out_of_sale],
        "LspaCovered": _LETTERS[decoded.lspa_covered],
    }


def gpp_fields(decoded: GppString) -> Json:
    """A GPP string -> {"sections": {"usnat": {"SaleOptOut": …}, …}}."""
    return {"sections": {name: _section_fields(section) for name, section in decoded.sections.items()}}


def _section_fields(section: Section) -> Json:
    match section:
        case TcString():
            return tcf_fields(section)
        case TcCanadaString():
            return tcf_canada_fields(section)
        case UspString():
            return usp_fields(section)
        case _:
            return {name: list(value) if isinstance(value, tuple) else value for name, value in section.fields.items()}


def _flags(ids: IdSet, count: int = PURPOSES) -> list[bool]:
    return [number in ids for number in range(1, count + 1)]


def _restrictions(restrictions: Iterable[PublisherRestriction]) -> list[Json]:
    return [{"key": one.purpose, "type": int(one.type), "ids": list(one.vendors)} for one in restrictions]


def _times(decoded: TcString | TcCanadaString) -> dict[str, object]:
    return {"Created": format_instant(decoded.created_at), "LastUpdated": format_instant(decoded.last_updated_at)}
