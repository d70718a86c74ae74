"""The canonical leaf: what happened, without a word about whom.

A leaf is canonical JSON (RFC 8785) of exactly these members: `actor` (role), `channel`, `commitments`, `facts`,
`hour`, `kind`, `policy` (digest), `rule` and `v`. What could point at one person stands as a salted commitment only;
facts are whole numbers and short slugs. One pattern over the bytes decides what a leaf may be, for the writer and
for the verifier alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType

import orjson

from gateway.audit.canonical import canonical
from gateway.kernel.errors import IntegrityError, InvalidInput


@unique
class EntryKind(StrEnum):
    """The tags of the audit log."""

    PROFILE_CREATED = "profile.created"
    PROFILE_MERGED = "profile.merged"
    PROFILE_SPLIT = "profile.split"
    LINK_RETRACTED = "link.retracted"
    IDENTIFIERS_EXPIRED = "identifiers.expired"
    MERGE_REFUSED = "merge.refused"
    CONSENT_RECORDED = "consent.recorded"
    CONSENT_REFUSED = "consent.refused"
    NOTICE_REGISTERED = "notice.registered"
    NOTICE_ENDED = "notice.ended"
    RECORDS_REVIEWED = "records.reviewed"
    IMPORT_PROPOSED = "import.proposed"
    IMPORT_APPROVED = "import.approved"
    IMPORT_DONE = "import.done"
    DECISIONS_BATCH = "decisions.batch"
    RIGHT_STEP = "right.step"
    DISCLOSURE_MADE = "disclosure.made"
    FSCK_COMPLETED = "fsck.completed"
    POLICY_ACTIVATED = "policy.activated"
    TENANT_CREATED = "tenant.created"
    TENANT_CHANGED = "tenant.changed"
    CLIENT_CREATED = "client.created"
    CLIENT_REVOKED = "client.revoked"
    BACKUP_RESTORED = "backup.restored"
    JOURNAL_REPLAYED = "journal.replayed"
    KEYS_ROTATED = "keys.rotated"
    KEYS_RETIRED = "keys.retired"
    KEYS_DESTROYED = "keys.destroyed"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf as read back. `kind` is a text: a log may be newer than the program that reads it."""

    kind: str
    hour: str
    actor: str
    channel: str
    rule: str
    policy: str
    commitments: Mapping[str, str | list[str]]
    facts: Mapping[str, str | int]


VERSION = 1
_SLUG = rb'"[a-z0-9_.:-]{0,80}+"'
_NAME = rb'"[a-z0-9_.:-]{1,80}+"'
_HOUR = rb'"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:00Z"'
_COMMITMENT = rb'"[A-Za-z0-9_-]{43}"'


def _several(item: bytes) -> bytes:
    return rb"(?:%b(?:,%b)*+)?+" % (item, item)


_COMMITMENTS = rb"\{%b\}" % _several(rb"%b:(?:%b|\[%b\])" % (_NAME, _COMMITMENT, _several(_COMMITMENT)))
_FACTS = rb"\{%b\}" % _several(rb"%b:(?:%b|-?(?:0|[1-9][0-9]{0,15}+))" % (_NAME, _SLUG))
_SHAPES = {
    "actor": _SLUG,
    "channel": _SLUG,
    "commitments": _COMMITMENTS,
    "facts": _FACTS,
    "hour": _HOUR,
    "kind": _NAME,
    "policy": _SLUG,
    "rule": _SLUG,
    "v": str(VERSION).encode(),
}
_LEAF = re.compile(rb"\{%b\}" % b",".join(rb'"%b":%b' % (name.encode(), shape) for name, shape in _SHAPES.items()))
_WRITTEN = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_NO_FACTS: Mapping[str, str | int] = MappingProxyType({})
_SLUG_TEXT = re.compile(r"[a-z0-9_.:-]{0,80}+")


def is_slug(text: str) -> bool:
    """Whether a leaf takes `text` as actor, channel, rule, policy or fact: at most 80 of `a-z 0-9 _ . : -`."""
    return _SLUG_TEXT.fullmatch(text) is not None


def leaf(
    kind: EntryKind,
    *,
    hour: str,
    actor: str,
    channel: str,
    rule: str,
    policy: str,
    commitments: Mapping[str, str | list[str]],
    facts: Mapping[str, str | int] = _NO_FACTS,
) -> bytes:
    """The canonical bytes of one leaf.

    `hour` as `gateway.kernel.clock.hour_of` writes it; actor, channel, rule, policy and text facts are slugs
    (`is_slug`); commitments as `gateway.audit.commitments` makes them, by name, single or as a list; facts are ints
    within ±(2^53-1) or slugs. Raises IntegrityError naming the member that could hold more than that.
    """
    members = {
        "actor": actor,
        "channel": channel,
        "commitments": dict(commitments),
        "facts": dict(facts),
        "hour": hour,
        "kind": kind,
        "policy": policy,
        "rule": rule,
        "v": VERSION,
    }
    try:
        data = orjson.dumps(members, option=_WRITTEN)
    except orjson.JSONEncodeError:
        raise _fault(members) from None
    if _LEAF.fullmatch(data) is None:
        raise _fault(members)
    return data


def parse_leaf(data: bytes) -> Leaf:
    """Leaf bytes -> Leaf. Raises IntegrityError unless `leaf` could have written exactly these bytes.

    The kind alone is free: any slug passes.
    """
    if _LEAF.fullmatch(data) is None:
        raise IntegrityError("the leaf has not the form of a version 1 entry")
    members = orjson.loads(data)
    try:
        rewritten = canonical(members)
    except InvalidInput:
        raise IntegrityError("the leaf holds a number that canonical JSON cannot") from None
    if rewritten != data:
        raise IntegrityError("the leaf is not canonical JSON")
    del members["v"]
    return Leaf(**members)


def _fault(members: Mapping[str, object]) -> IntegrityError:
    """Which members of a leaf may not stand in it."""
    unfit = ", ".join(name for name, shape in _SHAPES.items() if not _fits(members[name], shape))
    return IntegrityError(f"a leaf holds no free text and no other form: {unfit} may not stand in the log so")


def _fits(value: object, shape: bytes) -> bool:
    try:
        return re.fullmatch(shape, orjson.dumps(value, option=_WRITTEN)) is not None
    except orjson.JSONEncodeError:
        return False
