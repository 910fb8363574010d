"""gaps of a clip"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.add_column('evidence_file', sa.Column('gaps', sa.Text(), server_default='[]', nullable=False))


def downgrade() -> None:
    """Back to the version before."""
    op.drop_column('evidence_file', 'gaps')
