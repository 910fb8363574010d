"""what people have boxes keep of their recordings"""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.create_table(
        'hold',
        sa.Column('id', sa.String(36), nullable=False),
        sa.Column('node_id', sa.Integer(), nullable=False),
        sa.Column('camera', sa.String(64), nullable=False),
        sa.Column('event_id', sa.String(36), nullable=True),
        sa.Column('from_at_s', sa.Float(), nullable=False),
        sa.Column('to_at_s', sa.Float(), nullable=False),
        sa.Column('clock_behind_s', sa.Float(), nullable=False),
        sa.Column('reason', sa.String(500), nullable=False),
        sa.Column('asked_by', sa.Integer(), nullable=False),
        sa.Column('asked_at_s', sa.Float(), nullable=False),
        sa.Column('released_by', sa.Integer(), nullable=True),
        sa.Column('released_at_s', sa.Float(), nullable=True),
        sa.Column('release_reason', sa.String(500), server_default='', nullable=False),
        sa.Column('told_at_s', sa.Float(), nullable=True),
        sa.Column('kept', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('recorded_s', sa.Float(), server_default='0', nullable=False),
        sa.Column('bytes', sa.BigInteger(), server_default='0', nullable=False),
        sa.ForeignKeyConstraint(['node_id'], ['node.id'], name=op.f('fk_hold_node_id_node')),
        sa.ForeignKeyConstraint(['asked_by'], ['user_account.id'], name=op.f('fk_hold_asked_by_user_account')),
        sa.ForeignKeyConstraint(['released_by'], ['user_account.id'], name=op.f('fk_hold_released_by_user_account')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_hold')),
    )
    for column in ('node_id', 'event_id', 'asked_at_s'):
        op.create_index(op.f(f'ix_hold_{column}'), 'hold', [column])


def downgrade() -> None:
    """Back to the version before, which can let go of nothing: what boxes hold they keep."""
    op.drop_table('hold')
