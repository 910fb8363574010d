"""clocks of nodes; why a clip is missing and a message stands aside, as stable words"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.add_column('node', sa.Column('clock_json', sa.Text(), nullable=True))
    op.add_column('event', sa.Column('clock_behind_s', sa.Float(), server_default='0', nullable=False))
    op.add_column('evidence', sa.Column('missing_code', sa.String(40), server_default='', nullable=False))
    op.add_column('set_aside', sa.Column('reason_code', sa.String(40), server_default='', nullable=False))


def downgrade() -> None:
    """Back to the version before."""
    op.drop_column('set_aside', 'reason_code')
    op.drop_column('evidence', 'missing_code')
    op.drop_column('event', 'clock_behind_s')
    op.drop_column('node', 'clock_json')
