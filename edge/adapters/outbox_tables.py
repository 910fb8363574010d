"""The outbox in SQL: its tables, and the statements that say more than one line."""

import sqlite3
import uuid
from pathlib import Path

from edge.adapters.outbox_rows import OutboxError, Upload

TABLES = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused, also after the row is gone
    kind TEXT NOT NULL, event_id TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL, at_s REAL NOT NULL,
    machine_run TEXT, ahead_s REAL);  -- by which clock its times are: in that run, so far ahead of the monotonic one
CREATE TABLE IF NOT EXISTS refused (sequence INTEGER PRIMARY KEY, body TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS given_up (sequence INTEGER PRIMARY KEY);  -- the newest of them
CREATE TABLE IF NOT EXISTS open_event (event_id TEXT PRIMARY KEY, camera TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS opening (event_id TEXT PRIMARY KEY, body TEXT NOT NULL);  -- first revision, for its clips
CREATE TABLE IF NOT EXISTS step (camera TEXT PRIMARY KEY, step INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS evidence (event_id TEXT PRIMARY KEY, camera TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS clip_job (
    event_id TEXT PRIMARY KEY, camera TEXT NOT NULL, opened_at_s REAL NOT NULL,
    begins_at_s REAL NOT NULL, ends_at_s REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS snapshot_job (event_id TEXT PRIMARY KEY, camera TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS upload (  -- two events may hold the very same picture, so a hash is no key
    path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, event_id TEXT NOT NULL, bytes INTEGER NOT NULL,
    media_type TEXT NOT NULL, at_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS message_updated ON message (sequence) WHERE state = 'updated';
CREATE INDEX IF NOT EXISTS message_closed ON message (sequence) WHERE state = 'closed';
CREATE INDEX IF NOT EXISTS message_evidence ON message (sequence) WHERE kind = 'evidence';
CREATE INDEX IF NOT EXISTS message_evidence_of ON message (event_id, sequence) WHERE kind = 'evidence';
CREATE INDEX IF NOT EXISTS upload_of ON upload (event_id);
-- An outbox of an earlier version: its rows are counted once, and its lists say whether they name a clip.
UPDATE message SET state = 'clip' WHERE kind = 'evidence' AND NOT EXISTS (SELECT 1 FROM tally)
    AND EXISTS (SELECT 1 FROM json_each(body, '$.files') WHERE json_extract(value, '$.role') = 'clip');
INSERT INTO tally SELECT * FROM (
    SELECT 'message', count(*), coalesce(sum(length(CAST(body AS BLOB))), 0) FROM message
    UNION ALL SELECT 'upload', count(*), coalesce(sum(bytes), 0) FROM upload)
    WHERE NOT EXISTS (SELECT 1 FROM tally);
CREATE TRIGGER IF NOT EXISTS message_in AFTER INSERT ON message BEGIN
    UPDATE tally SET rows = rows + 1, bytes = bytes + length(CAST(new.body AS BLOB)) WHERE name = 'message'; END;
CREATE TRIGGER IF NOT EXISTS message_out AFTER DELETE ON message BEGIN
    UPDATE tally SET rows = rows - 1, bytes = bytes - length(CAST(old.body AS BLOB)) WHERE name = 'message'; END;
CREATE TRIGGER IF NOT EXISTS upload_in AFTER INSERT ON upload BEGIN
    UPDATE tally SET rows = rows + 1, bytes = bytes + new.bytes WHERE name = 'upload'; END;
CREATE TRIGGER IF NOT EXISTS upload_out AFTER DELETE ON upload BEGIN
    UPDATE tally SET rows = rows - 1, bytes = bytes - old.bytes WHERE name = 'upload'; END;
COMMIT;
"""
COUNT_MORE = """
INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + excluded.value
"""
COMING = """
SELECT 1 FROM open_event WHERE event_id = :id UNION ALL SELECT 1 FROM clip_job WHERE event_id = :id
UNION ALL SELECT 1 FROM snapshot_job WHERE event_id = :id
"""
WAITING_WITHIN = """
SELECT sequence, kind, body, machine_run, ahead_s FROM message
WHERE sequence BETWEEN :first AND :last ORDER BY sequence LIMIT :most
"""
# Pictures before clips: they are small and seen first. With `since_s`: pictures alone, of what goes on or is new.
UPLOADS = """
SELECT sha256, event_id, path, bytes, media_type FROM upload
WHERE :since_s IS NULL
    OR media_type = 'image/jpeg' AND (at_s >= :since_s OR event_id IN (SELECT event_id FROM open_event))
ORDER BY media_type = 'video/mp4', at_s DESC LIMIT :most
"""
GIVEN_UP_WITHIN = "SELECT sequence FROM given_up WHERE sequence BETWEEN :first AND :last ORDER BY sequence"
NEW_MESSAGE = """
INSERT INTO message (kind, event_id, state, body, at_s, ahead_s, machine_run) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
NEW_UPLOAD = "INSERT INTO upload (path, sha256, event_id, bytes, media_type, at_s) VALUES (?, ?, ?, ?, ?, ?)"
REFUSE = "INSERT OR REPLACE INTO refused SELECT sequence, body, ? FROM message WHERE sequence = ?"
KEEP_NEWEST_REFUSED = """
DELETE FROM refused WHERE sequence NOT IN (SELECT sequence FROM refused ORDER BY sequence DESC LIMIT ?)
"""
WAITING = """
SELECT sequence, kind, body, machine_run, ahead_s FROM message WHERE sequence > ? ORDER BY sequence LIMIT ?
"""
DUE_CLIPS = """
SELECT event_id, camera, opened_at_s, begins_at_s, ends_at_s, tries FROM clip_job
WHERE (ends_at_s + :retry_s * ((1 << tries) - 1) <= :now_s OR ends_at_s > :now_s + :far_s)
    AND camera IN (SELECT value FROM json_each(:cameras)) ORDER BY ends_at_s
"""
UNSETTLED = """
SELECT event_id FROM open_event UNION SELECT event_id FROM clip_job
UNION SELECT event_id FROM snapshot_job UNION SELECT event_id FROM upload
"""
CLIP_SPANS = """
SELECT begins_at_s, min(ends_at_s, begins_at_s + :longest_s) FROM clip_job WHERE camera = :camera
UNION ALL SELECT opened_at_s - :pre_s, opened_at_s - :pre_s + :longest_s
    FROM (SELECT json_extract(body, '$.opened_at_s') AS opened_at_s FROM open_event WHERE camera = :camera)
"""


def forget_settled(db: sqlite3.Connection, event_id: str) -> None:
    """Forgets what is kept about an event for as long as something of it is open or owed."""
    owed = f"{COMING} UNION ALL SELECT 1 FROM upload WHERE event_id = :id"  # noqa: S608 constants
    for table in ("evidence", "opening"):
        db.execute(f"DELETE FROM {table} WHERE event_id = :id AND NOT EXISTS ({owed})", {"id": event_id})  # noqa: S608 constants


def forget_upload(db: sqlite3.Connection, upload: Upload) -> bool:
    """Forgets a file that was owed; False where it was not."""
    mine = (str(upload.path), upload.sha256)
    gone = db.execute("DELETE FROM upload WHERE path = ? AND sha256 = ?", mine).rowcount
    forget_settled(db, upload.event_id)
    return gone > 0


def open_tables(path: Path) -> tuple[sqlite3.Connection, str]:
    """The outbox at `path` and its id. Raises OutboxError."""
    try:
        db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        db.text_factory = lambda raw: raw.decode(errors="replace")  # damaged text is told where it is used
        return db, _prepared(db)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # where SQLite's own words quote bytes that are damaged
        cure = "look at the disk, or move the file away and lose what waits in it"
        raise OutboxError(f"{path} can't be used ({error}); {cure}") from error


def _prepared(db: sqlite3.Connection) -> str:
    """Makes what is missing in the file; returns the outbox's id. Closes `db` where that fails: a transaction that was
    begun would keep all others waiting.
    """
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.executescript(TABLES)
        _widen(db)
        db.execute("INSERT OR IGNORE INTO meta VALUES ('outbox_id', ?)", (str(uuid.uuid4()),))
        return str(db.execute("SELECT value FROM meta WHERE name = 'outbox_id'").fetchone()[0])
    except BaseException:
        db.close()
        raise


def _widen(db: sqlite3.Connection) -> None:
    """Adds the columns that an outbox of an earlier version lacks; another process may be doing the same."""
    db.execute("BEGIN IMMEDIATE")
    there = {name for _, name, *_ in db.execute("PRAGMA table_info(message)")}
    for column in ("machine_run TEXT", "ahead_s REAL"):
        if column.split()[0] not in there:
            db.execute(f"ALTER TABLE message ADD COLUMN {column}")
    db.execute("COMMIT")
