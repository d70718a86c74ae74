"""Stored records that are decided again: a run at a time, each as decisions see it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from gateway.consent.authority import LEDGER_SCOPES
from gateway.consent.decide import Subject
from gateway.flows.context import Gateway, check_store
from gateway.policy.model import PolicySet
from gateway.storage.records import StoredLink
from gateway.storage.unit_of_work import UnitOfWork

Page = Callable[[UnitOfWork, tuple[int, int]], list[tuple[int, int]]]
"""The next (moment, record) behind the one given, in order."""


def runs(gateway: Gateway, tenant_id: int, page: Page) -> Iterator[list[int]]:
    """Ids of the records that `page` finds, a run at a time, each read in a transaction of its own.

    Raises BehindJournal, Frozen and Unavailable.
    """
    last = (-1, 0)
    while True:
        with gateway.storage.begin(tenant_id, write=False) as unit:
            check_store(gateway, unit, merging=True)
            found = page(unit, last)
        if not found:
            return
        yield [record_id for _, record_id in found]
        last = found[-1]


def subject_of(
    policies: PolicySet, channel: str, links: Iterable[StoredLink], silent: Collection[int] = frozenset()
) -> Subject:
    """Links of a record of `channel` -> its subject: without what a household shares, the `silent`, for whom nobody
    speaks, and kinds that the policy does not know.
    """
    kinds = policies.kinds
    return Subject(
        {
            link.identifier_id: rule.speaks_as
            for link in links
            if (rule := kinds.get(link.kind)) is not None
            and rule.scope in LEDGER_SCOPES
            and link.identifier_id not in silent
        },
        channel,
    )
