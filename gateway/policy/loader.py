"""`policies/*.yaml` -> PolicySet, or every fault with file and line.

1. read    each file, by itself: size, encoding, the YAML subset of `document`   MalformedDocument -> a finding
2. shape   each file against its schema; an unknown key refuses the file         ValidationError -> findings
3. relate  the files with each other (`checks`), once all of them are valid      findings
4. build   frozen objects and the digest                                         only without any finding

Six files (`model.SOURCE_FILES`) are read by name; every other `*.yaml` is a regime. Nothing is merged
from defaults: what a set means stands in its files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, Final, TypeVar

from marshmallow import ValidationError

from gateway.policy.checks import SourceFile, Sources, cross_check
from gateway.policy.document import MAX_BYTES, Document, MalformedDocument, Path, parse
from gateway.policy.errors import Finding, PolicyError
from gateway.policy.model import (
    SOURCE_FILES,
    ClientClass,
    ConsentRule,
    KindRule,
    PolicySet,
    PurposeRule,
    Recipient,
    Regime,
    Retention,
    RightsRule,
    SignalMap,
)
from gateway.policy.schema import SHARED_FILES, UNKNOWN, RegimeFile

_Row = TypeVar("_Row")
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


def restore(source: str) -> PolicySet:
    """`PolicySet.source`, as it was kept by its digest -> the set. Raises PolicyError where it is read no more."""
    files: dict[str, SourceFile] = {}
    findings: list[Finding] = []
    for name, data in json.loads(source).items():
        file, faults = _shaped(name, Document(data, {}, ()))
        findings += faults
        if file is not None:
            files[name] = file
    if findings:
        raise PolicyError(findings)
    return _build(_sources(files))


def _sources(files: dict[str, SourceFile]) -> Sources:
    shared = {name.removesuffix(".yaml"): files.pop(name) for name in SHARED_FILES}
    return Sources(regimes=tuple(files.values()), **shared)


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
    sources = _sources(files)
    return sources, sorted(cross_check(sources))


def _read_file(path: FilePath) -> tuple[SourceFile | None, list[Finding]]:
    try:
        with path.open("rb") as stream:
            document = parse(stream.read(MAX_BYTES + 1))
    except OSError as error:
        return None, [Finding(path.name, 1, f"cannot be read: {error.strerror}")]
    except MalformedDocument as error:
        return None, [Finding(path.name, error.line, error.message)]
    source, findings = _shaped(path.name, document)
    return source, [*(Finding(path.name, line, message) for line, message in document.problems), *findings]


def _shaped(name: str, document: Document) -> tuple[SourceFile | None, list[Finding]]:
    try:
        row = SHARED_FILES.get(name, RegimeFile)().load(document.data)
    except ValidationError as error:
        return None, [_finding(name, document, place, text) for place, text in _flatten(error.messages)]
    return SourceFile(name, document, row), []


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
    source = _canonical(sources)
    strictest = max(regimes.values(), key=lambda regime: regime.strictness)
    return PolicySet(
        digest=f"sha256:{hashlib.sha256(source.encode()).hexdigest()}",
        regimes=MappingProxyType(regimes),
        purposes=_named(PurposeRule, sources.purposes.row["purposes"]),
        kinds=MappingProxyType(_kinds(sources.identifiers.row)),
        classes=_named(ClientClass, sources.clients.row["classes"]),
        retention=_retention(sources.retention.row),
        signals=_signals(sources.signals.row),
        recipients=_named(Recipient, sources.recipients.row["recipients"]),
        regimes_by_jurisdiction=MappingProxyType(
            {code: tuple(name for name, regime in regimes.items() if code in regime.jurisdictions) for code in codes}
        ),
        strictest=tuple(
            name for name, regime in regimes.items() if regime is strictest or regime.subjects == "devices"
        ),
        source=source,
    )


def _named(kind: Callable[..., _Row], rows: Mapping[str, Any]) -> Mapping[str, _Row]:
    return MappingProxyType({name: kind(name=name, **row) for name, row in rows.items()})


def _regime(source: SourceFile) -> Regime:
    row = dict(source.row)
    name = row["name"]
    consent: dict[str, list[ConsentRule]] = {}
    for rule in sorted(row.pop("consent"), key=lambda rule: rule["effective_from"]):
        shared = {**rule, "signals": MappingProxyType(rule["signals"]), "age_gates": tuple(rule["age_gates"])}
        for purpose in shared.pop("purposes"):
            asks = rule["asks"] or purpose
            consent.setdefault(purpose, []).append(
                ConsentRule(regime=name, purpose=purpose, **{**shared, "asks": asks})
            )
    rights = {key: RightsRule(regime=name, request=key, **rule) for key, rule in (row.pop("rights") or {}).items()}
    return Regime(
        consent=MappingProxyType({purpose: tuple(rules) for purpose, rules in consent.items()}),
        rights=MappingProxyType(rights),
        **row,
    )


def _kinds(row: Mapping[str, Any]) -> dict[str, KindRule]:
    junk = {
        form for word in row["junk"] for form in (word, word.lower(), word.upper(), word.title(), word.capitalize())
    }
    return {name: KindRule(name=name, **{**rule, "deny": rule["deny"] | junk}) for name, rule in row["kinds"].items()}


def _retention(row: Mapping[str, Any]) -> Retention:
    return Retention(**{**row, "tombstone_days": MappingProxyType(row["tombstone_days"])})


def _signals(row: Mapping[str, Any]) -> SignalMap:
    by_place = {
        key: MappingProxyType(
            {
                section: MappingProxyType({int(place): meant for place, meant in places.items()})
                for section, places in row[key].items()
            }
        )
        for key in ("gpp_sensitive", "gpp_children")
    }
    return SignalMap(**{**row, **by_place})


def _canonical(sources: Sources) -> str:
    """The files' data as canonical JSON (sorted keys, no spaces), so that only meaning counts in its digest."""
    shared = (getattr(sources, name) for name in SOURCE_FILES)
    data = {source.name: source.document.data for source in (*sources.regimes, *shared)}
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
