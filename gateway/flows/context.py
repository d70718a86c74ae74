"""What every flow is given: the gateway's parts and who is calling."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gateway.consent.authority import Authority
from gateway.identifiers.keys import TenantKeys
from gateway.kernel.clock import Clock
from gateway.kernel.errors import BehindJournal, Frozen, NotPermitted
from gateway.outbound.journal import Journal
from gateway.policy.model import PolicySet
from gateway.storage.unit_of_work import Storage, UnitOfWork


class Role(StrEnum):
    """What a client is for."""

    CHANNEL = "channel"
    DPO = "dpo"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    ADMIN = "admin"


class KeyService(Protocol):
    """Where tenants' keys come from. Every method raises Unavailable when the keyring or its service fails."""

    @property
    def service(self) -> str:
        """The name of the service that holds the root key."""
        ...

    def tenant(self, tenant_id: int) -> TenantKeys:
        """The tenant's keys. Raises Unavailable when they cannot be had."""
        ...

    def refresh(self, tenant_id: int) -> TenantKeys:
        """The tenant's keys as they are now: another process may have added or destroyed a version."""
        ...

    def create(self, tenant_id: int, *, macs_in_service: bool = False) -> TenantKeys:
        """Make all keys of a new tenant; with `macs_in_service` its match keys never leave the key service.

        Raises Conflict when the tenant has keys, InvalidInput when the service computes no MACs.
        """
        ...

    def add_version(self, tenant_id: int) -> int:
        """A new match key, kept as the newest one is -> its version, durable by then."""
        ...

    def destroy_version(self, tenant_id: int, version: int) -> None:
        """Destroy a match key; one that is gone already is no error. Raises Conflict for the newest."""
        ...

    def destroy(self, tenant_id: int) -> None:
        """Destroy all keys of a tenant."""
        ...


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway's parts, put together by `gateway.wiring`.

    `chains` remembers each tenant's chains of key versions, as the store last showed them.
    """

    storage: Storage
    policies: PolicySet
    keys: KeyService
    journal: Journal
    clock: Clock
    controller: str
    chains: dict[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caller:
    """The client on whose behalf a flow runs; `recipient` is its name in recipients.yaml, "" if it has none."""

    tenant_id: int
    client_id: int
    name: str
    role: Role
    channel: str
    client_class: str
    outcomes: bool
    recipient: str = ""

    def require(self, *roles: Role) -> None:
        """Raises NotPermitted unless the caller has one of `roles`."""
        if self.role not in roles:
            wanted = " or ".join(roles)
            raise NotPermitted(f"this needs a client with the role {wanted}")

    def authority(self, policies: PolicySet) -> Authority:
        """What the caller's class may assert. Raises NotPermitted when the policy no longer knows the class."""
        rules = policies.classes.get(self.client_class)
        if rules is None:
            raise NotPermitted("the policy does not know this client's class")
        return Authority(rules)


def check_store(gateway: Gateway, unit: UnitOfWork, *, merging: bool) -> None:
    """Fail closed before anything is matched or disclosed.

    Raises BehindJournal when the journal holds acts this store has not applied, Frozen when the log was found edited.
    """
    head = unit.log.head()
    if gateway.journal.size(unit.tenant_id) > head.journal_offset:
        raise BehindJournal(
            "this store is older than its journal of erasures and opt-outs: run `gateway restore --replay`"
        )
    if merging and head.frozen:
        raise Frozen("the log of this tenant was found edited: merging and resolving are stopped until it is examined")
