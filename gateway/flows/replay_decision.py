"""Journey: a decision of the past is computed again (GDPR Art. 5(2), 7(1)).

    1 open      the decision's disclosure is one of the commitments whose root stands in the log
    2 policy    the set that was in force, by the digest in the log's entry
    3 ledger    the events it rested on, as they stand in the ledger
    4 decide    again, at the moment it was made: the same answer, or the log and the store do not agree

After an erasure the disclosure, or the events, are gone: what is left is the proof that it was decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from gateway.audit.commitments import batch_root, open_disclosure
from gateway.audit.encodings import to_base64url
from gateway.audit.entries import parse_leaf
from gateway.audit.merkle import HASH_BYTES
from gateway.consent.decide import Subject, decide
from gateway.consent.ledger import LedgerView
from gateway.consent.model import Decision, Fact, Permit, Reason, Refusal
from gateway.flows.audit import proof
from gateway.flows.context import Caller, Gateway, Role
from gateway.kernel.clock import parse_instant
from gateway.kernel.errors import IntegrityError, NotFound, Unavailable
from gateway.kernel.ids import decode
from gateway.policy.loader import restore
from gateway.policy.model import PolicySet
from gateway.storage.tenants import TenantStore
from gateway.storage.unit_of_work import UnitOfWork

Status = Literal["same", "different", "erased"]

_STATED: Final = ("permitted", "rule", "reason", "basis", "expires_at")


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision as it was logged and as it comes out now, under which policy; `proof` is a tlog-proof of its entry.

    Of what was erased both are empty.
    """

    decision: str
    status: Status
    policy: str
    position: int
    logged: Mapping[str, object]
    computed: Mapping[str, object]
    proof: str


def replay_decision(gateway: Gateway, caller: Caller, decision: str) -> Replayed:
    """Id of a decision (`dec_….place`) -> what it was, and what it is when computed again.

    Needs the role dpo or auditor. Raises NotFound for an id that no batch has, IntegrityError where the store
    contradicts the log, Unavailable where the policy set of that time cannot be read.
    """
    caller.require(Role.DPO, Role.AUDITOR)
    batch_id, place = _numbers(decision)
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        batch = unit.disclosures.batch(batch_id)
        if batch is None:
            raise NotFound("the log has no such decision")
        position, commitments = batch
        digest = _policy_of(unit, position, commitments)
        text = unit.disclosures.decision(batch_id, place)
        logged = {} if text is None else _opened(text, commitments)
        facts = _facts(unit, logged)
        source = TenantStore(unit.session).policy(digest)
    shown = proof(gateway, caller.tenant_id, position)
    if not logged or facts is None:
        return Replayed(decision, "erased", digest, position, {}, {}, shown)
    if source is None:
        raise Unavailable("the policy set of that time is not in this store")
    computed = _again(restore(source), logged, facts)
    before: dict[str, object] = {name: logged[name] for name in _STATED if name in logged}
    status: Status = "same" if before == computed else "different"
    return Replayed(decision, status, digest, position, before, computed, shown)


def _numbers(decision: str) -> tuple[int, int]:
    name, _, place = decision.partition(".")
    try:
        return decode("dec", name), int(place)
    except ValueError:
        raise NotFound("a decision's id has the form dec_….0, as in the results of records") from None


def _policy_of(unit: UnitOfWork, position: int, commitments: bytes) -> str:
    leaf = parse_leaf(next(data for _, data in unit.log.entries(position, position + 1)))
    members = [to_base64url(one) for one in _members(commitments)]
    if leaf.commitments.get("decisions") != batch_root(members):
        raise IntegrityError("the decisions of this batch are not those of the log: run `gateway audit fsck`")
    return leaf.policy


def _members(commitments: bytes) -> list[bytes]:
    return [commitments[one : one + HASH_BYTES] for one in range(0, len(commitments), HASH_BYTES)]


def _opened(text: str, commitments: bytes) -> dict[str, Any]:
    if sha256(text.encode()).digest() not in _members(commitments):
        raise IntegrityError("this decision is not one of those in the log: run `gateway audit fsck`")
    _, value = open_disclosure(text)
    if not isinstance(value, dict) or "heard" not in value:
        raise Unavailable("this decision was made before the gateway kept what decisions rest on")
    return value


def _facts(unit: UnitOfWork, logged: Mapping[str, Any]) -> dict[int, Fact] | None:
    """The events a decision rests on, by position; None where one is gone."""
    if not logged:
        return None
    everything = [logged["heard"], *(heard for _, heard in logged.get("met", []))]
    wanted = {at for heard in everything for _, positions in heard for at in positions}
    found = {
        row.position: Fact(
            0,
            row.purpose,
            row.kind,
            row.occurred_at,
            row.position,
            row.expires_at,
            row.basis,
            bool(row.verified),
            bool(row.derived),
            row.site,
        )
        for row in unit.ledger.rows_at(wanted)
    }
    return None if wanted - found.keys() else found


def _again(policies: PolicySet, logged: Mapping[str, Any], facts: Mapping[int, Fact]) -> dict[str, object]:
    """Step 4, in the order of `gateway.flows.steps.decide` and `link`."""
    purpose, regimes = logged["purpose"], tuple(logged["regimes"])
    rules = policies.classes.get(logged["class"])
    kinds = [policies.kinds[kind] for kind in logged["kinds"]]
    decision: Decision
    if rules is not None and rules.purposes is not None and purpose not in rules.purposes:
        decision = Refusal(purpose, regimes, "clients.purposes", Reason.NOT_ASSERTABLE)
    elif not any(kind.may_link for kind in kinds):
        decision = Refusal(purpose, regimes, "identifiers.may_link", Reason.NOTHING_TO_LINK)
    else:
        decision = _decided(policies, logged, regimes, logged["heard"], facts)
        met = [_decided(policies, logged, known, heard, facts) for known, heard in logged.get("met", [])]
        if isinstance(decision, Permit) and met and all(isinstance(one, Refusal) for one in met):
            decision = Refusal(purpose, regimes, decision.rule, Reason.CANDIDATE_REFUSES)
    return _stated(decision)


def _decided(
    policies: PolicySet,
    logged: Mapping[str, Any],
    regimes: Sequence[str],
    heard: Sequence[tuple[str, Sequence[int]]],
    facts: Mapping[int, Fact],
) -> Decision:
    subject = Subject({place: speaks_as for place, (speaks_as, _) in enumerate(heard)}, logged["channel"])
    ledger = LedgerView(
        facts[at]._replace(identifier_id=place) for place, (_, positions) in enumerate(heard) for at in positions
    )
    return decide(policies, regimes, logged["purpose"], subject, ledger, parse_instant(logged["at"]))


def _stated(decision: Decision) -> dict[str, object]:
    stated: dict[str, object] = {
        "permitted": isinstance(decision, Permit),
        "rule": decision.rule,
        "reason": str(decision.reason),
    }
    if isinstance(decision, Permit):
        stated |= {"basis": list(decision.basis), "expires_at": decision.expires_at}
    return stated
