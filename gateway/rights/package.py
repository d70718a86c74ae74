"""The export as one ZIP: `export.json` for machines, CSV for spreadsheets, `index.html` for people, `README.txt`.

The bytes depend on the export alone: files are stored uncompressed (no zlib version shows), in a fixed order, with
`made_at` as their time.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import UTC, datetime

from gateway.kernel.clock import format_instant
from gateway.rights.export import SubjectExport, disclosable
from gateway.rights.page import render
from gateway.rights.sections import Section, Value, sections
from gateway.rights.texts import regime_text

FORMAT = "gateway-subject-export"
VERSION = 1

# A spreadsheet takes a cell that starts so for a formula (OWASP, CSV injection); full-width forms count too.
_FORMULA_STARTS = tuple("=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20")
_FIRST_ZIP_YEAR, _LAST_ZIP_YEAR = 1980, 2107


def build_package(export: SubjectExport) -> bytes:
    """The bytes of the ZIP for one person's export, after `export.disclosable`. Equal exports give equal bytes."""
    export = disclosable(export)
    parts = sections(export)
    files = {
        "README.txt": _readme(export, parts),
        "export.json": _json(export, parts),
        "index.html": render(export, parts),
        **{f"{part.name}.csv": _csv(part) for part in parts},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(_entry(name, export.made_at), text.encode("utf-8", "replace"))
    return buffer.getvalue()


def _entry(name: str, made_at: int) -> zipfile.ZipInfo:
    moment = datetime.fromtimestamp(made_at / 1000, UTC)
    year = min(max(moment.year, _FIRST_ZIP_YEAR), _LAST_ZIP_YEAR)
    entry = zipfile.ZipInfo(name, (year, moment.month, moment.day, moment.hour, moment.minute, moment.second))
    entry.create_system = 3
    entry.external_attr = 0o100644 << 16
    return entry


def _json(export: SubjectExport, parts: tuple[Section, ...]) -> str:
    text = regime_text(export.regime)
    body: dict[str, object] = {
        "format": FORMAT,
        "version": VERSION,
        "controller": export.controller,
        "contact": export.contact,
        "regime": export.regime,
        "law": text.law,
        "request": export.request,
        "made_at": format_instant(export.made_at),
        "purposes": dict(sorted(export.purposes.items())),
        **{part.name: [dict(zip(part.keys, row, strict=True)) for row in part.rows] for part in parts},
        "rights": list(text.rights),
        "complaint": list(text.complaint),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _csv(part: Section) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(part.keys)
    writer.writerows([_cell(value) for value in row] for row in part.rows)
    return buffer.getvalue()


def _cell(value: Value) -> str:
    text = "; ".join(value) if isinstance(value, tuple) else value or ""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def _readme(export: SubjectExport, parts: tuple[Section, ...]) -> str:
    text = regime_text(export.regime)
    files = [f"  {part.name + '.csv':<17} {part.title.lower()}: {', '.join(part.keys)}" for part in parts]
    return "\n".join(
        [
            f"What {export.controller} holds about you",
            f"Request {export.request}, made {format_instant(export.made_at)}",
            text.law,
            "",
            "  index.html        everything on one page; open it in a browser, no connection is needed",
            "  export.json       everything for machines",
            *files,
            "",
            "All files are UTF-8, all times UTC (RFC 3339), a list in a CSV cell is separated by '; '. A cell that a",
            "spreadsheet would take for a formula starts with an apostrophe; export.json has the text without it.",
            "",
            "Identifiers such as addresses and numbers are kept as pseudonyms only. What you supplied with your",
            "request stands in your own words; of everything else the kind, the channels and the dates are known, not",
            "the value. References (ids) are made for this export and mean nothing elsewhere.",
            "",
            "Your rights",
            *(f"  - {sentence}" for sentence in text.rights),
            "",
            "How to complain",
            *(f"  - {sentence}" for sentence in text.complaint),
            *(["", f"Contact: {export.contact}"] if export.contact else []),
            "",
        ]
    )
