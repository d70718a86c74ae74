"""What decoded signals say in the tenant's purposes (policies/signals.yaml), before any regime is asked.

A TC string permits a purpose only where all that it maps to are consented to, for the tenant's own vendor, disclosed
and after publisher restrictions; legitimate interests and features permit nothing (TCF Policies; DESIGN section 4). It
denies what it does not permit. GPP's US sections and the US Privacy string only restrict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from gateway.consent.signals.gpp import UsSection
from gateway.consent.signals.ids import IdSet
from gateway.consent.signals.parts import PublisherRestriction, RestrictionType
from gateway.consent.signals.tcf import TcString
from gateway.consent.signals.tcf_canada import TcCanadaString
from gateway.consent.signals.usp import UspString
from gateway.policy.model import SignalMap

Framework = Literal["gpc", "gpp", "usp", "tcf", "tcfca"]
Decoded = TcString | TcCanadaString | UspString | UsSection

_OPTED_OUT: Final = 1
_CHILDREN: Final = "KnownChildSensitiveDataConsents"
_SENSITIVE: Final = "SensitiveDataProcessing"


@dataclass(frozen=True, slots=True)
class Said:
    """What one signal says. Of TC strings `permits` and `denies`, in force since `updated_at` (milliseconds), at one
    site alone if `one_site`; of the others what is opted out of. `under` is an age (years) the person is known to be
    under, and `over` one they may have reached already.
    """

    framework: Framework
    permits: frozenset[str] = frozenset()
    denies: frozenset[str] = frozenset()
    updated_at: int = 0
    one_site: bool = False
    opt_outs: frozenset[str] = frozenset()
    under: int | None = None
    over: int = 0


@dataclass(frozen=True, slots=True)
class Consented:
    """What matters of a TC string of either kind: the consents, and what limits them for one vendor."""

    purposes: IdSet
    vendors: IdSet
    disclosed: IdSet | None
    restrictions: tuple[PublisherRestriction, ...]
    unasked: frozenset[int] = field(default_factory=frozenset)


def meaning(signals: SignalMap, section: str, decoded: Decoded, vendor: int | None) -> Iterator[Said]:
    """A decoded string or section, its name and the tenant's vendor id -> what it says.

    To a tenant that is no vendor a TC string says nothing.
    """
    if vendor is None and isinstance(decoded, TcString | TcCanadaString):
        return
    if isinstance(decoded, TcString):
        unasked = frozenset({1}) if decoded.purpose_one_treatment else frozenset[int]()
        consented = Consented(
            decoded.purpose_consents,
            decoded.vendor_consents,
            decoded.disclosed_vendors,
            decoded.publisher_restrictions,
            unasked,
        )
        yield _tc_string("tcf", signals.tcf, consented, vendor, decoded.last_updated_at, decoded.is_service_specific)
    elif isinstance(decoded, TcCanadaString):
        consented = Consented(
            decoded.purpose_express_consents,
            decoded.vendor_express_consents,
            decoded.disclosed_vendors,
            decoded.publisher_restrictions,
        )
        yield _tc_string("tcfca", signals.tcfca, consented, vendor, decoded.last_updated_at, one_site=False)
    elif isinstance(decoded, UspString):
        if decoded.opted_out_of_sale:
            yield Said("usp", opt_outs=signals.usp)
    else:
        yield from _us_section(signals, section, decoded.fields)


def _tc_string(
    framework: Framework,
    mapped: Mapping[str, frozenset[int]],
    consented: Consented,
    vendor: int | None,
    updated_at: int,
    one_site: bool,  # noqa: FBT001 - a bit of the string
) -> Said:
    asked = {purpose: wanted for purpose, wanted in mapped.items() if not (wanted & consented.unasked)}
    ours = vendor is not None and vendor in consented.vendors and vendor in (consented.disclosed or ())
    permits = frozenset(
        purpose
        for purpose, wanted in asked.items()
        if ours and all(one in consented.purposes and not _withheld(consented, one, vendor) for one in wanted)
    )
    return Said(framework, permits, frozenset(asked) - permits, updated_at, one_site)


def _withheld(consented: Consented, purpose: int, vendor: int | None) -> bool:
    return any(
        one.purpose == purpose and one.type != RestrictionType.REQUIRE_CONSENT and (vendor or 0) in one.vendors
        for one in consented.restrictions
    )


def _us_section(signals: SignalMap, section: str, fields: Mapping[str, object]) -> Iterator[Said]:
    covered: set[str] = set()
    for name, purposes in signals.gpp_opt_outs.items():
        if fields.get(name) == _OPTED_OUT:
            covered |= purposes
    for place, value in _places(fields.get(_SENSITIVE)):
        if value == _OPTED_OUT:
            covered |= signals.gpp_sensitive.get(section, {}).get(place, frozenset())
    ages = signals.gpp_children.get(section, {})
    known = [ages[place] for place, value in _places(fields.get(_CHILDREN)) if value and place in ages]
    under = min(known, default=None)
    over = max((age for age in ages.values() if under is not None and age < under), default=0)
    if covered or under is not None:
        yield Said("gpp", opt_outs=frozenset(covered), under=under, over=over)
    if fields.get("Gpc") is True:
        yield Said("gpc")


def _places(value: object) -> Iterable[tuple[int, int]]:
    values = value if isinstance(value, tuple) else () if value is None else (value,)
    return enumerate(values, start=1)
