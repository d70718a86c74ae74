"""`policies/*.yaml` -> PolicySet, or every fault with file and line.

1. read    each file, by itself: size, encoding, the YAML subset of `document`   MalformedDocument -> a finding
2. shape   each file against its schema; an unknown key refuses the file         ValidationError -> findings
3. relate  the files with each other (`checks`), once all of them are valid      findings
4. build   frozen objects and the digest                                         only without any finding

purposes, identifiers, clients and retention are read by name; every other `*.yaml` is a regime. Nothing is merged
from defaults: what a set means stands in its files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, Final

from marshmallow import ValidationError

from gateway.policy.checks import SourceFile, Sources, cross_check
from gateway.policy.document import MAX_BYTES, Document, MalformedDocument, Path, parse
from gateway.policy.errors import Finding, PolicyError
from gateway.policy.model import (
    ClientClass,
    ConsentRule,
    KindRule,
    PolicySet,
    PurposeRule,
    Regime,
    Retention,
    RightsRule,
)
from gateway.policy.schema import SHARED_FILES, UNKNOWN, RegimeFile

_ABSENT: Final = object()
_NOT_KEYS: Final = frozenset({"_schema", "key", "value"})


def load(directory: FilePath) -> PolicySet:
    """Directory of a policy set -> the set. Raises PolicyError with all findings if there is any."""
    sources, findings = _read(directory)
    if sources is None or findings:
        raise PolicyError(findings)
    return _build(sources)


def check(directory: FilePath) -> list[Finding]:
    """Directory of a policy set -> all its findings, by file and line; none means that `load` succeeds."""
    return _read(directory)[1]


def _read(directory: FilePath) -> tuple[Sources | None, list[Finding]]:
    if not directory.is_dir():
        return None, [Finding(directory.name, 1, "no such directory of policies")]
    findings = [Finding(path.name, 1, "not read: rename it to .yaml") for path in directory.glob("*.yml")]
    files: dict[str, SourceFile] = {}
    for path in sorted(directory.glob("*.yaml")):
        source, faults = _read_file(path)
        findings += faults
        if source is not None:
            files[path.name] = source
    present = {path.name for path in directory.glob("*.yaml")}
    findings += [Finding(name, 1, "the file is missing") for name in SHARED_FILES if name not in present]
    if present <= SHARED_FILES.keys():
        findings.append(Finding(directory.name, 1, "no regime: at least one file such as gdpr.yaml is needed"))
    if findings:
        return None, sorted(findings)
    shared = {name.removesuffix(".yaml"): files.pop(name) for name in SHARED_FILES}
    sources = Sources(regimes=tuple(files.values()), **shared)
    return sources, sorted(cross_check(sources))


def _read_file(path: FilePath) -> tuple[SourceFile | None, list[Finding]]:
    try:
        with path.open("rb") as stream:
            document = parse(stream.read(MAX_BYTES + 1))
    except OSError as error:
        return None, [Finding(path.name, 1, f"cannot be read: {error.strerror}")]
    except MalformedDocument as error:
        return None, [Finding(path.name, error.line, error.message)]
    findings = [Finding(path.name, line, message) for line, message in document.problems]
    try:
        row = SHARED_FILES.get(path.name, RegimeFile)().load(document.data)
    except ValidationError as error:
        findings += [_finding(path.name, document, place, text) for place, text in _flatten(error.messages)]
        return None, findings
    return SourceFile(path.name, document, row), findings


def _flatten(messages: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _flatten(inner, (*path, key))
    elif isinstance(messages, list):
        for message in messages:
            yield path, str(message)


def _finding(file: str, document: Document, raw: Path, message: str) -> Finding:
    path = _real_path(document.data, raw)
    if message == UNKNOWN:
        return Finding(file, document.line_of(path), f"unknown key '{path[-1]}'")
    where = ".".join(map(str, path))
    return Finding(file, document.line_of(path), f"{where}: {message}" if where else message)


def _real_path(data: object, raw: Path) -> Path:
    """Error path of marshmallow without the steps that are its own: `_schema`, and `key` or `value` of a table."""
    path: list[str | int] = []
    for step in raw:
        inner = data.get(step, _ABSENT) if isinstance(data, Mapping) else _ABSENT
        if step in _NOT_KEYS and inner is _ABSENT:
            continue
        path.append(step)
        data = data[step] if isinstance(data, list) and isinstance(step, int) else inner
    return tuple(path)


def _build(sources: Sources) -> PolicySet:
    regimes = {regime.name: regime for regime in map(_regime, sources.regimes)}
    codes = sorted({code for regime in regimes.values() for code in regime.jurisdictions})
    return PolicySet(
        digest=_digest(sources),
        regimes=MappingProxyType(regimes),
        purposes=MappingProxyType(
            {name: PurposeRule(name=name, **row) for name, row in sources.purposes.row["purposes"].items()}
        ),
        kinds=MappingProxyType(_kinds(sources.identifiers.row)),
        classes=MappingProxyType(
            {name: ClientClass(name=name, **row) for name, row in sources.clients.row["classes"].items()}
        ),
        retention=_retention(sources.retention.row),
        regimes_by_jurisdiction=MappingProxyType(
            {code: tuple(name for name, regime in regimes.items() if code in regime.jurisdictions) for code in codes}
        ),
        strictest=max(regimes.values(), key=lambda regime: regime.strictness).name,
    )


def _regime(source: SourceFile) -> Regime:
    row = dict(source.row)
    name = row["name"]
    consent = {key: ConsentRule(regime=name, purpose=key, **rule) for key, rule in row.pop("consent").items()}
    rights = {key: RightsRule(regime=name, request=key, **rule) for key, rule in row.pop("rights").items()}
    return Regime(consent=MappingProxyType(consent), rights=MappingProxyType(rights), **row)


def _kinds(row: Mapping[str, Any]) -> dict[str, KindRule]:
    junk = {
        form for word in row["junk"] for form in (word, word.lower(), word.upper(), word.title(), word.capitalize())
    }
    return {name: KindRule(name=name, **{**rule, "deny": rule["deny"] | junk}) for name, rule in row["kinds"].items()}


def _retention(row: Mapping[str, Any]) -> Retention:
    return Retention(**{**row, "tombstone_days": MappingProxyType(row["tombstone_days"])})


def _digest(sources: Sources) -> str:
    """SHA-256 over the files' data as canonical JSON (sorted keys, no spaces, UTF-8), so that only meaning counts."""
    shared = (sources.purposes, sources.identifiers, sources.clients, sources.retention)
    data = {source.name: source.document.data for source in (*sources.regimes, *shared)}
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
