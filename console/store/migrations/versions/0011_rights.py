"""rights by site and camera, a second factor, tokens of programs; who had an account has it everywhere"""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

# Columns are added and dropped one by one: where SQLite rebuilt a table, dropping the old one would delete what refers to
# it. So columns added to tables that are there have no foreign keys.


def upgrade() -> None:
    """To this version."""
    op.add_column('site', sa.Column('kind', sa.String(10), server_default='school', nullable=False))
    op.add_column('site', sa.Column('parent_id', sa.Integer(), nullable=True))
    _upgrade_accounts()
    _create_grants()
    op.create_table(
        'api_token',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('token_sha256', sa.String(64), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(64), nullable=False),
        sa.Column('role', sa.String(20), nullable=False),
        sa.Column('reads_only', sa.Boolean(), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=True),
        sa.Column('created_at_s', sa.Float(), nullable=False),
        sa.Column('ends_at_s', sa.Float(), nullable=False),
        sa.Column('used_at_s', sa.Float(), nullable=True),
        _reference('api_token', 'user_id', 'user_account'),
        _reference('api_token', 'site_id', 'site'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
        sa.UniqueConstraint('token_sha256', name=op.f('uq_api_token_token_sha256')),
    )
    op.create_index(op.f('ix_api_token_user_id'), 'api_token', ['user_id'])
    op.add_column('audit_entry', sa.Column('site_id', sa.Integer(), nullable=True))
    op.add_column('audit_entry', sa.Column('about_id', sa.Integer(), nullable=True))
    op.execute(
        'UPDATE audit_entry SET site_id = (SELECT event.site_id FROM event WHERE event.event_id = audit_entry.subject)'
    )


def _upgrade_accounts() -> None:
    op.add_column('user_account', sa.Column('everywhere', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('user_account', sa.Column('totp_secret', sa.String(64), nullable=True))
    op.add_column('user_account', sa.Column('totp_step', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('session', sa.Column('code_given', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('session', sa.Column('new_totp_secret', sa.String(64), nullable=True))
    op.add_column('session', sa.Column('browser', sa.String(200), server_default='', nullable=False))
    op.add_column('session', sa.Column('address', sa.String(64), server_default='', nullable=False))
    op.create_index(op.f('ix_session_user_id'), 'session', ['user_id'])
    op.add_column('one_time_link', sa.Column('everywhere', sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in ('user_account', 'one_time_link'):
        table = sa.table(name, sa.column('everywhere', sa.Boolean()))
        op.execute(sa.update(table).values(everywhere=True))


def _create_grants() -> None:
    op.create_table(
        'site_grant',
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=False),
        _reference('site_grant', 'user_id', 'user_account'),
        _reference('site_grant', 'site_id', 'site'),
        sa.PrimaryKeyConstraint('user_id', 'site_id', name=op.f('pk_site_grant')),
    )
    op.create_table(
        'camera_grant',
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('node_id', sa.Integer(), nullable=False),
        sa.Column('camera', sa.String(64), nullable=False),
        _reference('camera_grant', 'user_id', 'user_account'),
        _reference('camera_grant', 'node_id', 'node'),
        sa.PrimaryKeyConstraint('user_id', 'node_id', 'camera', name=op.f('pk_camera_grant')),
    )
    op.create_table(
        'link_site',
        sa.Column('token_sha256', sa.String(64), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=False),
        _reference('link_site', 'token_sha256', 'one_time_link', 'token_sha256'),
        _reference('link_site', 'site_id', 'site'),
        sa.PrimaryKeyConstraint('token_sha256', 'site_id', name=op.f('pk_link_site')),
    )
    op.create_table(
        'recovery_code',
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('code_sha256', sa.String(64), nullable=False),
        _reference('recovery_code', 'user_id', 'user_account'),
        sa.PrimaryKeyConstraint('user_id', 'code_sha256', name=op.f('pk_recovery_code')),
    )


def _reference(table: str, column: str, other: str, key: str = 'id') -> sa.ForeignKeyConstraint:
    name = op.f(f'fk_{table}_{column}_{other}')
    return sa.ForeignKeyConstraint([column], [f'{other}.{key}'], name=name, ondelete='CASCADE')


def downgrade() -> None:
    """Back to the version before. Roles that it does not know become the nearest one with fewer rights."""
    op.execute("UPDATE user_account SET role = 'guard' WHERE role = 'supervisor'")
    # A guard may see what an auditor may not: those accounts are closed.
    op.execute("UPDATE user_account SET role = 'guard', disabled_at_s = 0 WHERE role = 'auditor'")
    op.execute("DELETE FROM one_time_link WHERE role IN ('supervisor', 'auditor')")
    # That version knows no places: who is limited to some would see all.
    op.execute(sa.text('UPDATE user_account SET disabled_at_s = 0 WHERE NOT everywhere AND disabled_at_s IS NULL'))
    op.execute(sa.text('DELETE FROM session'))  # one that has not given its second factor would be a whole one there
    op.drop_column('audit_entry', 'about_id')
    op.drop_column('audit_entry', 'site_id')
    for name in ('api_token', 'link_site', 'recovery_code', 'camera_grant', 'site_grant'):
        op.drop_table(name)
    op.execute(sa.text('DELETE FROM one_time_link WHERE NOT everywhere'))
    op.drop_column('one_time_link', 'everywhere')
    op.drop_index(op.f('ix_session_user_id'), 'session')
    for name in ('address', 'browser', 'new_totp_secret', 'code_given'):
        op.drop_column('session', name)
    for name in ('totp_step', 'totp_secret', 'everywhere'):
        op.drop_column('user_account', name)
    op.drop_column('site', 'parent_id')
    op.drop_column('site', 'kind')
