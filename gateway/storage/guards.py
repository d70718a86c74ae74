"""The guard rails a migrated database must have, as data, and which of them are missing.

`migrations/versions/0002_guard_rails.py` puts them up. They hold where a mistake in a store, or a statement that is
none of its, would change the log or reach over to another tenant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, text

from gateway.storage import schema
from gateway.storage.engine import APPLICATION_ROLE

NOT_UPDATED = frozenset(
    {"checkpoint", "decision", "decision_batch", "ledger", "log_entry", "log_node", "log_opening", "right_step"}
)
"""Tables whose rows nobody may change: a trigger refuses it."""

NOT_DELETED = frozenset({"log_entry", "log_node", "right_step"})
"""Tables whose rows nobody may delete: a trigger refuses it."""

KEPT = NOT_DELETED | {"checkpoint", "head", "policy_set", "tenant"}
"""Tables from which the application's role has no right to delete on PostgreSQL."""

SHARED = frozenset({"client", "policy_set", "tenant"})
"""Tables read before the tenant is known, so without row-level security."""


def missing_guards(connection: Connection) -> list[str]:
    """A migrated database -> what is missing or too wide, one finding a line, sorted."""
    if connection.dialect.name == "sqlite":
        return sorted(_missing_triggers(_names(connection, "SELECT name FROM sqlite_master WHERE type = 'trigger'")))
    triggers = _names(
        connection,
        "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE c.relnamespace = current_schema()::regnamespace AND t.tgenabled IN ('O', 'A')",
    )
    found = [*_missing_triggers(triggers), *_open_tables(connection)]
    if not connection.scalar(text("SELECT count(*) FROM pg_roles WHERE rolname = :role"), {"role": APPLICATION_ROLE}):
        return sorted([*found, f"the role {APPLICATION_ROLE} is missing"])
    return sorted([*found, *_wrong_rights(connection)])


def _names(connection: Connection, sql: str) -> set[str]:
    return {str(name) for (name,) in connection.execute(text(sql))}


def _missing_triggers(present: Iterable[str]) -> Iterator[str]:
    wanted = {(table, "update") for table in NOT_UPDATED} | {(table, "delete") for table in NOT_DELETED}
    there = set(present)
    for table, event in wanted:
        if f"guard_{table}_{event}" not in there:
            yield f"{table}: no trigger refuses {event}"


def _open_tables(connection: Connection) -> Iterator[str]:
    closed = _names(
        connection,
        "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid"
        " WHERE c.relnamespace = current_schema()::regnamespace AND c.relrowsecurity AND c.relforcerowsecurity"
        " GROUP BY c.relname HAVING bool_and(p.polcmd = '*'"
        " AND pg_get_expr(p.polqual, c.oid) LIKE '%gateway.tenant%'"
        " AND pg_get_expr(p.polwithcheck, c.oid) LIKE '%gateway.tenant%')",
    )
    for table in schema.metadata.tables:
        if table not in SHARED and table not in closed:
            yield f"{table}: row-level security is not in force"


def _wrong_rights(connection: Connection) -> Iterator[str]:
    held = connection.execute(
        text(
            "SELECT c.relname, asked.name FROM pg_class c,"
            " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS asked(name)"
            " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'"
            " AND has_table_privilege(:role, c.oid, asked.name)"
        ),
        {"role": APPLICATION_ROLE},
    )
    rights: dict[str, set[str]] = {}
    for table, right in held:
        rights.setdefault(table, set()).add(right)
    for table in schema.metadata.tables:
        needed = {"SELECT", "INSERT"} | (set() if table in KEPT else {"DELETE"})
        allowed = needed | (set() if table in NOT_UPDATED else {"UPDATE"})
        has = rights.get(table, set())
        yield from (f"{table}: {APPLICATION_ROLE} lacks the right to {right.lower()}" for right in needed - has)
        yield from (f"{table}: {APPLICATION_ROLE} has the right to {right.lower()}" for right in has - allowed)
