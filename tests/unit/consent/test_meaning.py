"""What decoded strings say in the tenant's purposes: a TC string only ever to its own vendor, the others only noes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.signals.gpp import UsSection
from gateway.consent.signals.ids import IdBits, IdRanges
from gateway.consent.signals.meaning import Decoded, Said, meaning
from gateway.consent.signals.parts import PublisherPurposes, PublisherRestriction, RestrictionType
from gateway.consent.signals.tcf import TcString, decode_tcf
from gateway.consent.signals.usp import UspString
from gateway.kernel.clock import DAY
from tests.spoken import VENDOR, choices, said, tc_text
from tests.unit.consent.facts import POLICIES

SIGNALS = POLICIES.signals
EVERYTHING = range(1, 25)
ALL = frozenset(SIGNALS.tcf)
ANALYTICS = SIGNALS.tcf["analytics"]
OTHER = VENDOR + 1
PURPOSES = st.sets(st.sampled_from(EVERYTHING))


def heard(decoded: Decoded, section: str = "tcf", vendor: int | None = VENDOR) -> Said:
    """The one thing that is said."""
    (found,) = meaning(SIGNALS, section, decoded, vendor)
    return found


def us(section: str = "usnat", **fields: Any) -> list[Said]:
    """What a US section with these fields says."""
    return list(meaning(SIGNALS, section, UsSection(fields), VENDOR))


class TestTcString:
    @given(PURPOSES)
    def test_it_permits_what_is_consented_to_as_a_whole_and_denies_the_rest(self, purposes: set[int]) -> None:
        found = heard(said(*purposes))
        assert found.permits == {ours for ours, wanted in SIGNALS.tcf.items() if wanted <= purposes}
        assert found.denies == ALL - found.permits
        assert not found.opt_outs

    def test_no_purpose_of_the_framework_permits_linking(self) -> None:
        permitted = heard(said(*EVERYTHING)).permits
        assert permitted == ALL
        assert not any(POLICIES.purposes[purpose].matches for purpose in permitted)

    def test_to_a_tenant_that_is_no_vendor_it_says_nothing(self) -> None:
        assert list(meaning(SIGNALS, "tcf", said(*EVERYTHING), None)) == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"vendor_consents": IdRanges(((OTHER, OTHER),))},
            {"vendor_consents": IdBits(0, VENDOR)},
            {"disclosed_vendors": IdRanges(((1, VENDOR - 1),))},
            {"disclosed_vendors": None},
        ],
        ids=["another vendor", "no vendor", "not disclosed", "nobody disclosed"],
    )
    def test_without_its_own_vendor_consented_to_and_disclosed_it_denies(self, changes: dict[str, object]) -> None:
        assert heard(said(*EVERYTHING, **changes)).denies == ALL

    @pytest.mark.parametrize("kind", sorted(RestrictionType))
    @pytest.mark.parametrize("vendor", [VENDOR, OTHER])
    def test_after_restrictions_of_the_publisher(self, kind: RestrictionType, vendor: int) -> None:
        purpose = max(ANALYTICS)
        restricted = PublisherRestriction(purpose, kind, IdRanges(((vendor, vendor),)))
        found = heard(said(*EVERYTHING, publisher_restrictions=(restricted,)))
        takes_away = kind != RestrictionType.REQUIRE_CONSENT and vendor == VENDOR
        assert found.denies == {ours for ours, wanted in SIGNALS.tcf.items() if takes_away and purpose in wanted}
        assert ("analytics" in found.denies) == takes_away

    @given(PURPOSES, st.integers(0, 2**12 - 1), st.integers(0, 2**24 - 1))
    def test_legitimate_interests_features_and_the_publishers_own_purposes_are_nothing(
        self, purposes: set[int], features: int, interests: int
    ) -> None:
        own = PublisherPurposes(choices(EVERYTHING), choices(EVERYTHING), 2, IdBits(3, 2), IdBits(3, 2))
        more = said(
            *purposes,
            special_feature_opt_ins=IdBits(features, 12),
            purpose_legitimate_interests=IdBits(interests, 24),
            vendor_legitimate_interests=IdRanges(((1, VENDOR),)),
            publisher=own,
        )
        assert heard(more) == heard(said(*purposes))

    def test_what_was_not_asked_is_neither_permitted_nor_denied(self) -> None:
        """PurposeOneTreatment: where the publisher is, no consent to purpose 1 is asked for."""
        found = heard(said(*EVERYTHING, purpose_one_treatment=True))
        asked = {ours for ours, wanted in SIGNALS.tcf.items() if 1 not in wanted}
        assert found.permits == asked
        assert not found.denies
        assert "device_access" not in found.permits

    @given(one_site=st.booleans(), days=st.integers(0, 30))
    def test_it_names_the_day_of_the_choice_and_whether_it_holds_for_one_site(
        self, *, one_site: bool, days: int
    ) -> None:
        at = said().last_updated_at + days * DAY
        found = heard(said(1, is_service_specific=one_site, last_updated_at=at))
        assert (found.updated_at, found.one_site) == (at, one_site)

    def test_the_same_from_text(self) -> None:
        decoded: TcString = said(*ANALYTICS, is_service_specific=True)
        assert heard(decode_tcf(tc_text(decoded))) == heard(decoded)


class TestUsPrivacy:
    def test_it_opts_out_of_sale_or_says_nothing(self) -> None:
        out = UspString(1, notice=True, opted_out_of_sale=True, lspa_covered=None)
        assert heard(out, "usp") == Said("usp", opt_outs=SIGNALS.usp)
        for answer in (False, None):
            assert list(meaning(SIGNALS, "usp", replace(out, opted_out_of_sale=answer), VENDOR)) == []


class TestUsSections:
    def test_fields_that_say_opted_out(self) -> None:
        for name, covered in SIGNALS.gpp_opt_outs.items():
            assert us("usnat", **{name: 1}) == [Said("gpp", opt_outs=covered)]
            assert us("usnat", **{name: 0}) == us("usnat", **{name: 2}) == []
        assert us(SaleOptOut=1, SharingOptOut=1) == [
            Said("gpp", opt_outs=SIGNALS.gpp_opt_outs["SaleOptOut"] | SIGNALS.gpp_opt_outs["SharingOptOut"])
        ]

    def test_sensitive_data_by_the_sections_own_places(self) -> None:
        for section, places in SIGNALS.gpp_sensitive.items():
            for place, covered in places.items():
                flags = [0] * 16
                flags[place - 1] = 1
                assert us(section, SensitiveDataProcessing=tuple(flags)) == [Said("gpp", opt_outs=covered)]
                flags[place - 1] = 2
                assert us(section, SensitiveDataProcessing=tuple(flags)) == []
        assert us("usmd", SensitiveDataProcessing=(1,) * 16) == []

    @pytest.mark.parametrize(
        ("section", "field", "under", "over"),
        [
            ("usnat", (0, 0, 0), None, 0),
            ("usnat", (1, 0, 0), 16, 13),
            ("usnat", (2, 1, 0), 13, 0),
            ("usnat", (0, 0, 2), 18, 16),
            ("usca", (2, 0), 16, 0),
            ("usva", 1, 13, 0),
            ("usva", 0, None, 0),
            ("usmd", (1, 1), None, 0),
        ],
    )
    def test_known_children(self, section: str, field: object, under: int | None, over: int) -> None:
        """Not asked, consented or not: who it is said of is a child. Under 16 and nothing of 13 may be 13 already."""
        found = us(section, KnownChildSensitiveDataConsents=field)
        assert [(one.under, one.over) for one in found] == ([] if under is None else [(under, over)])

    def test_its_gpc_is_a_gpc_of_its_own(self) -> None:
        assert us(Gpc=True) == [Said("gpc")]
        assert us(Gpc=False) == []
        assert [one.framework for one in us(SaleOptOut=1, Gpc=True)] == ["gpp", "gpc"]

    @given(st.dictionaries(st.sampled_from([*SIGNALS.gpp_opt_outs, "Gpc", "Version"]), st.integers(0, 2)))
    def test_none_permits_anything(self, fields: dict[str, int]) -> None:
        assert all(not one.permits for one in us("usnat", **fields))
