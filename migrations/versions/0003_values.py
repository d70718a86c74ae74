"""A value has several digests.

Links say of which value of their record they are a digest, and whose normal form that is; profiles, whether a person
identifier, or one of several digests, stands in them by public records alone.

Until now a value had one digest, in the gateway's own form: each link is a value of its own, and public records placed
no person beside another.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = ("value", "forms")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("link", sa.Column(name, sa.SmallInteger, nullable=False, server_default="1"))
    op.add_column("profile", sa.Column("hanging", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute("UPDATE link SET value = ordinal")
    if op.get_bind().dialect.name == "postgresql":
        for name in _COLUMNS:
            op.alter_column("link", name, server_default=None)
        op.alter_column("profile", "hanging", server_default=None)


def downgrade() -> None:
    op.drop_column("profile", "hanging")
    for name in _COLUMNS:
        op.drop_column("link", name)
