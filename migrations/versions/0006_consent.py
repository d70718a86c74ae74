"""Consent to the full: signals with their texts, notices, imports that are approved, records that are decided again.

Earlier events hold for every site; earlier records are decided again when the next job runs over all of them. A profile
of a traveler may be under any number of laws.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ROLE = "gateway_app"
_REVIEWED = sa.text("active AND review_at IS NOT NULL")
_RETRACTED = sa.text("retracted_at IS NOT NULL")
_UPDATED = ("notice", "consent_import")

# As SQLite's ANALYZE writes them: rows per tenant, then per value of the first two, three … columns.
_STATISTICS = {
    ("record", "ix_record_review"): "1000000 1000000 10",
    ("record", "ix_record_retracted"): "100000 100000 10",
    ("signal_text", "signal_text"): "1000000 1000000 1",
    ("refusal_fact", "refusal_fact"): "1000000 1000000 2 2 1",
}


def _tables() -> dict[str, list[Column[object]]]:
    """Name -> columns after the tenant; those of the primary key say so."""
    key = {"primary_key": True, "autoincrement": False}
    return {
        "signal_text": [Column("position", BigInteger, **key), Column("sealed", LargeBinary, nullable=False)],
        "refusal_fact": [Column(name, BigInteger, **key) for name in ("position", "batch_id", "place")],
        "notice": [
            Column("notice", String(100), primary_key=True),
            Column("version", String(40), primary_key=True),
            Column("languages", String(200), nullable=False),
            Column("purposes", Text, nullable=False),
            Column("digest", String(80), nullable=False),
            Column("text", Text, nullable=False),
            Column("in_force_from", BigInteger, nullable=False),
            Column("in_force_to", BigInteger),
        ],
        "consent_import": [
            Column("import_id", BigInteger, **key),
            Column("digest", LargeBinary, nullable=False),
            Column("summary", Text, nullable=False),
            Column("proposed_by", BigInteger, nullable=False),
            Column("proposed_at", BigInteger, nullable=False),
            Column("approved_by", BigInteger),
            Column("approved_at", BigInteger),
            Column("done_at", BigInteger),
        ],
    }


def upgrade() -> None:
    op.add_column("tenant", Column("tcf_vendor", Integer))
    op.add_column("client", Column("recipient", String(40), nullable=False, server_default=""))
    op.add_column("ledger", Column("site", String(50), nullable=False, server_default=""))
    op.add_column("record", Column("review_at", BigInteger))
    op.add_column("record", Column("retracted_at", BigInteger))
    for name, where in (("review", _REVIEWED), ("retracted", _RETRACTED)):
        op.create_index(
            f"ix_record_{name}", "record", ["tenant_id", f"{name}_at"], sqlite_where=where, postgresql_where=where
        )
    op.execute("UPDATE record SET retracted_at = received_at WHERE NOT active")
    op.execute("UPDATE record SET review_at = 0 WHERE active")
    for name, columns in _tables().items():
        keys = [column.name for column in columns if column.primary_key]
        op.create_table(
            name,
            Column("tenant_id", Integer, primary_key=True, autoincrement=False),
            *columns,
            sa.PrimaryKeyConstraint("tenant_id", *keys, name=f"pk_{name}"),
            sqlite_with_rowid=False,
        )
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_statistics()
    else:
        for table, column in (("client", "recipient"), ("ledger", "site")):
            op.alter_column(table, column, server_default=None)
        op.alter_column("profile", "regimes", type_=Text)
        _guard()


def downgrade() -> None:
    for name in _tables():
        op.drop_table(name)
    op.drop_index("ix_record_review", "record")
    op.drop_index("ix_record_retracted", "record")
    op.drop_column("record", "retracted_at")
    op.drop_column("record", "review_at")
    op.drop_column("ledger", "site")
    op.drop_column("client", "recipient")
    op.drop_column("tenant", "tcf_vendor")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("profile", "regimes", type_=String(200))


def _sqlite_statistics() -> None:
    """As in 0001: a tenant has many rows."""
    for (table, index), figures in _STATISTICS.items():
        op.execute(sa.text("INSERT INTO sqlite_stat1 VALUES (:t, :i, :f)").bindparams(t=table, i=index, f=figures))


def _guard() -> None:
    """As in 0002."""
    own = "tenant_id = NULLIF(current_setting('gateway.tenant', true), '')::int"
    for name in _tables():
        op.execute(f"GRANT SELECT, INSERT, DELETE{', UPDATE' if name in _UPDATED else ''} ON {name} TO {_ROLE}")
        op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY one_tenant ON {name} USING ({own}) WITH CHECK ({own})")
