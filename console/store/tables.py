"""Every table. Times are UTC seconds since 1970 (`_at_s`); JSON stands as text, written and read by its aggregate."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only for INTEGER PRIMARY KEY; PostgreSQL gets 64 bits.
BIG_ID = BigInteger().with_variant(Integer, "sqlite")

site = Table(
    "site",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("kind", String(10), nullable=False, server_default="school"),
    Column("parent_id", Integer),  # the site above it
    # What is read out to the police.
    Column("address", String(300), nullable=False, server_default=""),
    Column("gate", String(200), nullable=False, server_default=""),
    Column("phone", String(40), nullable=False, server_default=""),
)

node = Table(
    "node",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("label", String(120), nullable=False),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("created_at_s", Float, nullable=False),
    Column("status", String(10), nullable=False),
    Column("status_at_s", Float),
    Column("last_seen_at_s", Float),
    Column("version", String(60), nullable=False),
    Column("health_at_s", Float),
    Column("health_json", Text),
    Column("clock_json", Text),
    Column("links_json", Text),
    Column("schedule_revision", String(64)),  # of the calendar that it works by; none: it does not tell
    Column("schedule_until_at_s", Float),  # by its clock
    Column(
        "brief_json", Text
    ),  # of its health what a wall of a thousand boxes asks: all but its machine and its cameras' reports
)

camera = Table(
    "camera",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("node_id", ForeignKey("node.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("label", String(120), nullable=False),
    Column("state", String(10), nullable=False),
    Column("since_at_s", Float),
    Column("reason", String(300), nullable=False),
    Column("reason_code", String(40), nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("health_json", Text),
    Column("still_at_s", Float),
    Column("still_sha256", String(64)),
    Column("first_at_s", Float),  # since when it is known; none of one that was known before this was kept
    Column("area", String(40), nullable=False, server_default=""),  # cameras of one area are neighbours; empty: none
    UniqueConstraint("node_id", "name"),
)

blind_time = Table(
    "blind_time",
    metadata,
    Column("id", BIG_ID, primary_key=True),
    Column("node_id", ForeignKey("node.id", ondelete="CASCADE"), nullable=False),
    Column("camera", String(64), nullable=False),
    Column("zone", String(64), nullable=False),  # empty: the whole camera
    Column("from_at_s", Float, nullable=False),
    Column("to_at_s", Float),  # none while it lasts
    Column("reason_code", String(40), nullable=False),
    Column("state", String(10), nullable=False, server_default="blind"),  # or impaired
    Index(None, "node_id", "to_at_s"),
    Index(None, "to_at_s"),
    Index(None, "from_at_s"),
    Index(None, "node_id", "camera", "from_at_s"),
)

event = Table(
    "event",
    metadata,
    Column("event_id", String(36), primary_key=True),
    Column("node_id", ForeignKey("node.id"), nullable=False),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("camera", String(64), nullable=False),
    Column("zone", String(64), nullable=False, server_default=""),  # empty: the whole camera
    Column("rule", String(40), nullable=False, server_default=""),
    Column("severity_order", Integer, nullable=False),
    Column("opened_at_s", Float, nullable=False),  # by the console's clock; the message has it by the node's
    Column("clock_behind_s", Float, nullable=False, server_default="0"),  # the node's, when it opened
    Column("received_at_s", Float, nullable=False),
    Column("revised_at_s", Float, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("message_json", Text, nullable=False),
    Column("incident_id", String(36), nullable=False, server_default="", index=True),  # the event that it began with
    Index(None, "site_id", "opened_at_s"),
)

alert = Table(
    "alert",
    metadata,
    Column("event_id", ForeignKey("event.event_id"), primary_key=True),
    Column("state", String(14), nullable=False),
    Column("state_order", Integer, nullable=False),
    Column("owner_id", ForeignKey("user_account.id")),
    Column("owned_at_s", Float),
    Column("priority_order", Integer),  # what a person gave it; none: as severe as the event is
    Column("severity_order_then", Integer),  # of the event as the person did so
    Column("acknowledged_by", ForeignKey("user_account.id")),
    Column("acknowledged_at_s", Float),
    Column("closed_by", ForeignKey("user_account.id")),
    Column("closed_at_s", Float),
    Column("close_reason", String(20)),
    Column("close_note", String(1000), nullable=False),
    # What people search by and what statistics count, as the event has it: its own rows are wide with their messages.
    Column("site_id", Integer, nullable=False, server_default="0"),
    Column("node_id", Integer, nullable=False, server_default="0"),
    Column("camera", String(64), nullable=False, server_default=""),
    Column("zone", String(64), nullable=False, server_default=""),
    Column("rule", String(40), nullable=False, server_default=""),
    Column("opened_at_s", Float, nullable=False, server_default="0"),
    Column("dwell_s", Float, nullable=False, server_default="0"),
    Column("reason_order", Integer, nullable=False, server_default="0"),  # of close_reason; 0 while it is not closed
    Column("answered_s", Float),  # from the opening to the first step of anybody; less than 0 where it was told late
    Index(None, "state_order", "closed_at_s"),
    Index("ix_alert_of_site", "site_id", "opened_at_s"),
    Index(None, "site_id", "state_order"),
    # Holds all that is asked for across many sites, so that a search that finds little reads nothing else.
    Index(
        "ix_alert_in_time",
        "opened_at_s",
        "event_id",
        "site_id",
        "node_id",
        "camera",
        "zone",
        "rule",
        "state_order",
        "reason_order",
        "answered_s",
        "dwell_s",
    ),
)

# What people did with an alert, step by step. Never changed, never deleted.
alert_step = Table(
    "alert_step",
    metadata,
    Column("id", BIG_ID, primary_key=True),
    Column("event_id", ForeignKey("alert.event_id"), nullable=False),
    Column("at_s", Float, nullable=False),
    Column("user_id", ForeignKey("user_account.id"), nullable=False),
    Column("step", String(20), nullable=False),
    Column("was", String(64), nullable=False),  # the state, priority or owner before
    Column("became", String(64), nullable=False),  # the same after it; of a closing, its reason
    Column("text", String(1000), nullable=False),
    Column("token", String(64), nullable=False, server_default=""),  # of the program that did it in the person's name
    Index(None, "event_id"),
    sqlite_autoincrement=True,
)

# What a site wants done about a kind of alert, as its people wrote it.
instruction = Table(
    "instruction",
    metadata,
    Column("site_id", ForeignKey("site.id"), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("text", String(1000), nullable=False),
)
Index("ix_event_order", event.c.severity_order, event.c.opened_at_s)

# A drawing of a site, and where its cameras and zones stand on it: fractions of its width and height.
site_plan = Table(
    "site_plan",
    metadata,
    Column("site_id", ForeignKey("site.id"), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("jpeg", LargeBinary, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("changed_at_s", Float, nullable=False),
)

plan_mark = Table(
    "plan_mark",
    metadata,
    Column("node_id", ForeignKey("node.id", ondelete="CASCADE"), primary_key=True),
    Column("camera", String(64), primary_key=True),
    Column("zone", String(64), primary_key=True),  # empty: the camera itself
    Column("x", Float, nullable=False),
    Column("y", Float, nullable=False),
)

# Evidence may come before its event, so it names the event without a foreign key.
evidence = Table(
    "evidence",
    metadata,
    Column("event_id", String(36), primary_key=True),
    Column("node_id", ForeignKey("node.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("missing", String(300)),
    Column("missing_code", String(40), nullable=False, server_default=""),
    Column("received_at_s", Float, nullable=False),
)

evidence_file = Table(
    "evidence_file",
    metadata,
    Column("id", BIG_ID, primary_key=True),
    Column("event_id", ForeignKey("evidence.event_id"), nullable=False),
    Column("node_id", ForeignKey("node.id"), nullable=False),
    Column("role", String(20), nullable=False),
    Column("name", String(120), nullable=False),
    Column("media_type", String(40), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("begins_at_s", Float, nullable=False),
    Column("ends_at_s", Float, nullable=False),
    Column("gaps", Text, nullable=False, server_default="[]"),
    Column("listed", Boolean, nullable=False),  # of the newest revision; older ones are kept, as evidence
    Column("stored_at_s", Float),
    UniqueConstraint("event_id", "name", "sha256"),
    Index(None, "sha256", "node_id"),
)

set_aside = Table(
    "set_aside",
    metadata,
    Column("id", BIG_ID, primary_key=True),
    Column("topic", String(300), nullable=False),
    Column("payload_sha256", String(64), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("reason_code", String(40), nullable=False, server_default=""),
    Column("times", Integer, nullable=False),
    Column("first_at_s", Float, nullable=False),
    Column("last_at_s", Float, nullable=False),
    UniqueConstraint("topic", "payload_sha256"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("node_id", ForeignKey("node.id"), primary_key=True),
    Column("outbox_id", String(64), primary_key=True),
    Column("highest", BigInteger, nullable=False),
    Column("given_up", BigInteger, nullable=False, server_default="0"),  # by the node, on purpose
    Column("given_up_named", BigInteger, nullable=False, server_default="0"),  # of these, known by number: no gaps
    Column("gone", BigInteger, nullable=False, server_default="0"),  # missing, and no longer on the node
)

outbox_gap = Table(
    "outbox_gap",
    metadata,
    Column("id", BIG_ID, primary_key=True),
    Column("node_id", ForeignKey("node.id"), nullable=False),
    Column("outbox_id", String(64), nullable=False),
    Column("first_missing", BigInteger, nullable=False),
    Column("last_missing", BigInteger, nullable=False),
    Column("noticed_at_s", Float, nullable=False),
    Index(None, "node_id", "outbox_id", "last_missing"),
)

user_account = Table(
    "user_account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("name_folded", String(64), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("disabled_at_s", Float),
    Column("everywhere", Boolean, nullable=False, server_default=false()),  # has rights in the whole tree
    Column("totp_sealed", String(200)),  # sealed; none: no second factor
    Column("totp_step", BigInteger, nullable=False, server_default="0"),  # the last one used: a code works once
)

# Where people have rights: each site with all below it, and single cameras.
site_grant = Table(
    "site_grant",
    metadata,
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True),
    Column("site_id", ForeignKey("site.id", ondelete="CASCADE"), primary_key=True),
)

camera_grant = Table(
    "camera_grant",
    metadata,
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True),
    Column("node_id", ForeignKey("node.id", ondelete="CASCADE"), primary_key=True),
    Column("camera", String(64), primary_key=True),
)

change = Table(
    "change",
    metadata,
    Column("id", BIG_ID, primary_key=True),
    Column("at_s", Float, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("key", String(140), nullable=False),
    Column("what", String(20), nullable=False),
    sqlite_autoincrement=True,
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("id", BIG_ID, primary_key=True),
    Column("at_s", Float, nullable=False),
    Column("user_id", ForeignKey("user_account.id"), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", String(300), nullable=False),
    Column("site_id", Integer),  # of what it was done to, where that is at a site
    Column("about_id", Integer),  # the person to whose account it was done
    Column("token", String(64), nullable=False, server_default=""),  # of the program that did it in the person's name
    Index(None, "subject"),
    sqlite_autoincrement=True,
)

# What people have a box keep of a camera's recording, and what the box said of it. Never deleted.
hold = Table(
    "hold",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("node_id", ForeignKey("node.id"), nullable=False, index=True),
    Column("camera", String(64), nullable=False),
    Column("event_id", String(36), index=True),  # with all files of this event
    Column("from_at_s", Float, nullable=False),  # by the console's clock
    Column("to_at_s", Float, nullable=False),
    Column("clock_behind_s", Float, nullable=False),  # the node's, to take off for the same by its clock
    Column("reason", String(500), nullable=False),
    Column("asked_by", ForeignKey("user_account.id"), nullable=False),
    Column("asked_at_s", Float, nullable=False, index=True),
    Column("released_by", ForeignKey("user_account.id")),
    Column("released_at_s", Float),
    Column("release_reason", String(500), nullable=False, server_default=""),
    Column("told_at_s", Float),  # when the box last said what it keeps
    Column("kept", Boolean, nullable=False, server_default=false()),  # it named this one
    Column("recorded_s", Float, nullable=False, server_default="0"),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
)

# What a site says of its days and of what is armed when; the sites below it inherit it.
calendar = Table(
    "calendar",
    metadata,
    Column("site_id", ForeignKey("site.id"), primary_key=True),
    Column("content_json", Text, nullable=False),
    Column("changed_at_s", Float, nullable=False),
)
