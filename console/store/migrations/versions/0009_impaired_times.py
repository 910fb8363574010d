"""when each camera saw only in part, since when it is known, and the network sockets of a node"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.add_column('blind_time', sa.Column('state', sa.String(10), server_default='blind', nullable=False))
    op.create_index(op.f('ix_blind_time_from_at_s'), 'blind_time', ['from_at_s'])
    op.create_index(
        op.f('ix_blind_time_node_id_camera_from_at_s'), 'blind_time', ['node_id', 'camera', 'from_at_s']
    )
    op.add_column('camera', sa.Column('first_at_s', sa.Float(), nullable=True))
    op.add_column('node', sa.Column('links_json', sa.Text(), nullable=True))


def downgrade() -> None:
    """Back to the version before."""
    op.execute("DELETE FROM blind_time WHERE state <> 'blind'")
    op.drop_column('node', 'links_json')
    op.drop_column('camera', 'first_at_s')
    op.drop_index(op.f('ix_blind_time_node_id_camera_from_at_s'), 'blind_time')
    op.drop_index(op.f('ix_blind_time_from_at_s'), 'blind_time')
    op.drop_column('blind_time', 'state')
