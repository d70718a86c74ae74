"""The tables. Every primary key, foreign key and index starts with `tenant_id`.

What merge, split, erasure and export do to each table that can hold a person's id or pseudonym stands beside it,
in `info["person"]`; `gateway.rights.cascade` collects these and a test derives the list from this metadata.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def _tenant() -> Column[int]:
    return Column("tenant_id", Integer, nullable=False, primary_key=True, autoincrement=False)


def _key(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, primary_key=True, autoincrement=False)


def _of_tenant() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"])


def _table(name: str, *parts: Column[Any] | Index | ForeignKeyConstraint, person: str = "") -> Table:
    """A table of one tenant's rows. `person` names the rule in `gateway.rights.cascade` that covers it.

    Only clients and heads refer to the tenant: whoever writes reads the head first, and to look the tenant up again
    for each row would double the cost of a bulk insert on PostgreSQL (measured; see README, decisions).
    """
    return Table(
        name,
        metadata,
        _tenant(),
        *parts,
        sqlite_with_rowid=False,
        info={"person": person} if person else {},
    )


_THERE = text("deleted_at IS NULL")
_ALIAS = text("merged_into IS NOT NULL")
_REVIEWED = text("active AND review_at IS NOT NULL")
_RETRACTED = text("retracted_at IS NOT NULL")

tenant = Table(
    "tenant",
    metadata,
    Column("tenant_id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(100), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Column("tcf_vendor", Integer),
    Index("ix_tenant_name", "name", unique=True, sqlite_where=_THERE, postgresql_where=_THERE),
)

policy_set = Table(
    "policy_set",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("body", Text, nullable=False),
    Column("first_used_at", BigInteger, nullable=False),
)

client = _table(
    "client",
    _of_tenant(),
    _key("client_id"),
    Column("name", String(100), nullable=False),
    Column("role", String(20), nullable=False),
    Column("channel", String(50), nullable=False),
    Column("class", String(50), nullable=False),
    Column("outcomes", Boolean, nullable=False),
    Column("key_prefix", String(16), nullable=False, unique=True),
    Column("key_hash", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("recipient", String(40), nullable=False),
)

head = _table(
    "head",
    _of_tenant(),
    Column("size", BigInteger, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("restrictions", BigInteger, nullable=False),
    Column("journal_offset", BigInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("frozen", Boolean, nullable=False),
    Column("chains", String(400), nullable=False),
)

log_entry = _table("log_entry", _key("position"), Column("leaf", LargeBinary, nullable=False))

log_node = _table("log_node", _key("level"), _key("position"), Column("hash", LargeBinary, nullable=False))

log_opening = _table(
    "log_opening", _key("position"), Column("disclosures", LargeBinary, nullable=False), person="log_opening"
)

checkpoint = _table(
    "checkpoint",
    _key("size"),
    Column("note", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)

pseudonym = _table(
    "pseudonym",
    Column("token", LargeBinary, nullable=False, primary_key=True),
    Column("identifier_id", BigInteger, nullable=False),
    Column("kind", String(50), nullable=False),
    Column("namespace", String(100), nullable=False),
    Column("chain", SmallInteger, nullable=False),
    Index("ix_pseudonym_identifier", "tenant_id", "identifier_id", unique=True),
    person="pseudonym",
)

profile = _table(
    "profile",
    _key("profile_id"),
    Column("graph", String(50), nullable=False),
    Column("age", BigInteger, nullable=False),
    Column("regimes", String(200).with_variant(Text, "postgresql"), nullable=False),
    Column("irregular", Boolean, nullable=False),
    Column("outside", Integer, nullable=False),
    Column("hanging", Boolean, nullable=False),
    person="profile",
)

membership = _table(
    "membership",
    Column("graph", String(50), nullable=False, primary_key=True),
    _key("identifier_id"),
    Column("profile_id", BigInteger, nullable=False),
    Column("kind", String(50), nullable=False),
    Index("ix_membership_profile", "tenant_id", "profile_id"),
    person="membership",
)

demotion = _table(
    "demotion",
    Column("graph", String(50), nullable=False, primary_key=True),
    _key("identifier_id"),
    Column("by_trusted", Boolean, nullable=False),
    Column("by_public", Boolean, nullable=False),
    person="demotion",
)

record = _table(
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
    Column("review_at", BigInteger),
    Column("retracted_at", BigInteger),
    Index("ix_record_token", "tenant_id", "token", unique=True),
    Index("ix_record_review", "tenant_id", "review_at", sqlite_where=_REVIEWED, postgresql_where=_REVIEWED),
    Index("ix_record_retracted", "tenant_id", "retracted_at", sqlite_where=_RETRACTED, postgresql_where=_RETRACTED),
    person="record",
)

link = _table(
    "link",
    _key("identifier_id"),
    _key("record_id"),
    Column("kind", String(50), nullable=False),
    Column("ordinal", SmallInteger, nullable=False),
    Column("linking", Boolean, nullable=False),
    Column("cut", Boolean, nullable=False),
    Column("value", SmallInteger, nullable=False),
    Column("forms", SmallInteger, nullable=False),
    Index("ix_link_record", "tenant_id", "record_id"),
    person="link",
)

decision = _table(
    "decision",
    _key("batch_id"),
    _key("place"),
    Column("disclosure", Text, nullable=False),
    person="decision",
)

decision_batch = _table(
    "decision_batch",
    _key("batch_id"),
    Column("position", BigInteger, nullable=False),
    Column("commitments", LargeBinary, nullable=False),
    Index("ix_decision_batch_position", "tenant_id", "position"),
)

ledger = _table(
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
    Column("site", String(50), nullable=False),
    Index("ix_ledger_position", "tenant_id", "position"),
    person="ledger",
)

signal_text = _table(
    "signal_text", _key("position"), Column("sealed", LargeBinary, nullable=False), person="signal_text"
)

refusal_fact = _table("refusal_fact", _key("position"), _key("batch_id"), _key("place"), person="refusal_fact")

notice = _table(
    "notice",
    Column("notice", String(100), nullable=False, primary_key=True),
    Column("version", String(40), nullable=False, primary_key=True),
    Column("languages", String(200), nullable=False),
    Column("purposes", Text, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("text", Text, nullable=False),
    Column("in_force_from", BigInteger, nullable=False),
    Column("in_force_to", BigInteger),
)

consent_import = _table(
    "consent_import",
    _key("import_id"),
    Column("digest", LargeBinary, nullable=False),
    Column("summary", Text, nullable=False),
    Column("proposed_by", BigInteger, nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("approved_by", BigInteger),
    Column("approved_at", BigInteger),
    Column("done_at", BigInteger),
)

tombstone = _table(
    "tombstone",
    Column("token", LargeBinary, nullable=False, primary_key=True),
    Column("chain", SmallInteger, nullable=False),
    Column("regime", String(40), nullable=False),
    Column("scope", String(50), nullable=False, primary_key=True),
    Column("source", String(40), nullable=False, primary_key=True),
    Column("request_id", BigInteger, nullable=False),
    Column("erased_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger),
    person="tombstone",
)

change = _table(
    "change",
    _key("position"),
    _key("profile_id"),
    Column("kind", String(20), nullable=False),
    Column("role", String(20), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Index("ix_change_profile", "tenant_id", "profile_id"),
    person="change",
)

disclosure = _table(
    "disclosure",
    _key("position"),
    _key("profile_id"),
    Column("client_id", BigInteger, nullable=False),
    Column("purpose", String(50), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Index("ix_disclosure_profile", "tenant_id", "profile_id"),
    person="disclosure",
)

outward_id = _table(
    "outward_id",
    _key("profile_id"),
    _key("client_id"),
    Column("outward", LargeBinary, nullable=False),
    Column("merged_into", BigInteger),
    Column("made_at", BigInteger, nullable=False),
    Index("ix_outward_id_outward", "tenant_id", "outward", unique=True),
    Index("ix_outward_id_merged_into", "tenant_id", "merged_into", sqlite_where=_ALIAS, postgresql_where=_ALIAS),
    person="outward_id",
)

right_request = _table(
    "right_request",
    _key("request_id"),
    Column("reference", LargeBinary, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Index("ix_right_request_reference", "tenant_id", "reference", unique=True),
    Index("ix_right_request_state", "tenant_id", "state"),
    person="right_request",
)

right_subject = _table(
    "right_subject",
    _key("request_id"),
    Column("token", LargeBinary, nullable=False, primary_key=True),
    Column("kind", String(50), nullable=False),
    Column("namespace", String(100), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("chain", SmallInteger, nullable=False),
    Index("ix_right_subject_token", "tenant_id", "token"),
    person="right_subject",
)

right_step = _table(
    "right_step",
    _key("request_id"),
    _key("position"),
    Column("step", String(40), nullable=False),
    Column("made_at", BigInteger, nullable=False),
)

right_package = _table(
    "right_package",
    _key("request_id"),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    person="right_package",
)
