-- Attempts that make a key, prove it and delete it again, to see whether the
-- coming renewal would succeed. SQLite can't widen a CHECK: the table is made anew.
CREATE TABLE renewal_attempts_wider (
    id           TEXT PRIMARY KEY,
    portal_id    TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    -- What set it off: the date, an administrator, or one who only wants to know.
    trigger      TEXT NOT NULL CHECK (trigger IN ('due', 'person', 'trial')),
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    outcome      TEXT CHECK (outcome IN ('renewed', 'failed', 'person', 'abandoned', 'tried')),
    -- A sentence for people, and what Qlik said.
    reason       TEXT,
    qlik_code    TEXT,
    trace_id     TEXT,
    old_key_id   TEXT,
    new_key_id   TEXT,
    -- JSON array of {at, step}.
    steps        TEXT NOT NULL DEFAULT '[]'
) STRICT;
INSERT INTO renewal_attempts_wider
SELECT id, portal_id, trigger, started_at, ended_at, outcome, reason, qlik_code, trace_id, old_key_id, new_key_id, steps
FROM renewal_attempts WHERE trigger IN ('due', 'person');
DROP TABLE renewal_attempts;
ALTER TABLE renewal_attempts_wider RENAME TO renewal_attempts;
CREATE INDEX renewal_attempts_by_portal ON renewal_attempts (portal_id, started_at DESC);
