"""Words for people: slugs in plain English, and what each regime lets a person do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class RegimeText:
    """A law's name, the rights it gives (sentences) and how to complain (sentences)."""

    law: str
    rights: tuple[str, ...]
    complaint: tuple[str, ...]


_GDPR_RIGHTS = (
    "You can have wrong or incomplete data corrected (Art. 16).",
    "You can have your data erased where one of the legal grounds applies (Art. 17).",
    "You can have the use of your data restricted while a dispute about it is open (Art. 18).",
    "You can have the data you supplied moved to another provider where consent or a contract is the basis (Art. 20).",
    "You can object to processing that rests on legitimate interests (Art. 21(1)).",
    "You can object to direct marketing; that always counts (Art. 21(2)).",
    "You can withdraw a consent at any time, as easily as you gave it (Art. 7(3)).",
)

_REGIMES: Mapping[str, RegimeText] = MappingProxyType(
    {
        "gdpr": RegimeText(
            law="General Data Protection Regulation (EU) 2016/679",
            rights=_GDPR_RIGHTS,
            complaint=(
                "You can complain to the data protection authority where you live or work (Art. 77).",
                "You can also complain to the one where you think the law was broken (Art. 77).",
                "You can also go to court (Art. 79).",
            ),
        ),
        "uk_gdpr": RegimeText(
            law="UK General Data Protection Regulation and Data Protection Act 2018",
            rights=_GDPR_RIGHTS,
            complaint=(
                "You can complain to us; we acknowledge that within 30 days (Data Protection Act 2018, s. 164A).",
                "You can complain to the Information Commissioner (ico.org.uk).",
                "You can also go to court (Data Protection Act 2018, s. 167).",
            ),
        ),
        "ccpa": RegimeText(
            law="California Consumer Privacy Act, Cal. Civ. Code 1798.100",
            rights=(
                "You can ask what personal information is collected, used, shared and sold (1798.110, 1798.115).",
                "You can have the personal information you gave deleted (1798.105).",
                "You can have wrong information corrected (1798.106).",
                "You can opt out of its sale and sharing at any time (1798.120), also by a signal of your browser.",
                "You can limit the use of sensitive personal information (1798.121).",
                "Nobody may treat you worse for using these rights (1798.125).",
                "Numbers of identity papers, payment cards and patients are named by kind only (11 CCR 7024).",
            ),
            complaint=(
                "You can complain to the California Privacy Protection Agency (cppa.ca.gov).",
                "You can complain to the Attorney General of California (oag.ca.gov).",
            ),
        ),
    }
)

_ANY_REGIME = RegimeText(
    law="The privacy law that applies where you live",
    rights=(
        "You can ask to have this data corrected or deleted, and to stop its further use.",
        "You can withdraw a consent at any time.",
    ),
    complaint=("You can complain to us and to the authority for privacy or consumer protection where you live.",),
)

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "email": "E-mail address",
        "phone": "Phone number",
        "customer_id": "Customer number",
        "account_id": "Account",
        "device_id": "Device",
        "maid": "Mobile advertising id",
        "ctvid": "TV advertising id",
        "cookie": "Cookie",
        "session_id": "Session",
        "ip": "IP address",
        "loyalty_id": "Loyalty card",
        "payment_fingerprint": "Payment card",
        "national_id": "National id number",
        "vin": "Vehicle",
        "household_id": "Household",
        "platform_id": "Platform account",
        "social_id": "Social network account",
        "patient_id": "Patient number",
        "grant": "Consent given",
        "deny": "Consent refused",
        "withdraw": "Consent withdrawn",
        "object": "Objection",
        "opt_out": "Opt-out",
        "opt_in": "Opt-in",
        "restrict": "Restriction",
        "unrestrict": "Restriction lifted",
        "expire": "Consent expired",
        "invalidate": "Found invalid",
        "signal": "Signal of the browser",
        "gpc": "Global Privacy Control",
        "*": "Every purpose",
    }
)


def regime_text(regime: str) -> RegimeText:
    """A regime's name -> its text; a general one for a regime that has none of its own."""
    return _REGIMES.get(regime, _ANY_REGIME)


def words(slug: str) -> str:
    """A slug of the gateway -> words for people: `email` -> "E-mail address", `some_kind` -> "Some kind"."""
    known = _WORDS.get(slug)
    if known is not None:
        return known
    text = slug.replace("_", " ")
    return text[:1].upper() + text[1:]
