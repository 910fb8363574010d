"""who made a one-time link: it ends with that person's rights"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version. Of links from before nobody knows; they live for a day."""
    op.add_column('one_time_link', sa.Column('made_by', sa.Integer(), nullable=True))


def downgrade() -> None:
    """Back to the version before."""
    op.drop_column('one_time_link', 'made_by')
