"""Journey: identifiers end with the time their kind is kept (DESIGN section 3; GDPR Art. 5(1)(e)); run by a job.

    1 find        all identifiers are walked through, a page at a time, in transactions that only read
    2 look again  under the partition lock, for a record may have come in meanwhile                       (steps.aged)
    3 lapse       consents, links, profiles, pseudonyms                                                   (steps.lapse)

Steps 2 and 3 are one transaction for each run of identifiers. Whoever kills the process loses the run at work; the next
one begins anew and finds what is left. Raises BehindJournal, Frozen and Unavailable before anything is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.flows.context import Caller, Gateway, Role, check_store
from gateway.flows.steps.aged import aged, old_ones
from gateway.flows.steps.lapse import lapse
from gateway.kernel.errors import Stale, Unavailable

RUN = 1_000
"""Identifiers that expire in one transaction at most; other digests of their values come on top."""

_PAGE = 1_000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Expired:
    """What has expired: `identifiers` by kind (several digests of a value count once), and what went with them.

    `counts`: links, records_deleted, records_retracted, profiles_ended, consents, restrictions_kept (identifiers whose
    restriction and pseudonym stay). A dry run knows the links alone.
    """

    identifiers: Mapping[str, int]
    counts: Mapping[str, int]


def expire(
    gateway: Gateway, caller: Caller, *, dry_run: bool = False, looked_at: Callable[[int], object] = lambda _: None
) -> Expired:
    """Let what is too old go, or only count it -> what went.

    `looked_at` is told how many identifiers more were looked at. Needs the role dpo or admin.
    """
    caller.require(Role.DPO, Role.ADMIN)
    identifiers: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    one = _count if dry_run else _expire
    for run in _runs(gateway, caller.tenant_id, looked_at):
        kinds, went = one(gateway, caller, run)
        identifiers.update(kinds)
        counts.update(went)
    return Expired(dict(sorted(identifiers.items())), dict(counts))


def _runs(gateway: Gateway, tenant_id: int, looked_at: Callable[[int], object]) -> Iterator[list[int]]:
    """Runs of identifiers that are old, each for itself."""
    waiting: list[int] = []
    last = 0
    while True:
        with gateway.storage.begin(tenant_id, write=False) as unit:
            check_store(gateway, unit, merging=True)
            page = unit.retention.page(last, _PAGE)
            waiting += old_ones(gateway, unit, page)
        while len(waiting) >= RUN or (waiting and not page):
            yield waiting[:RUN]
            del waiting[:RUN]
        if not page:
            return
        last = page[-1]
        looked_at(len(page))


def _count(gateway: Gateway, caller: Caller, run: Sequence[int]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    with gateway.storage.begin(caller.tenant_id, write=False) as unit:
        found = aged(gateway, unit, run)
    among = set(run)
    links = sum(found.values.of(link.identifier_id) in among for link in found.leaving(gateway.policies))
    return found.counted(gateway.policies, among), {"links": links}


def _expire(gateway: Gateway, caller: Caller, run: Sequence[int]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    for _ in range(_TRIES):
        try:
            return _once(gateway, caller, run)
        except Stale:
            continue
    raise Unavailable("consents keep changing under this run: the next one goes on")


def _once(gateway: Gateway, caller: Caller, run: Sequence[int]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    with gateway.storage.begin(caller.tenant_id, write=True) as unit:
        check_store(gateway, unit, merging=True)
        found = aged(gateway, unit, run)
        if not found.kinds:
            return {}, {}
        unit.log.lock_unchanged(unit.log.head().restrictions)
        counts = lapse(gateway, unit, caller, found)
        unit.commit()
    return found.counted(gateway.policies, found.kinds), counts
