"""A privacy request as the store keeps it: the accountability half as JSON, the identifying half sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from gateway.audit.entries import EntryKind
from gateway.flows.context import Gateway
from gateway.flows.steps.entries import Scribe
from gateway.flows.steps.subjects import pseudonyms_of, texts_of
from gateway.identifiers.model import Pseudonym, RawIdentifier
from gateway.kernel.errors import InvalidInput, NotFound
from gateway.kernel.ids import decode, encode
from gateway.policy.model import PolicySet, RightsRule
from gateway.rights.model import RequestKind, RightsRequest, State
from gateway.rights.verification import proved
from gateway.storage.rights import SubjectRow
from gateway.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """The accountability half: the request, its last preflight, what a run changed, whether hanging links go too."""

    request: RightsRequest
    preflight: Mapping[str, object] | None = None
    counts: Mapping[str, int] | None = None
    include_hanging: bool = False

    def to_json(self) -> str:
        """The text the store keeps."""
        body = {
            "request": self.request.as_json(),
            "preflight": self.preflight,
            "counts": self.counts,
            "include_hanging": self.include_hanging,
        }
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()

    @classmethod
    def from_json(cls, text: str) -> StoredRequest:
        """What `to_json` wrote -> the request."""
        body = orjson.loads(text)
        request = RightsRequest.from_json(body["request"])
        return cls(request, body["preflight"], body["counts"], body["include_hanging"])


def request_id(text: str) -> int:
    """The outside id of a request -> its surrogate id. Raises NotFound for a text that is none."""
    try:
        return decode("req", text)
    except ValueError:
        raise NotFound("there is no such request") from None


def outside_id(request: RightsRequest) -> str:
    """The request's id as the outside knows it."""
    return encode("req", request.id)


def read(unit: UnitOfWork, request: int, *, lock: bool = False) -> StoredRequest:
    """Raises NotFound when the tenant has no such request."""
    body = unit.rights.get(request, lock=lock)
    if body is None:
        raise NotFound("there is no such request")
    return StoredRequest.from_json(body)


def write(unit: UnitOfWork, stored: StoredRequest) -> None:
    """Write the request's new state."""
    request = stored.request
    unit.rights.put(request.id, stored.to_json(), request.state.value, request.due_at)


def note_step(unit: UnitOfWork, scribe: Scribe, request: RightsRequest, step: str) -> int:
    """One step of a request becomes an entry -> its position in the log."""
    facts = {"step": step, "request": request.kind.value, "state": request.state.value, "regime": request.regime}
    entry = scribe.write(EntryKind.RIGHT_STEP, f"rights.{request.kind.value}", facts, {"request": outside_id(request)})
    position = unit.log.append([entry])
    unit.rights.add_step(request.id, position, step, scribe.now)
    return position


def rule_of(policies: PolicySet, regime: str, kind: RequestKind) -> RightsRule:
    """The regime's rule for this kind of request. Raises InvalidInput when the law knows no such right."""
    rule = policies.regimes[regime].rights.get(kind.value)
    if rule is None:
        raise InvalidInput("this regime has no such right", field="request", rule="no_such_right")
    return rule


def subjects_of(gateway: Gateway, unit: UnitOfWork, stored: StoredRequest) -> list[SubjectRow]:
    """Those of a request's identifiers it may act on: proved ones, or all where verification is forbidden.

    None once the request has ended and its texts are gone.
    """
    subjects = unit.rights.subjects(stored.request.id)
    rule = rule_of(gateway.policies, stored.request.regime, stored.request.kind)
    if rule.verification == "forbidden":
        return subjects
    if not stored.request.proof:
        return []
    named = _named(gateway, unit, stored.request, subjects)
    accepted = set(map(id, proved(stored.request.proof, named.values())))
    return [row for row in subjects if row.token in named and id(named[row.token]) in accepted]


def acted_on(gateway: Gateway, unit: UnitOfWork, stored: StoredRequest) -> list[Pseudonym]:
    """The pseudonyms of `subjects_of`, in every chain of keys in use."""
    return pseudonyms_of(gateway, unit, stored.request, subjects_of(gateway, unit, stored))


def check_proof(gateway: Gateway, unit: UnitOfWork, request: RightsRequest) -> None:
    """Raises InvalidInput when the request's proof is unknown, or reaches one address and the request names several."""
    if request.proof:
        proved(request.proof, _named(gateway, unit, request, unit.rights.subjects(request.id)).values())


def _named(
    gateway: Gateway, unit: UnitOfWork, request: RightsRequest, subjects: Sequence[SubjectRow]
) -> dict[bytes, RawIdentifier]:
    """Pseudonym token -> what the person gave, for identifiers that came raw."""
    texts = texts_of(gateway, unit.tenant_id, request, subjects)
    return {
        row.token: RawIdentifier(row.kind, texts[row.token], row.namespace) for row in subjects if row.token in texts
    }


def completed(request: RightsRequest, now: int, *, step: str = "") -> RightsRequest:
    """The request after its run, which also ends a hold that came too late."""
    return replace(
        request,
        state=State.COMPLETED,
        step=step,
        completed_at=now,
        held_from=None,
        hold_reason="",
        hold_since=None,
    )


def with_request(stored: StoredRequest, request: RightsRequest) -> StoredRequest:
    """The same with the request in a new state."""
    return replace(stored, request=request)
