"""when each camera saw nothing"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.create_table(
        'blind_time',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('node_id', sa.Integer(), nullable=False),
        sa.Column('camera', sa.String(64), nullable=False),
        sa.Column('zone', sa.String(64), nullable=False),
        sa.Column('from_at_s', sa.Float(), nullable=False),
        sa.Column('to_at_s', sa.Float(), nullable=True),
        sa.Column('reason_code', sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ['node_id'], ['node.id'], name=op.f('fk_blind_time_node_id_node'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_blind_time')),
    )
    op.create_index(op.f('ix_blind_time_node_id_to_at_s'), 'blind_time', ['node_id', 'to_at_s'])
    op.create_index(op.f('ix_blind_time_to_at_s'), 'blind_time', ['to_at_s'])


def downgrade() -> None:
    """Back to the version before."""
    op.drop_table('blind_time')
