"""Guard rails around what may not be changed, and between the tenants.

On both back ends triggers; on PostgreSQL also an application role that owns nothing and lacks the right to change the
log, and row-level security that shows a transaction the rows of the one tenant named by the setting `gateway.tenant`,
and none where nothing is set. `gateway.storage.guards` says the same as data, for `gateway db check`.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROLE = "gateway_app"

# Of one tenant each, and guarded by row-level security but for `client`: an API key is looked up before its tenant
# is known.
_OF_A_TENANT = (
    *("client", "head", "log_entry", "log_node", "log_opening", "checkpoint"),
    *("pseudonym", "profile", "membership", "demotion"),
    *("record", "link", "decision", "decision_batch", "change", "disclosure"),
    *("ledger", "tombstone"),
    *("right_request", "right_subject", "right_step", "right_package"),
)
_ABOVE_TENANTS = ("policy_set", "tenant")

# What the stores need beside SELECT and INSERT, which they need everywhere.
_UPDATED = ("client", "head", "link", "record", "right_request", "tenant")
_DELETED = (
    *("change", "client", "decision", "decision_batch", "demotion", "disclosure", "ledger", "link", "log_opening"),
    *("membership", "profile", "pseudonym", "record", "right_package", "right_request", "right_subject", "tombstone"),
)

# What nobody may do, whatever their rights.
_REFUSED = (
    *(("UPDATE", name) for name in ("log_entry", "log_node", "log_opening", "checkpoint", "right_step")),
    *(("UPDATE", name) for name in ("decision", "decision_batch", "ledger")),
    *(("DELETE", name) for name in ("log_entry", "log_node", "right_step")),
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _postgresql_triggers()
        _application_role()
        _row_level_security()
    else:
        _sqlite_triggers()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _lift_row_level_security()
        _dismiss_application_role()
        op.execute("DROP FUNCTION gateway_refuse() CASCADE")
    else:
        for event, table in _REFUSED:
            op.execute(f"DROP TRIGGER guard_{table}_{event.lower()}")


def _sqlite_triggers() -> None:
    for event, table in _REFUSED:
        op.execute(
            f"CREATE TRIGGER guard_{table}_{event.lower()} BEFORE {event} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{event} on {table} is refused'); END"
        )


def _postgresql_triggers() -> None:
    """For each statement: one that would touch no row is refused too."""
    op.execute(_REFUSE)
    truncated = [("TRUNCATE", table) for event, table in _REFUSED if event == "DELETE"]
    for event, table in (*_REFUSED, *truncated):
        op.execute(
            f"CREATE TRIGGER guard_{table}_{event.lower()} BEFORE {event} ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION gateway_refuse()"
        )


def _application_role() -> None:
    """The role belongs to the whole cluster: another database may have made it, or be making it right now."""
    op.execute(_CREATE_ROLE)
    op.execute(_GRANT_MEMBERSHIP)
    op.execute(_on_this_schema("GRANT USAGE ON SCHEMA %I TO %I"))
    op.execute(f"GRANT SELECT ON alembic_version TO {_ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON {', '.join((*_OF_A_TENANT, *_ABOVE_TENANTS))} TO {_ROLE}")
    op.execute(f"GRANT UPDATE ON {', '.join(_UPDATED)} TO {_ROLE}")
    op.execute(f"GRANT DELETE ON {', '.join(_DELETED)} TO {_ROLE}")


def _dismiss_application_role() -> None:
    """The role itself goes with the last database that knows it."""
    op.execute(f"REVOKE ALL ON {', '.join((*_OF_A_TENANT, *_ABOVE_TENANTS, 'alembic_version'))} FROM {_ROLE}")
    op.execute(_on_this_schema("REVOKE ALL ON SCHEMA %I FROM %I"))
    op.execute(_DROP_ROLE)


def _row_level_security() -> None:
    # At the end of a transaction a setting made for it becomes '', not NULL.
    own = "tenant_id = NULLIF(current_setting('gateway.tenant', true), '')::int"
    for table in _OF_A_TENANT:
        if table != "client":
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY one_tenant ON {table} USING ({own}) WITH CHECK ({own})")


def _lift_row_level_security() -> None:
    for table in _OF_A_TENANT:
        if table != "client":
            op.execute(f"DROP POLICY one_tenant ON {table}")
            op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")


def _on_this_schema(statement: str) -> str:
    return f"DO $$ BEGIN EXECUTE format('{statement}', current_schema(), '{_ROLE}'); END $$"


_REFUSE = """
CREATE FUNCTION gateway_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""

_CREATE_ROLE = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{_ROLE}') THEN
        CREATE ROLE {_ROLE} NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""

# From PostgreSQL 16 on a member may lack the right to become the role, which 'SET' asks for.
_GRANT_MEMBERSHIP = f"""
DO $$
DECLARE
    asked text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    IF NOT pg_has_role(current_user, '{_ROLE}', asked) THEN
        GRANT {_ROLE} TO CURRENT_USER;
    END IF;
EXCEPTION WHEN unique_violation THEN NULL;
END $$
"""

_DROP_ROLE = f"""
DO $$
BEGIN
    DROP ROLE {_ROLE};
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR object_in_use THEN NULL;
END $$
"""
