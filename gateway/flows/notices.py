"""Journey: the register of notices, what people are shown when they are asked (GDPR Art. 7(1), 12 to 14).

A version is registered once, with its whole text; its digest stands in the log. It is never changed: the next version
takes its place, or it is ended. Consents name `notice` (the version in force when they were given) or `notice@version`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from gateway.audit.entries import EntryKind
from gateway.flows.context import Caller, Gateway, Role
from gateway.flows.steps.entries import Scribe
from gateway.kernel.clock import day_of
from gateway.kernel.errors import Conflict, InvalidInput, NotFound
from gateway.storage.notices import NoticeRow

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,79}")
_VERSION: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_LONGEST: Final = 100_000


@dataclass(frozen=True, slots=True)
class NoticeInput:
    """A version to be registered: purposes of the policy, languages (BCP 47), times in milliseconds."""

    name: str
    version: str
    languages: tuple[str, ...]
    purposes: tuple[str, ...]
    text: str = field(repr=False)
    in_force_from: int
    in_force_to: int | None = None


def register_notice(gateway: Gateway, caller: Caller, notice: NoticeInput) -> str:
    """Register a version -> its digest, `sha256:<hex>` over the text in UTF-8. Needs the role admin or dpo.

    The version that was in force before ends where this one begins. Raises InvalidInput for what breaks a rule,
    Conflict for a version that is registered, or one that would begin before the last.
    """
    caller.require(Role.ADMIN, Role.DPO)
    _check(gateway, notice)
    digest = f"sha256:{sha256(notice.text.encode()).hexdigest()}"
    scribe = Scribe.of(caller, gateway.policies.digest, gateway.clock.now())
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        unit.log.lock()
        known = [one for one in unit.notices.versions() if one.notice == notice.name]
        if any(one.version == notice.version for one in known):
            raise Conflict("this version is registered already: a notice that changes gets a new version")
        if known and notice.in_force_from <= known[-1].in_force_from:
            raise Conflict("this version would begin before the one that was registered last")
        for one in known[-1:]:
            unit.notices.end(one.notice, one.version, notice.in_force_from)
        unit.notices.add(
            NoticeRow(
                notice.name,
                notice.version,
                " ".join(notice.languages),
                " ".join(notice.purposes),
                digest,
                notice.text,
                notice.in_force_from,
                notice.in_force_to,
            )
        )
        facts: dict[str, str | int] = {
            "notice": notice.name,
            "version": notice.version,
            "digest": digest,
            "from": day_of(notice.in_force_from),
        }
        unit.log.append([scribe.write(EntryKind.NOTICE_REGISTERED, "notice.register", facts)])
        unit.commit()
    return digest


def end_notice(gateway: Gateway, caller: Caller, name: str, version: str, moment: int) -> None:
    """From `moment` (milliseconds) on the version is shown to nobody. Needs the role admin or dpo.

    Raises NotFound unless it is in force until later.
    """
    caller.require(Role.ADMIN, Role.DPO)
    scribe = Scribe.of(caller, gateway.policies.digest, gateway.clock.now())
    with gateway.storage.begin(caller.tenant_id, write=True, partition=False) as unit:
        if not unit.notices.end(name, version, moment):
            raise NotFound("no such version of a notice is in force: `gateway notice list` shows them")
        facts: dict[str, str | int] = {"notice": name, "version": version, "to": day_of(moment)}
        unit.log.append([scribe.write(EntryKind.NOTICE_ENDED, "notice.end", facts)])
        unit.commit()


def list_notices(gateway: Gateway, caller: Caller) -> Sequence[NoticeRow]:
    """The whole register, by name and age."""
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        return unit.notices.all()


def _check(gateway: Gateway, notice: NoticeInput) -> None:
    if _NAME.fullmatch(notice.name) is None:
        raise InvalidInput("a notice's name is at most 80 of a-z, 0-9 and _ . : -", field="name", rule="slug")
    if _VERSION.fullmatch(notice.version) is None:
        raise InvalidInput("a version is at most 40 of a-z, 0-9 and _ . -", field="version", rule="slug")
    if not notice.languages or any(_LANGUAGE.fullmatch(one) is None for one in notice.languages):
        raise InvalidInput("at least one language such as en or pt-BR is needed", field="languages", rule="language")
    unknown = set(notice.purposes) - gateway.policies.purposes.keys()
    if unknown or not notice.purposes:
        known = ", ".join(sorted(gateway.policies.purposes))
        raise InvalidInput(f"purposes of the policy are needed: {known}", field="purposes", rule="unknown_purpose")
    if not notice.text.strip() or len(notice.text) > _LONGEST:
        raise InvalidInput(f"the text is missing, or longer than {_LONGEST} characters", field="text", rule="text")
    if notice.in_force_to is not None and notice.in_force_to <= notice.in_force_from:
        raise InvalidInput("it ends before it begins", field="in_force_to", rule="order")
