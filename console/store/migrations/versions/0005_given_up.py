"""messages that a full outbox gave up on purpose"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.add_column('outbox', sa.Column('given_up', sa.BigInteger(), server_default='0', nullable=False))


def downgrade() -> None:
    """Back to the version before."""
    op.drop_column('outbox', 'given_up')
