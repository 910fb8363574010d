"""The outbox in SQL: its tables, and the statements that say more than one line."""

TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused, also after the row is gone
    kind TEXT NOT NULL, event_id TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL, at_s REAL NOT NULL);
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
"""
# The written order of sacrifice: an 'updated' row is made up for by the next one, an evidence row by a later one of the
# same event; then ends, then proofs, for the event itself is told. An 'open' row is made up for by nothing.
SACRIFICE = """
DELETE FROM message WHERE sequence IN (SELECT sequence FROM (
    SELECT sequence, CASE
        WHEN state = 'updated' THEN 0
        WHEN kind = 'evidence' AND sequence < max(sequence) OVER (PARTITION BY kind, event_id) THEN 1
        WHEN state = 'closed' THEN 2
        WHEN kind = 'evidence' THEN 3 END AS rank
    FROM message) WHERE rank IS NOT NULL ORDER BY rank, sequence LIMIT ?)
RETURNING sequence
"""
COUNT_GIVEN_UP = """
INSERT INTO meta VALUES ('given_up', ?) ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + excluded.value
"""
OWED = """
SELECT 1 FROM open_event WHERE event_id = :id UNION ALL SELECT 1 FROM clip_job WHERE event_id = :id
UNION ALL SELECT 1 FROM snapshot_job WHERE event_id = :id UNION ALL SELECT 1 FROM upload WHERE event_id = :id
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
