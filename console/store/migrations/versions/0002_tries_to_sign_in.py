"""tries to sign in, browsers that are known, looks found by what was looked at"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.create_table('sign_in_try',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('key_sha256', sa.String(length=64), nullable=False),
    sa.Column('at_s', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in_try'))
    )
    op.create_index(op.f('ix_sign_in_try_key_sha256'), 'sign_in_try', ['key_sha256'])
    op.create_index(op.f('ix_sign_in_try_at_s'), 'sign_in_try', ['at_s'])
    op.create_index(op.f('ix_audit_entry_subject'), 'audit_entry', ['subject'])
    op.create_table('known_browser',
    sa.Column('token_sha256', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('at_s', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_known_browser_user_id_user_account'),
    ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_sha256', 'user_id', name=op.f('pk_known_browser'))
    )


def downgrade() -> None:
    """Back to the version before."""
    op.drop_index(op.f('ix_audit_entry_subject'), 'audit_entry')
    op.drop_table('known_browser')
    op.drop_table('sign_in_try')
