"""what alerts are searched and counted by, beside their states; a brief word on each box's health for the wall"""

import json

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

_BATCH = 1000
_COPIED = (
    ('site_id', sa.Integer(), '0'),
    ('node_id', sa.Integer(), '0'),
    ('camera', sa.String(64), ''),
    ('zone', sa.String(64), ''),
    ('rule', sa.String(40), ''),
    ('opened_at_s', sa.Float(), '0'),
)
# The order of the reasons when this was written; 0: not closed.
_REASONS = (
    'incident', 'parent_or_carer', 'pupil', 'staff', 'vendor', 'resident', 'passer_by', 'animal', 'false_box', 'test',
    'tampering', 'camera_mended',
)

_IN_TIME = (
    'opened_at_s', 'event_id', 'site_id', 'node_id', 'camera', 'zone', 'rule', 'state_order', 'reason_order',
    'answered_s', 'dwell_s',
)


def upgrade() -> None:
    """To this version."""
    for name, kind, blank in (*_COPIED, ('dwell_s', sa.Float(), '0')):
        op.add_column('alert', sa.Column(name, kind, server_default=blank, nullable=False))
    copied = ', '.join(f'{name} = event.{name}' for name, _, _ in _COPIED)
    op.execute(f'UPDATE alert SET {copied} FROM event WHERE event.event_id = alert.event_id')
    op.add_column('alert', sa.Column('reason_order', sa.Integer(), server_default='0', nullable=False))
    op.add_column('alert', sa.Column('answered_s', sa.Float(), nullable=True))
    for order, reason in enumerate(_REASONS, 1):
        op.execute(f"UPDATE alert SET reason_order = {order} WHERE close_reason = '{reason}'")
    op.execute('UPDATE alert SET answered_s = COALESCE(acknowledged_at_s, closed_at_s) - opened_at_s')
    op.execute('UPDATE alert SET answered_s = -1 WHERE event_id IN (SELECT event_id FROM event WHERE late)')
    _copy_dwell()
    op.drop_index(op.f('ix_alert_state_order'), 'alert')
    op.create_index(op.f('ix_alert_state_order_closed_at_s'), 'alert', ['state_order', 'closed_at_s'])
    op.create_index(op.f('ix_alert_site_id_state_order'), 'alert', ['site_id', 'state_order'])
    op.create_index('ix_alert_of_site', 'alert', ['site_id', 'opened_at_s'])
    op.create_index('ix_alert_in_time', 'alert', list(_IN_TIME))
    op.add_column('node', sa.Column('brief_json', sa.Text(), nullable=True))
    _copy_brief()


def _copy_dwell() -> None:
    """Seconds stood in the messages alone."""
    connection, last = op.get_bind(), ''
    event = sa.table('event', sa.column('event_id'), sa.column('message_json'))
    alert = sa.table('alert', sa.column('event_id'), sa.column('dwell_s'))
    while rows := connection.execute(
        sa.select(event).where(event.c.event_id > last).order_by(event.c.event_id).limit(_BATCH)
    ).all():
        connection.execute(
            sa.update(alert).where(alert.c.event_id == sa.bindparam('of')).values(dwell_s=sa.bindparam('its_dwell_s')),
            [{'of': row.event_id, 'its_dwell_s': json.loads(row.message_json).get('dwell_s', 0.0)} for row in rows],
        )
        last = rows[-1].event_id


def _copy_brief() -> None:
    connection = op.get_bind()
    node = sa.table('node', *(sa.column(name) for name in ('id', 'health_json', 'brief_json')))
    for row in connection.execute(sa.select(node).where(node.c.health_json.is_not(None))).all():
        told = json.loads(row.health_json)
        brief = {name: value for name, value in told.items() if name != 'machine'}
        brief['cameras'] = [{'camera': one['camera']} for one in told.get('cameras', ())]
        connection.execute(sa.update(node).where(node.c.id == row.id).values(brief_json=json.dumps(brief)))


def downgrade() -> None:
    """Back to the version before."""
    op.drop_column('node', 'brief_json')
    for name in ('ix_alert_in_time', 'ix_alert_of_site', op.f('ix_alert_site_id_state_order'), op.f('ix_alert_state_order_closed_at_s')):
        op.drop_index(name, 'alert')
    op.create_index(op.f('ix_alert_state_order'), 'alert', ['state_order'])
    for name in ('answered_s', 'reason_order', 'dwell_s', *(name for name, _, _ in reversed(_COPIED))):
        op.drop_column('alert', name)
