"""`index.html` of an export: one calm page without scripts or outside resources, readable on paper and aloud."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from html import escape

from gateway.kernel.clock import format_instant, parse_instant
from gateway.rights.export import SubjectExport
from gateway.rights.sections import Column, Section, Value
from gateway.rights.style import STYLE
from gateway.rights.texts import regime_text, words

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def render(export: SubjectExport, parts: tuple[Section, ...]) -> str:
    """The page for an export that `export.disclosable` has passed, and its parts. Every value is escaped."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"What {escape(export.controller)} holds about you"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="robots" content="noindex">',
            f"<title>{title}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            *_header(export, title),
            _navigation(parts),
            "<main>",
            _purposes(export),
            *(_part(part) for part in parts),
            _rights(export),
            "</main>",
            _footer(export),
            "</body>",
            "</html>",
            "",
        ]
    )


def _header(export: SubjectExport, title: str) -> list[str]:
    contact = f" Questions: {escape(export.contact)}." if export.contact else ""
    return [
        "<header>",
        f'<p class="law">{escape(regime_text(export.regime).law)}</p>',
        f"<h1>{title}</h1>",
        f"<p>The answer to your request, made on {_time(format_instant(export.made_at))} UTC.{contact}",
        "The folder also holds the same data as JSON and CSV files.</p>",
        "</header>",
    ]


def _navigation(parts: tuple[Section, ...]) -> str:
    items = "".join(
        f'<li><a href="#{part.name}"><span class="count">{len(part.rows)}</span> {escape(part.title)}</a></li>'
        for part in parts
    )
    return f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def _purposes(export: SubjectExport) -> str:
    if not export.purposes:
        return ""
    items = "".join(
        f"<dt>{escape(words(name))}</dt><dd>{escape(description)}</dd>"
        for name, description in sorted(export.purposes.items())
    )
    return (
        '<section aria-labelledby="purposes"><h2 id="purposes">What your data is used for</h2>'
        f"<dl>{items}</dl></section>"
    )


def _part(part: Section) -> str:
    opening = (
        f'<section aria-labelledby="{part.name}"><h2 id="{part.name}">{escape(part.title)}</h2>'
        f"<p>{escape(part.lead)}</p>"
    )
    if not part.rows:
        return f'{opening}<p class="none">Nothing is on record.</p></section>'
    head = "".join(f'<th scope="col">{escape(column.heading)}</th>' for column in part.columns)
    body = "\n".join(_row(part.columns, row) for row in part.rows)
    entries = "1 entry" if len(part.rows) == 1 else f"{len(part.rows)} entries"
    return (
        f'{opening}\n<div class="scroll" role="region" tabindex="0" aria-labelledby="{part.name}">'
        f"<table><caption>{escape(part.title)}: {entries}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div></section>"
    )


def _row(columns: tuple[Column, ...], values: tuple[Value, ...]) -> str:
    cells = [_cell(column, value) for column, value in zip(columns, values, strict=True)]
    return f'<tr><th scope="row">{cells[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in cells[1:]) + "</tr>"


def _cell(column: Column, value: Value) -> str:
    """One value as HTML; an empty one is a dash that a screen reader calls "none"."""
    if not value:
        return '<span class="none" role="img" aria-label="none">–</span>'
    values = value if isinstance(value, tuple) else (value,)
    match column.form:
        case "slug":
            return escape(", ".join(words(item) for item in values))
        case "code":
            return " ".join(_code(item) for item in values)
        case "quote":
            return f"<bdi>{escape(', '.join(values))}</bdi>"
        case "time":
            return ", ".join(_time(item) for item in values)
        case "day":
            return ", ".join(_time(f"{item}T00:00:00Z", day_only=True) for item in values)
        case _:
            return escape(", ".join(values))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _time(instant: str, *, day_only: bool = False) -> str:
    moment = datetime.fromtimestamp(parse_instant(instant) / 1000, UTC)
    day = f"{moment.day}\u00a0{_MONTHS[moment.month - 1]}\u00a0{moment.year}"
    if day_only:
        return f'<time datetime="{instant[:10]}">{day}</time>'
    return f'<time datetime="{instant}">{day}, {moment:%H:%M}</time>'


def _rights(export: SubjectExport) -> str:
    text = regime_text(export.regime)
    return (
        '<section aria-labelledby="rights"><h2 id="rights">What you can do next</h2>'
        f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in text.rights)}</ul>"
        f"<h3>How to complain</h3><ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in text.complaint)}</ul>"
        "</section>"
    )


def _footer(export: SubjectExport) -> str:
    return (
        "<footer><p>All times are UTC. References are made for this export and mean nothing elsewhere. "
        f"Made for request {_code(export.request)}.</p></footer>"
    )
