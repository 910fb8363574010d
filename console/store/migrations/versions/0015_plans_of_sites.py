"""plans of sites, and where cameras and zones stand on them"""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.create_table(
        'site_plan',
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('jpeg', sa.LargeBinary(), nullable=False),
        sa.Column('width_px', sa.Integer(), nullable=False),
        sa.Column('height_px', sa.Integer(), nullable=False),
        sa.Column('changed_at_s', sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name='fk_site_plan_site_id'),
        sa.PrimaryKeyConstraint('site_id', name='pk_site_plan'),
    )
    op.create_table(
        'plan_mark',
        sa.Column('node_id', sa.Integer(), nullable=False),
        sa.Column('camera', sa.String(length=64), nullable=False),
        sa.Column('zone', sa.String(length=64), nullable=False),
        sa.Column('x', sa.Float(), nullable=False),
        sa.Column('y', sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(['node_id'], ['node.id'], name='fk_plan_mark_node_id', ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('node_id', 'camera', 'zone', name='pk_plan_mark'),
    )


def downgrade() -> None:
    """Back to the version before; the plans are lost."""
    op.drop_table('plan_mark')
    op.drop_table('site_plan')
