"""Keys rotate: the head says which chains of key versions are in use, and whom requests named says on which it stands.

Until now there was one version of each key, the chain 1.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ROLE = "gateway_app"
_REKEYED = ("pseudonym", "right_subject")


def upgrade() -> None:
    op.add_column("head", sa.Column("chains", sa.String(400), nullable=False, server_default="1"))
    op.add_column("right_subject", sa.Column("chain", sa.SmallInteger, nullable=False, server_default="1"))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("head", "chains", server_default=None)
        op.alter_column("right_subject", "chain", server_default=None)
        for table in _REKEYED:
            op.execute(f"GRANT UPDATE ON {table} TO {_ROLE}")


def downgrade() -> None:
    op.drop_column("right_subject", "chain")
    op.drop_column("head", "chains")
    if op.get_bind().dialect.name == "postgresql":
        for table in _REKEYED:
            op.execute(f"REVOKE UPDATE ON {table} FROM {_ROLE}")
