"""The foundation: every table of the first release.

They stand here as they were on the day of this revision, whatever `gateway.storage.schema` says later. Constraints
have names of their own, so that a later revision can change them on SQLite too.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, SmallInteger, String, Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_OF_A_TENANT = (
    *("client", "head", "log_entry", "log_node", "log_opening", "checkpoint"),
    *("pseudonym", "profile", "membership", "demotion"),
    *("record", "link", "decision", "decision_batch", "change", "disclosure"),
    *("ledger", "tombstone"),
    *("right_request", "right_subject", "right_step", "right_package"),
)


def upgrade() -> None:
    _tenants()
    _log()
    _profiles()
    _evidence()
    _consent()
    _requests()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_statistics()
    else:
        _postgresql_statistics()


def downgrade() -> None:
    for name in (*_OF_A_TENANT, "policy_set", "tenant"):
        op.drop_table(name)


# Rows per tenant, then rows per value of the first two, three … columns, as SQLite's ANALYZE writes them.
_STATISTICS = {
    ("link", "link"): "3000000 3000000 3 1",
    ("link", "ix_link_record"): "3000000 3000000 3",
    ("membership", "membership"): "1000000 1000000 500000 1",
    ("membership", "ix_membership_profile"): "1000000 1000000 3",
    ("record", "record"): "1000000 1000000 1",
    ("record", "ix_record_token"): "1000000 1000000 1",
    ("ledger", "ledger"): "1000000 1000000 3 1",
    ("ledger", "ix_ledger_position"): "1000000 1000000 3",
    ("change", "change"): "1000000 1000000 1 1",
    ("change", "ix_change_profile"): "1000000 1000000 2",
}


def _sqlite_statistics() -> None:
    """Tell SQLite's planner that a tenant has many rows: without statistics it takes `tenant_id = ?` to be selective
    and walks the whole tenant where an index stands ready.
    """
    op.execute("ANALYZE")
    for (table, index), figures in _STATISTICS.items():
        op.execute(sa.text("INSERT INTO sqlite_stat1 VALUES (:t, :i, :f)").bindparams(t=table, i=index, f=figures))


_SAMPLE = 100
_SAMPLE_VALUES = (
    (sa.Boolean, "n % 2 = 0"),
    (sa.Integer, "n"),
    (sa.LargeBinary, "n::text::bytea"),
    (sa.String, "n::text"),
)


def _postgresql_statistics() -> None:
    """The same for PostgreSQL's planner, which has no statistics until autovacuum comes by: rows of which each is
    another are analyzed and removed, and numbers and names that many rows share are declared to select nothing.
    """
    inspector = sa.inspect(op.get_bind())
    for table in _OF_A_TENANT[2:]:
        columns = {column["name"]: column["type"] for column in inspector.get_columns(table)}
        values = [
            next(value for kind, value in _SAMPLE_VALUES if isinstance(is_of, kind)) for is_of in columns.values()
        ]
        common = [name for name, is_of in columns.items() if name == "tenant_id" or isinstance(is_of, sa.String)]
        alter = ", ".join(f"ALTER {name} SET (n_distinct = 1)" for name in common)
        op.execute(f"ALTER TABLE {table} {alter}")
        op.execute(f"INSERT INTO {table} SELECT {', '.join(values)} FROM generate_series(1, {_SAMPLE}) AS n")  # noqa: S608 - constants
        op.execute(f"ANALYZE {table}")
        op.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant


def _key(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _table(name: str, *parts: Column[Any] | Index | sa.Constraint) -> None:
    keys = [part.name for part in parts if isinstance(part, Column) and part.primary_key]
    op.create_table(
        name,
        Column("tenant_id", Integer, primary_key=True, autoincrement=False),
        *parts,
        sa.PrimaryKeyConstraint("tenant_id", *keys, name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )


def _tenants() -> None:
    op.create_table(
        "tenant",
        Column("tenant_id", Integer, primary_key=True, autoincrement=False),
        Column("name", String(100), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("deleted_at", BigInteger),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_tenant"),
    )
    there = sa.text("deleted_at IS NULL")
    op.create_index("ix_tenant_name", "tenant", ["name"], unique=True, sqlite_where=there, postgresql_where=there)
    op.create_table(
        "policy_set",
        Column("digest", String(80), primary_key=True),
        Column("body", Text, nullable=False),
        Column("first_used_at", BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_policy_set"),
    )
    _table(
        "client",
        _key("client_id"),
        Column("name", String(100), nullable=False),
        Column("role", String(20), nullable=False),
        Column("channel", String(50), nullable=False),
        Column("class", String(50), nullable=False),
        Column("outcomes", Boolean, nullable=False),
        Column("key_prefix", String(16), nullable=False),
        Column("key_hash", LargeBinary, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("revoked_at", BigInteger),
        sa.UniqueConstraint("key_prefix", name="uq_client_key_prefix"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_client_tenant"),
    )


def _log() -> None:
    _table(
        "head",
        Column("size", BigInteger, nullable=False),
        Column("frontier", LargeBinary, nullable=False),
        Column("restrictions", BigInteger, nullable=False),
        Column("journal_offset", BigInteger, nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("frozen", Boolean, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_head_tenant"),
    )
    _table("log_entry", _key("position"), Column("leaf", LargeBinary, nullable=False))
    _table("log_node", _key("level"), _key("position"), Column("hash", LargeBinary, nullable=False))
    _table("log_opening", _key("position"), Column("disclosures", LargeBinary, nullable=False))
    _table(
        "checkpoint",
        _key("size"),
        Column("note", Text, nullable=False),
        Column("made_at", BigInteger, nullable=False),
    )


def _profiles() -> None:
    _table(
        "pseudonym",
        Column("token", LargeBinary, primary_key=True),
        Column("identifier_id", BigInteger, nullable=False),
        Column("kind", String(50), nullable=False),
        Column("namespace", String(100), nullable=False),
        Column("chain", SmallInteger, nullable=False),
        Index("ix_pseudonym_identifier", "tenant_id", "identifier_id", unique=True),
    )
    _table(
        "profile",
        _key("profile_id"),
        Column("graph", String(50), nullable=False),
        Column("age", BigInteger, nullable=False),
        Column("regimes", String(200), nullable=False),
        Column("irregular", Boolean, nullable=False),
        Column("outside", Integer, nullable=False),
    )
    _table(
        "membership",
        Column("graph", String(50), primary_key=True),
        _key("identifier_id"),
        Column("profile_id", BigInteger, nullable=False),
        Column("kind", String(50), nullable=False),
        Index("ix_membership_profile", "tenant_id", "profile_id"),
    )
    _table(
        "demotion",
        Column("graph", String(50), primary_key=True),
        _key("identifier_id"),
        Column("by_trusted", Boolean, nullable=False),
        Column("by_public", Boolean, nullable=False),
    )


def _evidence() -> None:
    _table(
        "record",
        _key("record_id"),
        Column("token", LargeBinary, nullable=False),
        Column("content", LargeBinary, nullable=False),
        Column("graph", String(50), nullable=False),
        Column("purpose", String(50), nullable=False),
        Column("client_id", BigInteger, nullable=False),
        Column("channel", String(50), nullable=False),
        Column("trusted", Boolean, nullable=False),
        Column("observed_at", BigInteger, nullable=False),
        Column("received_at", BigInteger, nullable=False),
        Column("regimes", String(200), nullable=False),
        Column("rule", String(80), nullable=False),
        Column("basis", String(200), nullable=False),
        Column("batch_id", BigInteger, nullable=False),
        Column("place", Integer, nullable=False),
        Column("active", Boolean, nullable=False),
        Index("ix_record_token", "tenant_id", "token", unique=True),
    )
    _table(
        "link",
        _key("identifier_id"),
        _key("record_id"),
        Column("kind", String(50), nullable=False),
        Column("ordinal", SmallInteger, nullable=False),
        Column("linking", Boolean, nullable=False),
        Column("cut", Boolean, nullable=False),
        Index("ix_link_record", "tenant_id", "record_id"),
    )
    _table("decision", _key("batch_id"), _key("place"), Column("disclosure", Text, nullable=False))
    _table(
        "decision_batch",
        _key("batch_id"),
        Column("position", BigInteger, nullable=False),
        Column("commitments", LargeBinary, nullable=False),
        Index("ix_decision_batch_position", "tenant_id", "position"),
    )
    _table(
        "change",
        _key("position"),
        _key("profile_id"),
        Column("kind", String(20), nullable=False),
        Column("role", String(20), nullable=False),
        Column("made_at", BigInteger, nullable=False),
        Index("ix_change_profile", "tenant_id", "profile_id"),
    )
    _table(
        "disclosure",
        _key("position"),
        _key("profile_id"),
        Column("client_id", BigInteger, nullable=False),
        Column("purpose", String(50), nullable=False),
        Column("made_at", BigInteger, nullable=False),
        Index("ix_disclosure_profile", "tenant_id", "profile_id"),
    )


def _consent() -> None:
    _table(
        "ledger",
        _key("identifier_id"),
        _key("position"),
        Column("purpose", String(50), nullable=False),
        Column("kind", String(20), nullable=False),
        Column("occurred_at", BigInteger, nullable=False),
        Column("known_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger),
        Column("regimes", String(200), nullable=False),
        Column("basis", String(40), nullable=False),
        Column("channel", String(50), nullable=False),
        Column("client_id", BigInteger, nullable=False),
        Column("method", String(200), nullable=False),
        Column("notice", String(200), nullable=False),
        Column("verified", Boolean, nullable=False),
        Column("derived", Boolean, nullable=False),
        Index("ix_ledger_position", "tenant_id", "position"),
    )
    _table(
        "tombstone",
        Column("token", LargeBinary, primary_key=True),
        Column("chain", SmallInteger, nullable=False),
        Column("regime", String(40), nullable=False),
        Column("scope", String(50), primary_key=True),
        Column("source", String(40), primary_key=True),
        Column("request_id", BigInteger, nullable=False),
        Column("erased_at", BigInteger, nullable=False),
        Column("ends_at", BigInteger),
    )


def _requests() -> None:
    _table(
        "right_request",
        _key("request_id"),
        Column("reference", LargeBinary, nullable=False),
        Column("body", Text, nullable=False),
        Column("state", String(20), nullable=False),
        Column("due_at", BigInteger, nullable=False),
        Index("ix_right_request_reference", "tenant_id", "reference", unique=True),
        Index("ix_right_request_state", "tenant_id", "state"),
    )
    _table(
        "right_subject",
        _key("request_id"),
        Column("token", LargeBinary, primary_key=True),
        Column("kind", String(50), nullable=False),
        Column("namespace", String(100), nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Index("ix_right_subject_token", "tenant_id", "token"),
    )
    _table(
        "right_step",
        _key("request_id"),
        _key("position"),
        Column("step", String(40), nullable=False),
        Column("made_at", BigInteger, nullable=False),
    )
    _table(
        "right_package",
        _key("request_id"),
        Column("sealed", LargeBinary, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
    )
