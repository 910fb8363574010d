"""Tables of who is told, by which way and when, and of the watch over the watch. See `tables`."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, false

from console.store.tables import BIG_ID, metadata

# A way to tell people, at a site and all below it. What opens it stands sealed; `shown` is what may be read of it.
channel = Table(
    "channel",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("address_sealed", Text, nullable=False),
    Column("shown", String(200), nullable=False),
    Column("lane", String(200), nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),  # tries one after the other that failed
    Column("reason", String(200), nullable=False, server_default=""),  # of the last failure
    Column("worked_at_s", Float),
    sqlite_autoincrement=True,  # a number is never given again: duties and addresses name it
)

# Somebody who is told. They need no account.
contact = Table(
    "contact",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("language", String(2), nullable=False),
    Column("addresses_json", Text, nullable=False),
    sqlite_autoincrement=True,
)

ladder = Table(
    "ladder",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False, index=True),
    Column("severities", String(60), nullable=False),  # with commas between
    Column("steps_json", Text, nullable=False),
    Column("rounds", Integer, nullable=False),
    Column("again_s", Float, nullable=False),
    Column("hold_s", Float, nullable=False),
    sqlite_autoincrement=True,
)

# One thing of which people are told until somebody takes it on: an alert, a fault of the watch, a test.
escalation = Table(
    "escalation",
    metadata,
    Column("id", BIG_ID, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("purpose", String(10), nullable=False),
    Column("event_id", ForeignKey("event.event_id"), unique=True),
    Column("fault_id", Integer, unique=True),
    Column("made_by", Integer),  # of a test
    Column("severity_order", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("begun_at_s", Float, nullable=False),
    Column("run", Integer, nullable=False, server_default="0"),  # grows each time it begins again
    Column("ladder_id", Integer),
    Column("told", Integer, nullable=False, server_default="0"),
    Column("base_at_s", Float, nullable=False),
    Column("next_at_s", Float),
    Index(None, "next_at_s"),
    Index(None, "site_id", "purpose"),
    sqlite_autoincrement=True,
)

# The outbox: one person to be told by one way, with every try.
notification = Table(
    "notification",
    metadata,
    Column("id", BIG_ID, primary_key=True),
    Column("escalation_id", ForeignKey("escalation.id"), nullable=False),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("event_id", ForeignKey("event.event_id"), index=True),
    Column("run", Integer, nullable=False),
    Column("number", Integer, nullable=False),  # of the step
    Column("step", String(80), nullable=False),
    Column("contact", String(80), nullable=False),
    Column("language", String(2), nullable=False),
    Column("channel_id", Integer, nullable=False),  # 0: there is none
    Column("channel", String(80), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("recipient", String(120), nullable=False),
    Column("state", String(10), nullable=False),
    Column("made_at_s", Float, nullable=False),
    Column("changed_at_s", Float, nullable=False),
    Column("next_at_s", Float),  # of a waiting one its next try, of one being sent when others may try it
    Column("tries_json", Text, nullable=False, server_default="[]"),
    Column("is_end", Boolean, nullable=False, server_default=false()),  # tells a siren to be silent
    UniqueConstraint(
        "escalation_id", "run", "number", "contact", "channel_id", "recipient", name="uq_notification_once"
    ),
    Index(None, "next_at_s"),
    Index(None, "site_id", "made_at_s"),
    sqlite_autoincrement=True,
)

# In which hours somebody must have the wall of a site open, at it and all below it.
watch_hours = Table(
    "watch_hours",
    metadata,
    Column("site_id", ForeignKey("site.id"), primary_key=True),
    Column("is_on", Boolean, nullable=False),
    Column("hours_json", Text, nullable=False),
)

watch_fault = Table(
    "watch_fault",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("channel_id", Integer),
    Column("subject", String(80), nullable=False, server_default=""),
    Column("since_at_s", Float, nullable=False),
    Column("ended_at_s", Float),
    Column("known_by", String(64)),
    Index(None, "ended_at_s"),
    sqlite_autoincrement=True,
)

# Walls that are open in browsers.
wall_page = Table(
    "wall_page",
    metadata,
    Column("page", String(40), primary_key=True),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("seen_at_s", Float, nullable=False, index=True),
    Column("heard", Boolean, nullable=False, server_default=false()),
)

# Browsers that show alarms though no page is open, of people.
push_subscription = Table(
    "push_subscription",
    metadata,
    Column("endpoint_sha256", String(64), primary_key=True),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("endpoint", Text, nullable=False),
    Column("keys_json", Text, nullable=False),
    Column("browser", String(200), nullable=False, server_default=""),
    Column("created_at_s", Float, nullable=False),
)
