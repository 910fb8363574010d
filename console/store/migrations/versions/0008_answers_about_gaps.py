"""what nodes answer about missing messages"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.add_column('outbox', sa.Column('given_up_named', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('outbox', sa.Column('gone', sa.BigInteger(), server_default='0', nullable=False))
    with op.batch_alter_table('outbox_gap') as batch:
        batch.drop_index(op.f('ix_outbox_gap_node_id_outbox_id'))
        batch.create_index(
            op.f('ix_outbox_gap_node_id_outbox_id_last_missing'), ['node_id', 'outbox_id', 'last_missing']
        )


def downgrade() -> None:
    """Back to the version before."""
    with op.batch_alter_table('outbox_gap') as batch:
        batch.drop_index(op.f('ix_outbox_gap_node_id_outbox_id_last_missing'))
        batch.create_index(op.f('ix_outbox_gap_node_id_outbox_id'), ['node_id', 'outbox_id'])
    op.drop_column('outbox', 'gone')
    op.drop_column('outbox', 'given_up_named')
