"""the calendar of a site, and which one each box works by"""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.create_table(
        'calendar',
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('content_json', sa.Text(), nullable=False),
        sa.Column('changed_at_s', sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_calendar_site_id_site')),
        sa.PrimaryKeyConstraint('site_id', name=op.f('pk_calendar')),
    )
    op.add_column('node', sa.Column('schedule_revision', sa.String(64), nullable=True))
    op.add_column('node', sa.Column('schedule_until_at_s', sa.Float(), nullable=True))


def downgrade() -> None:
    """Back to the version before. What a box has of a calendar it keeps until it ends."""
    op.drop_column('node', 'schedule_until_at_s')
    op.drop_column('node', 'schedule_revision')
    op.drop_table('calendar')
