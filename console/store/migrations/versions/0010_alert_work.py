"""alerts as work: owner, priority, history, incidents, and what each site wants done"""

import json

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

_BATCH = 1000


def upgrade() -> None:
    """To this version. Alerts of before are incidents of their own."""
    op.add_column('camera', sa.Column('area', sa.String(40), server_default='', nullable=False))
    _widen_events()
    with op.batch_alter_table('alert') as alert:
        alert.add_column(sa.Column('owner_id', sa.Integer(), nullable=True))
        alert.add_column(sa.Column('owned_at_s', sa.Float(), nullable=True))
        alert.add_column(sa.Column('priority_order', sa.Integer(), nullable=True))
        alert.add_column(sa.Column('severity_order_then', sa.Integer(), nullable=True))
        alert.create_foreign_key(op.f('fk_alert_owner_id_user_account'), 'user_account', ['owner_id'], ['id'])
    op.execute("UPDATE alert SET state_order = 4 WHERE state = 'closed'")
    op.execute(
        'UPDATE alert SET owner_id = COALESCE(acknowledged_by, closed_by), '
        'owned_at_s = COALESCE(acknowledged_at_s, closed_at_s)'
    )
    _make_history()
    op.create_table(
        'instruction',
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(40), nullable=False),
        sa.Column('text', sa.String(1000), nullable=False),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_instruction_site_id_site')),
        sa.PrimaryKeyConstraint('site_id', 'kind', name=op.f('pk_instruction')),
    )


def _widen_events() -> None:
    op.add_column('event', sa.Column('zone', sa.String(64), server_default='', nullable=False))
    op.add_column('event', sa.Column('rule', sa.String(40), server_default='', nullable=False))
    op.add_column('event', sa.Column('incident_id', sa.String(36), server_default='', nullable=False))
    connection, event = op.get_bind(), sa.table(
        'event', *(sa.column(name) for name in ('event_id', 'zone', 'rule', 'message_json'))
    )
    last = ''
    while rows := connection.execute(
        sa.select(event.c.event_id, event.c.message_json)
        .where(event.c.event_id > last)
        .order_by(event.c.event_id)
        .limit(_BATCH)
    ).all():
        told = [(row.event_id, json.loads(row.message_json)) for row in rows]
        connection.execute(
            sa.update(event)
            .where(event.c.event_id == sa.bindparam('of'))
            .values(zone=sa.bindparam('its_zone'), rule=sa.bindparam('its_rule')),
            [{'of': of, 'its_zone': one.get('zone') or '', 'its_rule': one['rule']} for of, one in told],
        )
        last = rows[-1].event_id
    op.execute('UPDATE event SET incident_id = event_id')
    op.create_index(op.f('ix_event_incident_id'), 'event', ['incident_id'])
    op.create_index(op.f('ix_event_site_id_opened_at_s'), 'event', ['site_id', 'opened_at_s'])


def _make_history() -> None:
    op.create_table(
        'alert_step',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('event_id', sa.String(36), nullable=False),
        sa.Column('at_s', sa.Float(), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('step', sa.String(20), nullable=False),
        sa.Column('was', sa.String(64), nullable=False),
        sa.Column('became', sa.String(64), nullable=False),
        sa.Column('text', sa.String(1000), nullable=False),
        sa.ForeignKeyConstraint(['event_id'], ['alert.event_id'], name=op.f('fk_alert_step_event_id_alert')),
        sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_alert_step_user_id_user_account')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_alert_step')),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f('ix_alert_step_event_id'), 'alert_step', ['event_id'])
    known = 'INSERT INTO alert_step (event_id, at_s, user_id, step, was, became, text) SELECT event_id, '
    op.execute(
        known + "acknowledged_at_s, acknowledged_by, 'acknowledge', 'new', 'acknowledged', '' FROM alert "
        'WHERE acknowledged_by IS NOT NULL ORDER BY acknowledged_at_s'
    )
    op.execute(
        known + "closed_at_s, closed_by, 'close', CASE WHEN acknowledged_by IS NULL THEN 'new' ELSE 'acknowledged' END, "
        'close_reason, close_note FROM alert WHERE closed_by IS NOT NULL ORDER BY closed_at_s'
    )


def downgrade() -> None:
    """Back to the version before; what it has no words for is acknowledged."""
    op.drop_table('instruction')
    op.drop_table('alert_step')
    op.execute("UPDATE alert SET state_order = 2 WHERE state = 'closed'")
    op.execute(
        "UPDATE alert SET state = 'acknowledged', state_order = 1 WHERE state IN ('in_progress', 'on_hold')"
    )
    with op.batch_alter_table('alert') as alert:
        alert.drop_constraint(op.f('fk_alert_owner_id_user_account'), type_='foreignkey')
        for name in ('severity_order_then', 'priority_order', 'owned_at_s', 'owner_id'):
            alert.drop_column(name)
    op.drop_index(op.f('ix_event_site_id_opened_at_s'), 'event')
    op.drop_index(op.f('ix_event_incident_id'), 'event')
    for name in ('incident_id', 'rule', 'zone'):  # one by one: SQLite can't make anew a table that others point at
        op.drop_column('event', name)
    op.drop_column('camera', 'area')
