"""Consent strings that say what a test names, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from gateway.consent.signals.gpp import UsSection
from gateway.consent.signals.ids import IdBits, IdRanges
from gateway.consent.signals.tcf import TcString
from gateway.consent.signals.us_layouts import LAYOUTS, Field
from gateway.kernel.clock import DAY
from tests.signal_strings import NUMBERS, gpp_text, tc_segments, text_of

VENDOR: Final = 42
WHOLE_DAY: Final = 1_795_392_000_000  # 2026-11-23, the day before that of the tests

_NONE: Final = IdBits(0, 24)
_SILENT: Final = TcString(
    version=2,
    created_at=WHOLE_DAY - DAY,
    last_updated_at=WHOLE_DAY,
    cmp_id=1,
    cmp_version=1,
    consent_screen=1,
    consent_language="DE",
    vendor_list_version=1,
    policy_version=5,
    is_service_specific=False,
    use_non_standard_texts=False,
    special_feature_opt_ins=IdBits(0, 12),
    purpose_consents=_NONE,
    purpose_legitimate_interests=_NONE,
    purpose_one_treatment=False,
    publisher_country="DE",
    vendor_consents=IdRanges(((VENDOR, VENDOR),)),
    vendor_legitimate_interests=IdBits(0, 0),
    publisher_restrictions=(),
    disclosed_vendors=IdRanges(((VENDOR, VENDOR),)),
    allowed_vendors=None,
    publisher=None,
)


def choices(numbers: Iterable[int], size: int = 24) -> IdBits:
    """Ids as bits."""
    return IdBits(sum(1 << size - number for number in numbers), size)


def said(*purposes: int, **changes: object) -> TcString:
    """Consent to these purposes of the framework, for `VENDOR`, with some fields changed."""
    return replace(_SILENT, purpose_consents=choices(purposes), **changes)  # type: ignore[arg-type]  # fields by name


def tc_text(decoded: TcString) -> str:
    """The string that says this."""
    return ".".join(text_of(bits, 8) for bits in tc_segments(decoded).values())


def us_text(section: str, **fields: object) -> str:
    """The GPP string of one US section in which these fields say something."""
    layout = LAYOUTS[NUMBERS[section]]
    version, core = next(iter(layout.cores.items()))
    silent = {field.name: _silence(field) for field in (*core, *layout.segment)}
    said = silent | {core[0].name: version or 1} | fields
    return gpp_text({section: UsSection(said)}, 8)  # type: ignore[arg-type]  # fields by name


def _silence(field: Field) -> object:
    if field.width <= 1:
        return False
    return field.only or (0 if field.length is None else (0,) * field.length)
