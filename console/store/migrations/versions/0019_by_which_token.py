"""by which token something was done; secrets of second factors stand sealed; sirens told that it is over"""

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

_ACTS = ('alert_step', 'audit_entry')
_SECRETS = (('user_account', 'totp_sealed', 'totp_secret'), ('session', 'new_totp_sealed', 'new_totp_secret'))


def upgrade() -> None:
    """To this version. The console seals the secrets that are there as it starts: the key is no business of here."""
    for table in _ACTS:
        op.add_column(table, sa.Column('token', sa.String(64), nullable=False, server_default=''))
    op.add_column('notification', sa.Column('is_end', sa.Boolean(), nullable=False, server_default=sa.false()))
    for table, sealed, bare in _SECRETS:
        op.add_column(table, sa.Column(sealed, sa.String(200), nullable=True))
        if table == 'user_account':  # one that was shown and not confirmed is shown anew
            op.execute(f'UPDATE {table} SET {sealed} = {bare}')
        op.drop_column(table, bare)


def downgrade() -> None:
    """Back to the version before: it can't read sealed secrets, so who has a second factor sets it up again."""
    op.execute('DELETE FROM recovery_code')
    op.execute('DELETE FROM session')
    op.execute('DELETE FROM notification WHERE is_end')
    for table, sealed, bare in _SECRETS:
        op.add_column(table, sa.Column(bare, sa.String(64), nullable=True))
        op.drop_column(table, sealed)
    op.drop_column('notification', 'is_end')
    for table in _ACTS:
        op.drop_column(table, 'token')
