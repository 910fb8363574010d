"""names of accounts are the same whatever their Unicode form"""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

MOST = 64


def folded(name: str) -> str:
    """As console.domain.account_name had it when this was written."""
    spelled = ' '.join(unicodedata.normalize('NFKC', name).split())
    once = unicodedata.normalize('NFKC', spelled.casefold())
    return unicodedata.normalize('NFKC', once.casefold())


def upgrade() -> None:
    """To this version. Of two accounts that are the same name now, the later keeps the form it was made in."""
    account = sa.table('user_account', sa.column('id'), sa.column('name'), sa.column('name_folded'))
    rows = op.get_bind().execute(sa.select(account).order_by(account.c.id)).all()
    taken = {row.name_folded for row in rows}
    for row in rows:
        key = folded(row.name)
        if key not in taken and 0 < len(key) <= MOST:
            op.get_bind().execute(sa.update(account).where(account.c.id == row.id).values(name_folded=key))
            taken.add(key)


def downgrade() -> None:
    """Back to the version before."""
    account = sa.table('user_account', sa.column('id'), sa.column('name'), sa.column('name_folded'))
    for row in op.get_bind().execute(sa.select(account)).all():
        values = {'name_folded': row.name.casefold()}
        op.get_bind().execute(sa.update(account).where(account.c.id == row.id).values(values))
