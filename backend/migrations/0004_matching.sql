-- What Qlik may do at a sign-in, by an administrator's choice for this tenant.
ALTER TABLE integrations ADD COLUMN may_create INTEGER NOT NULL DEFAULT 0 CHECK (may_create IN (0, 1));
ALTER TABLE integrations ADD COLUMN may_rewrite INTEGER NOT NULL DEFAULT 0 CHECK (may_rewrite IN (0, 1));

-- Comparisons of the portal's users with those of the Qlik tenant. The last one
-- that ended well stays until the next one has, and the last one that failed.
CREATE TABLE matching_runs (
    id                  TEXT PRIMARY KEY,
    portal_id           TEXT NOT NULL REFERENCES integrations (portal_id) ON DELETE CASCADE,
    tenant_id           TEXT NOT NULL,
    tenant_host         TEXT NOT NULL,
    -- The choices that it judges by, as they were when it began.
    email_as_subject    INTEGER NOT NULL CHECK (email_as_subject IN (0, 1)),
    may_create          INTEGER NOT NULL CHECK (may_create IN (0, 1)),
    may_rewrite         INTEGER NOT NULL CHECK (may_rewrite IN (0, 1)),
    state               TEXT NOT NULL CHECK (state IN ('reading', 'judging', 'done', 'failed')),
    started_at          INTEGER NOT NULL,
    ended_at            INTEGER,
    -- Where reading goes on at Qlik, and where judging goes on here.
    cursor              TEXT,
    judged_to           TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
    pages_read          INTEGER NOT NULL DEFAULT 0,
    -- Reading began anew so often, because Qlik no longer took the cursor.
    restarts            INTEGER NOT NULL DEFAULT 0,
    qlik_users          INTEGER NOT NULL DEFAULT 0,
    qlik_without_email  INTEGER NOT NULL DEFAULT 0,
    people              INTEGER NOT NULL DEFAULT 0,
    judged              INTEGER NOT NULL DEFAULT 0,
    -- NULL: it ended.
    next_try_at         INTEGER,
    -- Failed tries in a row.
    tries               INTEGER NOT NULL DEFAULT 0,
    -- Why it waits or failed, for people, and what Qlik said.
    says                TEXT,
    qlik_code           TEXT,
    trace_id            TEXT,
    lease_owner         TEXT,
    lease_until         INTEGER,
    -- Goes up with each claim: who lost its lease can't write any more.
    fence               INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX matching_run_under_way ON matching_runs (portal_id) WHERE ended_at IS NULL;
CREATE INDEX matching_runs_by_portal ON matching_runs (portal_id, state);
CREATE INDEX matching_runs_due ON matching_runs (next_try_at) WHERE next_try_at IS NOT NULL;

-- The Qlik tenant's users while a run needs them; gone when it ends.
CREATE TABLE matching_seen (
    run_id    TEXT NOT NULL REFERENCES matching_runs (id) ON DELETE CASCADE,
    qlik_id   TEXT NOT NULL,
    email     TEXT COLLATE NOCASE,
    -- The e-mail without what follows a plus.
    mailbox   TEXT,
    subject   TEXT NOT NULL COLLATE NOCASE,
    name      TEXT NOT NULL,
    -- Only of those without an e-mail.
    name_key  TEXT,
    status    TEXT NOT NULL,
    PRIMARY KEY (run_id, qlik_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX matching_seen_by_email ON matching_seen (run_id, email);
CREATE INDEX matching_seen_by_mailbox ON matching_seen (run_id, mailbox);
CREATE INDEX matching_seen_by_subject ON matching_seen (run_id, subject);
CREATE INDEX matching_seen_by_name ON matching_seen (run_id, name_key);

-- What a run found out about each user of the portal.
CREATE TABLE matching_rows (
    run_id      TEXT NOT NULL REFERENCES matching_runs (id) ON DELETE CASCADE,
    user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email       TEXT NOT NULL COLLATE NOCASE,
    name        TEXT NOT NULL COLLATE NOCASE,
    verdict     TEXT NOT NULL,
    -- The order of verdicts: what needs a person comes first.
    rank        INTEGER NOT NULL,
    -- Whom it is about at Qlik, and how many active users have the e-mail there.
    qlik_name   TEXT,
    qlik_email  TEXT,
    qlik_count  INTEGER NOT NULL,
    PRIMARY KEY (run_id, email)
) STRICT, WITHOUT ROWID;
CREATE INDEX matching_rows_by_user ON matching_rows (user_id);
CREATE INDEX matching_rows_by_verdict ON matching_rows (run_id, rank, verdict, email);
