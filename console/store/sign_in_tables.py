"""Tables of who is signed in, and how one gets in."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, UniqueConstraint, false

from console.store.tables import BIG_ID, metadata

# Accounts of a provider of identities that stand for people.
user_oidc = Table(
    "user_oidc",
    metadata,
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True),
    Column("issuer", String(300), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("linked_at_s", Float, nullable=False),
    Column("used_at_s", Float),
    UniqueConstraint("issuer", "subject"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True),
    Column("code_sha256", String(64), primary_key=True),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("role", String(20), nullable=False),
    Column("reads_only", Boolean, nullable=False),
    Column("site_id", ForeignKey("site.id", ondelete="CASCADE")),  # with all below it; none: wherever its owner may
    Column("created_at_s", Float, nullable=False),
    Column("ends_at_s", Float, nullable=False),
    Column("used_at_s", Float),
    Index(None, "user_id"),
)

session = Table(
    "session",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("seen_at_s", Float, nullable=False),
    Column("expires_at_s", Float, nullable=False),
    Column("code_given", Boolean, nullable=False, server_default=false()),  # the second factor's, by who has one
    Column("new_totp_sealed", String(200)),  # sealed; shown, and not confirmed yet
    Column("browser", String(200), nullable=False, server_default=""),
    Column("address", String(64), nullable=False, server_default=""),
    Index(None, "user_id"),
)

# Tries of the last minutes, by what they are counted under: a browser, a name, an address.
sign_in_try = Table(
    "sign_in_try",
    metadata,
    Column("id", BIG_ID, primary_key=True),
    Column("key_sha256", String(64), nullable=False),
    Column("at_s", Float, nullable=False),
    Index(None, "key_sha256"),
    Index(None, "at_s"),
)

known_browser = Table(
    "known_browser",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True),
    Column("at_s", Float, nullable=False),
)

one_time_link = Table(
    "one_time_link",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("user_name", String(64), nullable=False),  # empty: the person chooses
    Column("created_at_s", Float, nullable=False),
    Column("expires_at_s", Float, nullable=False),
    Column("used_at_s", Float),
    Column("everywhere", Boolean, nullable=False, server_default=false()),
    Column("made_by", Integer),  # the person; none: a command
)

# Where the account of a link will have rights.
link_site = Table(
    "link_site",
    metadata,
    Column("token_sha256", ForeignKey("one_time_link.token_sha256", ondelete="CASCADE"), primary_key=True),
    Column("site_id", ForeignKey("site.id", ondelete="CASCADE"), primary_key=True),
)
