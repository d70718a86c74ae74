"""Tenants, clients and policy sets: no person's data, read before a tenant is known."""

from __future__ import annotations

from typing import NamedTuple

from gateway.storage import schema
from gateway.storage.guards import KEPT
from gateway.storage.session import Session


class ClientRow(NamedTuple):
    """One client. `key_hash` is SHA-256 over the whole API key; the key itself is not kept."""

    tenant_id: int
    client_id: int
    name: str
    role: str
    channel: str
    client_class: str
    outcomes: bool
    key_prefix: str
    key_hash: bytes
    created_at: int
    revoked_at: int | None
    recipient: str = ""


_CLIENT = (
    "tenant_id, client_id, name, role, channel, class, outcomes, key_prefix, key_hash, created_at, revoked_at"
    ", recipient"
)


class TenantStore:
    """The tables that stand above the tenants."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, name: str, now: int) -> int:
        """A new tenant -> its id."""
        (last,) = self._session.rows("SELECT COALESCE(MAX(tenant_id), 0) FROM tenant")[0]
        tenant_id = int(last) + 1
        self._session.insert(schema.tenant, [(tenant_id, name, now, None, None)])
        return tenant_id

    def find(self, name: str) -> int | None:
        """Tenant name -> id; None when there is none, or no longer."""
        found = self._session.one("SELECT tenant_id FROM tenant WHERE name = ? AND deleted_at IS NULL", [name])
        return None if found is None else int(found[0])

    def tcf_vendor(self, tenant_id: int) -> int | None:
        """The tenant's id on the TCF's list of vendors, None where it has none."""
        found = self._session.one("SELECT tcf_vendor FROM tenant WHERE tenant_id = ?", [tenant_id])
        return None if found is None else found[0]

    def set_tcf_vendor(self, tenant_id: int, vendor: int | None) -> None:
        """State the tenant's id on the TCF's list of vendors."""
        self._session.run("UPDATE tenant SET tcf_vendor = ? WHERE tenant_id = ?", [vendor, tenant_id])

    def all(self) -> list[tuple[int, str]]:
        """(id, name) of all tenants but deleted ones."""
        sql = "SELECT tenant_id, name FROM tenant WHERE deleted_at IS NULL ORDER BY tenant_id"
        return [(one, name) for one, name in self._session.rows(sql)]

    def add_client(self, row: ClientRow) -> None:
        """A new client."""
        self._session.insert(schema.client, [tuple(row)])

    def client_by_prefix(self, prefix: str) -> ClientRow | None:
        """The client whose API key begins so."""
        found = self._session.one(f"SELECT {_CLIENT} FROM client WHERE key_prefix = ?", [prefix])  # noqa: S608 - constant
        return None if found is None else _client(found)

    def clients(self, tenant_id: int) -> list[ClientRow]:
        """All clients of a tenant, revoked ones too."""
        sql = f"SELECT {_CLIENT} FROM client WHERE tenant_id = ? ORDER BY created_at, client_id"  # noqa: S608 - constant
        return [_client(row) for row in self._session.rows(sql, [tenant_id])]

    def revoke(self, tenant_id: int, client_id: int, now: int) -> int:
        """Revoke a client's key -> 1, or 0 when there was nothing to revoke."""
        sql = "UPDATE client SET revoked_at = ? WHERE tenant_id = ? AND client_id = ? AND revoked_at IS NULL"
        return self._session.run(sql, [now, tenant_id, client_id])

    def keep_policy(self, digest: str, body: str, now: int) -> bool:
        """Keep a policy set for ever -> True when it is new."""
        if self._session.one("SELECT 1 FROM policy_set WHERE digest = ?", [digest]) is not None:
            return False
        self._session.insert(schema.policy_set, [(digest, body, now)])
        return True

    def policy(self, digest: str) -> str | None:
        """Digest of a policy set that was in force -> its source."""
        found = self._session.one("SELECT body FROM policy_set WHERE digest = ?", [digest])
        return None if found is None else str(found[0])

    def delete_tenant(self, tenant_id: int, now: int) -> dict[str, int]:
        """Remove every row of a tenant that may be removed -> rows per table.

        The log, its head, checkpoints and the steps of requests stay: with the tenant's keys destroyed they say nothing
        about anyone. The tenant's id is never given out again; its name may be.
        """
        if self._session.postgres:
            self._session.rows("SELECT set_config('gateway.tenant', ?, true)", [str(tenant_id)])
        counts: dict[str, int] = {}
        for table in reversed(schema.metadata.sorted_tables):
            if "tenant_id" in table.columns and table.name not in KEPT:
                sql = f'DELETE FROM "{table.name}" WHERE tenant_id = ?'  # noqa: S608 - names come from the schema
                counts[table.name] = self._session.run(sql, [tenant_id])
        self._session.run("UPDATE tenant SET deleted_at = ? WHERE tenant_id = ?", [now, tenant_id])
        return counts


def _client(row: tuple[object, ...]) -> ClientRow:
    found = ClientRow._make(row)
    return found._replace(key_hash=bytes(found.key_hash), outcomes=bool(found.outcomes))
