"""accounts of a provider of identities (OpenID Connect) that stand for people"""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.create_table(
        'user_oidc',
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('issuer', sa.String(300), nullable=False),
        sa.Column('subject', sa.String(255), nullable=False),
        sa.Column('linked_at_s', sa.Float(), nullable=False),
        sa.Column('used_at_s', sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ['user_id'], ['user_account.id'], name=op.f('fk_user_oidc_user_id_user_account'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('user_id', name=op.f('pk_user_oidc')),
        sa.UniqueConstraint('issuer', 'subject', name=op.f('uq_user_oidc_issuer_subject')),
    )


def downgrade() -> None:
    """Back to the version before: people sign in with their passwords, or ask for a link for a new one."""
    op.drop_table('user_oidc')
