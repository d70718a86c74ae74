"""The export's page: well-formed, self-contained, escaped, accessible; contrast computed from its own style sheet."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.rights.export import (
    ConsentRow,
    DisclosureRow,
    IdentifierRow,
    LinkRow,
    RecordRow,
    RequestRow,
    SubjectExport,
    disclosable,
)
from gateway.rights.page import render
from gateway.rights.sections import sections
from gateway.rights.style import STYLE
from gateway.rights.texts import words
from tests.unit.rights.samples import subject_export

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Outline(HTMLParser):
    """Collects tags, attributes and text; fails on a tag that is not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append((self.open[-1] if self.open else "", data))

    def values(self, tag: str, name: str) -> list[str]:
        return [value for each, key, value in self.attributes if (each, key) == (tag, name)]


def page_of(export: SubjectExport) -> str:
    export = disclosable(export)
    return render(export, sections(export))


@pytest.fixture(scope="module")
def outline() -> Outline:
    return Outline(page_of(subject_export()))


def test_the_page_loads_and_runs_nothing(outline: Outline) -> None:
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base"} & set(outline.tags)
    names = {name for _, name, _ in outline.attributes}
    assert not {"src", "srcset", "style", "action"} & names
    assert not any(name.startswith("on") for name in names)
    assert all(href.startswith("#") for href in outline.values("a", "href"))
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_its_own_policy_allows_its_style_sheet_and_nothing_else(outline: Outline) -> None:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = next(value for value in outline.values("meta", "content") if value.startswith("default-src"))
    assert policy.split("; ")[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert [text for tag, text in outline.text if tag == "style"] == [STYLE]


def test_the_page_is_accessible(outline: Outline) -> None:
    assert outline.values("html", "lang") == ["en"]
    assert outline.tags["h1"] == outline.tags["main"] == outline.tags["title"] == 1
    assert outline.tags["table"] == outline.tags["caption"] == outline.tags["thead"] == 6
    assert set(outline.values("th", "scope")) == {"col", "row"}
    assert len(outline.values("th", "scope")) == outline.tags["th"]
    assert outline.values("div", "tabindex") == ["0"] * 6
    ids = outline.values("h2", "id")
    assert len(ids) == len(set(ids)) == outline.tags["h2"]
    labels = outline.values("section", "aria-labelledby") + outline.values("div", "aria-labelledby")
    targets = [href[1:] for href in outline.values("a", "href")]
    assert {*labels, *targets} <= set(ids)


def luminance(color: str) -> float:
    """WCAG 2.2 relative luminance of `#rrggbb`."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_stands_out_from_every_ground() -> None:
    colors: dict[str, str] = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", STYLE))
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", STYLE)) == set(colors.values())
    for ground in ("paper", "card"):
        for ink in ("ink", "soft", "accent"):
            high, low = sorted((luminance(colors[ground]), luminance(colors[ink])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5


def test_the_page_has_a_face_for_paper() -> None:
    paper = STYLE.split("@media print")[1]
    assert "nav { display: none; }" in paper
    assert "break-inside: avoid" in paper


def test_a_person_reads_words_and_dates(outline: Outline) -> None:
    text = " ".join(part for _, part in outline.text)
    for expected in ("E-mail address", "Consent given", "3\u00a0February\u00a02025, 09:12", "Identity resolution"):
        assert expected in text
    assert "2025-02-03T09:12:00.000Z" in outline.values("time", "datetime")
    assert "2025-02-03" in outline.values("time", "datetime")


def with_text(text: str) -> SubjectExport:
    """An export that holds `text` wherever a text can stand."""
    return SubjectExport(
        controller=text,
        regime=text,
        request=text,
        made_at=0,
        contact=text,
        purposes={text: text},
        identifiers=(IdentifierRow(text, text, (text,), 0, 0, text),),
        records=(RecordRow(text, 0, text, text, (text,)),),
        consents=(ConsentRow(text, text, "2026-01-01", text, text, text, text, text),),
        links=(LinkRow(0, text, text, (text,)),),
        disclosures=(DisclosureRow(text, 0, text),),
        requests=(RequestRow(text, text, text, 0, 0, None),),
    )


@settings(max_examples=30)
@given(text=st.text(st.sampled_from("<>&\"'/abc =!-\u202e"), min_size=1, max_size=40))
def test_no_value_becomes_markup(text: str) -> None:
    attacked, plain = Outline(page_of(with_text(text))), Outline(page_of(with_text("a")))
    assert attacked.tags == plain.tags
    assert {name for _, name, _ in attacked.attributes} == {name for _, name, _ in plain.attributes}


def test_words_know_a_kind_that_a_tenant_added() -> None:
    assert words("club_card") == "Club card"
    assert words("") == ""


def test_an_export_without_purposes_has_no_empty_list() -> None:
    page = page_of(replace(subject_export(), purposes={}))
    assert "<dl>" not in page
    assert Outline(page).tags["h1"] == 1
