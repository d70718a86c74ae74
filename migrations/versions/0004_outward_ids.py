"""Profile ids of recipients are drawn and stored, no longer computed under a key.

What recipients were told before names nothing any more: an HMAC cannot be taken back to its profile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROLE = "gateway_app"

# As SQLite's ANALYZE writes them: rows per tenant, then per value of the first two, three … columns.
_STATISTICS = {
    "outward_id": "1000000 1000000 2 1",
    "ix_outward_id_outward": "1000000 1000000 1",
    "ix_outward_id_merged_into": "100000 100000 2",
}


def upgrade() -> None:
    op.create_table(
        "outward_id",
        Column("tenant_id", Integer, primary_key=True, autoincrement=False),
        Column("profile_id", BigInteger, primary_key=True, autoincrement=False),
        Column("client_id", BigInteger, primary_key=True, autoincrement=False),
        Column("outward", LargeBinary, nullable=False),
        Column("merged_into", BigInteger),
        Column("made_at", BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "profile_id", "client_id", name="pk_outward_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_outward_id_outward", "outward_id", ["tenant_id", "outward"], unique=True)
    alias = sa.text("merged_into IS NOT NULL")
    op.create_index(
        "ix_outward_id_merged_into",
        "outward_id",
        ["tenant_id", "merged_into"],
        sqlite_where=alias,
        postgresql_where=alias,
    )
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_statistics()
    else:
        _postgresql_statistics()
        _guard()


def downgrade() -> None:
    op.drop_table("outward_id")


def _sqlite_statistics() -> None:
    """As in 0001: a tenant has many rows."""
    for index, figures in _STATISTICS.items():
        insert = sa.text("INSERT INTO sqlite_stat1 VALUES ('outward_id', :i, :f)")
        op.execute(insert.bindparams(i=index, f=figures))


def _postgresql_statistics() -> None:
    """As in 0001: rows of which each is another are analyzed and removed, and the tenant selects nothing."""
    op.execute("ALTER TABLE outward_id ALTER tenant_id SET (n_distinct = 1)")
    op.execute(
        "INSERT INTO outward_id (tenant_id, profile_id, client_id, outward, merged_into, made_at)"
        " SELECT n, n, n, n::text::bytea, n, n FROM generate_series(1, 100) AS n"
    )
    op.execute("ANALYZE outward_id")
    op.execute("DELETE FROM outward_id")


def _guard() -> None:
    """As in 0002."""
    own = "tenant_id = NULLIF(current_setting('gateway.tenant', true), '')::int"
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON outward_id TO {_ROLE}")
    op.execute("ALTER TABLE outward_id ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_tenant ON outward_id USING ({own}) WITH CHECK ({own})")
