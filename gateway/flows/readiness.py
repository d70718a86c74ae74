"""Whether the gateway can serve: asked by whoever sends it traffic. Says what is wrong in a word, names nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.flows.admin import list_tenants
from gateway.flows.context import Gateway, check_store
from gateway.kernel.errors import BehindJournal, Unavailable
from gateway.settings import Settings
from gateway.storage import migrate

OK: Final = "ok"
_UNAVAILABLE: Final = "unavailable"
_UNKNOWN: Final = "unknown"


class Readiness:
    """Asks the parts of one gateway. That the database is migrated is asked until it is so: it does not go back."""

    def __init__(self, gateway: Gateway, settings: Settings) -> None:
        self._gateway = gateway
        self._settings = settings
        self._migrated = False

    def checks(self) -> Mapping[str, str]:
        """database, migrations, keys, policy and journal, each `ok` or what is wrong. Raises nothing."""
        found = dict.fromkeys(("database", "migrations", "keys", "policy", "journal"), _UNKNOWN)
        found["policy"] = OK if self._gateway.policies.purposes else _UNAVAILABLE
        try:
            found["migrations"] = self._migrations()
            tenants = [tenant_id for tenant_id, _ in list_tenants(self._gateway)]
        except Unavailable:
            return found | {"database": _UNAVAILABLE}
        found["database"] = OK
        found["keys"] = self._keys(tenants)
        found["journal"] = self._journal(tenants)
        return found

    def _migrations(self) -> str:
        if not self._migrated:
            self._migrated = migrate.is_current(self._settings.database_url, self._settings.migrations)
        return OK if self._migrated else "behind"

    def _keys(self, tenants: list[int]) -> str:
        try:
            for tenant_id in tenants:
                self._gateway.keys.tenant(tenant_id)
        except Unavailable:
            return _UNAVAILABLE
        return OK

    def _journal(self, tenants: list[int]) -> str:
        try:
            for tenant_id in tenants:
                if self._gateway.journal.size(tenant_id):
                    with self._gateway.storage.begin(tenant_id, write=False) as unit:
                        check_store(self._gateway, unit, merging=False)
        except BehindJournal:
            return "behind"
        except Unavailable:
            return _UNAVAILABLE
        return OK
