"""who is told of an alert, by which way and when; the watch over the watch; what is read out to the police"""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_OF_SITES = (('address', 300), ('gate', 200), ('phone', 40))


def upgrade() -> None:
    """To this version."""
    for name, length in _OF_SITES:
        op.add_column('site', sa.Column(name, sa.String(length), server_default='', nullable=False))
    _make_ladders()
    _make_outbox()
    _make_watch()


def _make_ladders() -> None:
    op.create_table(
        'channel',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(80), nullable=False),
        sa.Column('kind', sa.String(10), nullable=False),
        sa.Column('address_sealed', sa.Text(), nullable=False),
        sa.Column('shown', sa.String(200), nullable=False),
        sa.Column('lane', sa.String(200), nullable=False),
        sa.Column('failures', sa.Integer(), nullable=False, server_default='0'),
        sa.Column('reason', sa.String(200), nullable=False, server_default=''),
        sa.Column('worked_at_s', sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_channel_site_id_site')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_channel')),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f('ix_channel_site_id'), 'channel', ['site_id'])
    op.create_table(
        'contact',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(80), nullable=False),
        sa.Column('language', sa.String(2), nullable=False),
        sa.Column('addresses_json', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_contact_site_id_site')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_contact')),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f('ix_contact_site_id'), 'contact', ['site_id'])
    op.create_table(
        'ladder',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('severities', sa.String(60), nullable=False),
        sa.Column('steps_json', sa.Text(), nullable=False),
        sa.Column('rounds', sa.Integer(), nullable=False),
        sa.Column('again_s', sa.Float(), nullable=False),
        sa.Column('hold_s', sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_ladder_site_id_site')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_ladder')),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f('ix_ladder_site_id'), 'ladder', ['site_id'])


def _make_outbox() -> None:
    op.create_table(
        'escalation',
        sa.Column('id', _BIG, nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('purpose', sa.String(10), nullable=False),
        sa.Column('event_id', sa.String(36), nullable=True),
        sa.Column('fault_id', sa.Integer(), nullable=True),
        sa.Column('made_by', sa.Integer(), nullable=True),
        sa.Column('severity_order', sa.Integer(), nullable=False),
        sa.Column('state', sa.String(10), nullable=False),
        sa.Column('begun_at_s', sa.Float(), nullable=False),
        sa.Column('run', sa.Integer(), nullable=False, server_default='0'),
        sa.Column('ladder_id', sa.Integer(), nullable=True),
        sa.Column('told', sa.Integer(), nullable=False, server_default='0'),
        sa.Column('base_at_s', sa.Float(), nullable=False),
        sa.Column('next_at_s', sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_escalation_site_id_site')),
        sa.ForeignKeyConstraint(['event_id'], ['event.event_id'], name=op.f('fk_escalation_event_id_event')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_escalation')),
        sa.UniqueConstraint('event_id', name=op.f('uq_escalation_event_id')),
        sa.UniqueConstraint('fault_id', name=op.f('uq_escalation_fault_id')),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f('ix_escalation_next_at_s'), 'escalation', ['next_at_s'])
    op.create_index(op.f('ix_escalation_site_id_purpose'), 'escalation', ['site_id', 'purpose'])
    op.create_table(
        'notification',
        sa.Column('id', _BIG, nullable=False),
        sa.Column('escalation_id', _BIG, nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('event_id', sa.String(36), nullable=True),
        sa.Column('run', sa.Integer(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('step', sa.String(80), nullable=False),
        sa.Column('contact', sa.String(80), nullable=False),
        sa.Column('language', sa.String(2), nullable=False),
        sa.Column('channel_id', sa.Integer(), nullable=False),
        sa.Column('channel', sa.String(80), nullable=False),
        sa.Column('kind', sa.String(10), nullable=False),
        sa.Column('recipient', sa.String(120), nullable=False),
        sa.Column('state', sa.String(10), nullable=False),
        sa.Column('made_at_s', sa.Float(), nullable=False),
        sa.Column('changed_at_s', sa.Float(), nullable=False),
        sa.Column('next_at_s', sa.Float(), nullable=True),
        sa.Column('tries_json', sa.Text(), nullable=False, server_default='[]'),
        sa.ForeignKeyConstraint(['escalation_id'], ['escalation.id'], name=op.f('fk_notification_escalation_id_escalation')),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_notification_site_id_site')),
        sa.ForeignKeyConstraint(['event_id'], ['event.event_id'], name=op.f('fk_notification_event_id_event')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_notification')),
        sa.UniqueConstraint(
            'escalation_id', 'run', 'number', 'contact', 'channel_id', 'recipient', name=op.f('uq_notification_once')
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f('ix_notification_event_id'), 'notification', ['event_id'])
    op.create_index(op.f('ix_notification_next_at_s'), 'notification', ['next_at_s'])
    op.create_index(op.f('ix_notification_site_id_made_at_s'), 'notification', ['site_id', 'made_at_s'])


def _make_watch() -> None:
    op.create_table(
        'watch_hours',
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('is_on', sa.Boolean(), nullable=False),
        sa.Column('hours_json', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_watch_hours_site_id_site')),
        sa.PrimaryKeyConstraint('site_id', name=op.f('pk_watch_hours')),
    )
    op.create_table(
        'watch_fault',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('site_id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(20), nullable=False),
        sa.Column('channel_id', sa.Integer(), nullable=True),
        sa.Column('subject', sa.String(80), nullable=False, server_default=''),
        sa.Column('since_at_s', sa.Float(), nullable=False),
        sa.Column('ended_at_s', sa.Float(), nullable=True),
        sa.Column('known_by', sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_watch_fault_site_id_site')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_watch_fault')),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f('ix_watch_fault_ended_at_s'), 'watch_fault', ['ended_at_s'])
    op.create_index(op.f('ix_watch_fault_site_id'), 'watch_fault', ['site_id'])
    op.create_table(
        'wall_page',
        sa.Column('page', sa.String(40), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('seen_at_s', sa.Float(), nullable=False),
        sa.Column('heard', sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_wall_page_user_id_user_account'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('page', name=op.f('pk_wall_page')),
    )
    op.create_index(op.f('ix_wall_page_seen_at_s'), 'wall_page', ['seen_at_s'])
    op.create_table(
        'push_subscription',
        sa.Column('endpoint_sha256', sa.String(64), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('endpoint', sa.Text(), nullable=False),
        sa.Column('keys_json', sa.Text(), nullable=False),
        sa.Column('browser', sa.String(200), nullable=False, server_default=''),
        sa.Column('created_at_s', sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ['user_id'], ['user_account.id'], name=op.f('fk_push_subscription_user_id_user_account'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('endpoint_sha256', name=op.f('pk_push_subscription')),
    )
    op.create_index(op.f('ix_push_subscription_user_id'), 'push_subscription', ['user_id'])


def downgrade() -> None:
    """Back to the version before."""
    for name in (
        'push_subscription',
        'wall_page',
        'watch_fault',
        'watch_hours',
        'notification',
        'escalation',
        'ladder',
        'contact',
        'channel',
    ):
        op.drop_table(name)
    for name, _ in reversed(_OF_SITES):
        op.drop_column('site', name)
