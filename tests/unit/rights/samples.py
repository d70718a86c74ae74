"""Rules, requests and exports that the tests of gateway.rights share."""

from __future__ import annotations

from typing import Literal

from gateway.kernel.clock import parse_instant
from gateway.policy.model import Period, RightsRule
from gateway.rights.export import (
    ConsentRow,
    DisclosureRow,
    IdentifierRow,
    LinkRow,
    RecordRow,
    RequestRow,
    SubjectExport,
)


def rule(
    request: str = "erasure",
    *,
    regime: str = "gdpr",
    answer: Period | None = None,
    extension: Period | None = None,
    acknowledge: Period | None = None,
    verification: Literal["required", "forbidden"] = "required",
    verification_pauses: bool = False,
) -> RightsRule:
    return RightsRule(
        id=f"{regime}.{request}",
        regime=regime,
        request=request,
        acknowledge=acknowledge,
        answer=answer or Period(months=1),
        extension=extension,
        verification=verification,
        verification_pauses=verification_pauses,
        citation="",
        effective_from=0,
        effective_to=None,
    )


GDPR = rule(extension=Period(months=2))
UK = rule(regime="uk_gdpr", extension=Period(months=2), verification_pauses=True)
CALIFORNIA = rule(
    regime="ccpa",
    answer=Period(days=45),
    extension=Period(days=45),
    acknowledge=Period(business_days=10),
)
CALIFORNIA_OPT_OUT = rule("opt_out", regime="ccpa", answer=Period(business_days=15), verification="forbidden")


def at(text: str) -> int:
    """`2026-03-05` or `2026-03-05T22:00` in UTC -> milliseconds."""
    return parse_instant(f"{text}:00Z" if "T" in text else f"{text}T00:00:00Z")


def subject_export(regime: str = "gdpr") -> SubjectExport:
    """A person seen in three channels, with texts that attack every format."""
    return SubjectExport(
        controller="Nordlicht Handel GmbH & Co. <KG>",
        regime=regime,
        request="req_aaaaaaaaabqwy",
        made_at=at("2026-11-24T16:03"),
        contact="privacy@nordlicht.example",
        purposes={
            "identity_resolution": "To recognize you across our web shop, app, stores and call centre.",
            "fraud_prevention": "To detect orders placed in your name by somebody else.",
        },
        identifiers=(
            IdentifierRow(
                "id-3q2k", "email", ("web", "app"), at("2025-02-03T09:12"), at("2026-11-20T18:40"), "jana@example.com"
            ),
            IdentifierRow("id-8w1d", "phone", ("call centre",), at("2025-06-11T14:05"), at("2026-10-02T08:31"), "+49"),
            IdentifierRow("id-c07a", "loyalty_id", ("store",), at("2025-06-14T11:20"), at("2026-11-07T12:02")),
            IdentifierRow("id-m4x9", "cookie", ("web",), at("2026-01-09T20:15"), at("2026-11-20T18:40")),
            IdentifierRow(
                "id-t5h2", "national_id", ("store",), at("2026-03-01T10:00"), at("2026-03-01T10:00"), "078-05"
            ),
        ),
        records=(
            RecordRow("web", at("2025-02-03T09:12"), "identity_resolution", "tier_a.trusted", ("id-3q2k", "id-m4x9")),
            RecordRow("call centre", at("2025-06-11T14:05"), "identity_resolution", "tier_a.trusted", ("id-8w1d",)),
            RecordRow("store", at("2025-06-14T11:20"), "identity_resolution", "tier_a.trusted", ("id-c07a",)),
        ),
        consents=(
            ConsentRow(
                "grant", "identity_resolution", "2025-02-03", "web", "consent", "banner", "n-2025-01", "id-3q2k"
            ),
            ConsentRow("signal", "sale", "2026-01-09", "web", "", "gpc", "", "id-m4x9"),
            ConsentRow(
                "object", "direct_marketing", "2026-05-18", "call centre", "", "=cmd|'/C calc'!A0", "", "id-8w1d"
            ),
        ),
        links=(
            LinkRow(at("2025-02-03T09:12"), "linked", "tier_a.trusted", ("email", "cookie")),
            LinkRow(at("2025-06-14T11:20"), "merged", "tier_a.trusted", ("email", "loyalty_id")),
        ),
        disclosures=(DisclosureRow("Newsletter <Dienst>", at("2026-02-01T06:00"), "identity_resolution"),),
        requests=(
            RequestRow("req_aaaaaaaaabqwy", "access", "running", at("2026-11-20T18:44"), at("2026-12-21T23:59"), None),
        ),
    )
