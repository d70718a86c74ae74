"""Why a request is held or denied: fixed slugs, each with the sentence for people. None can carry personal data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.kernel.errors import InvalidInput

IDENTITY_CHECK = "identity_check"
CLARIFICATION = "clarification"

HOLD_REASONS: Mapping[str, str] = MappingProxyType(
    {
        IDENTITY_CHECK: "There is reasonable doubt about who is asking; a proof of identity was requested.",
        CLARIFICATION: "The person was asked which data or processing the request is about.",
        "legal_hold": "A law, court or authority requires that the data be kept for now.",
        "legal_claims": "The data is needed to establish, exercise or defend legal claims.",
        "others_rights": "It is being examined whether the answer would affect the rights of others.",
    }
)

DENIALS: Mapping[str, str] = MappingProxyType(
    {
        "unverifiable": "The identity of the person asking could not be verified.",
        "not_identifiable": "The controller cannot identify the person in its data (Art. 11 GDPR).",
        "manifestly_unfounded": "The request is manifestly unfounded (Art. 12(5) GDPR).",
        "excessive": "The request is excessive, in particular because it is repeated (Art. 12(5) GDPR).",
        "free_expression": "The data is needed for the freedom of expression and information.",
        "legal_obligation": "A legal obligation requires that the data be kept.",
        "public_interest": "The data is needed for a task in the public interest, research or archives.",
        "legal_claims": "The data is needed to establish, exercise or defend legal claims.",
        "others_rights": "The answer would affect the rights and freedoms of others.",
        "compelling_grounds": "Compelling legitimate grounds override the objection (Art. 21(1) GDPR).",
        "statutory_exception": "A statutory exception applies, such as Cal. Civ. Code 1798.105(d).",
    }
)


def check_reason(slug: str, texts: Mapping[str, str]) -> str:
    """The slug of a reason, unchanged. Raises InvalidInput when `texts` (one of the two above) does not list it."""
    if slug not in texts:
        raise InvalidInput(f"the reason is one of {', '.join(texts)}", field="reason", rule="unknown_reason")
    return slug
