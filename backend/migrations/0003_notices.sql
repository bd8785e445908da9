-- Whom a portal tells about its renewals, and how.
CREATE TABLE notice_settings (
    portal_id             TEXT PRIMARY KEY REFERENCES portals (id) ON DELETE CASCADE,
    -- Mail; NULL host: none is sent.
    smtp_host             TEXT,
    smtp_port             INTEGER NOT NULL DEFAULT 587,
    -- 'none' is for a mail server on this machine alone.
    smtp_security         TEXT NOT NULL DEFAULT 'starttls' CHECK (smtp_security IN ('starttls', 'tls', 'none')),
    smtp_user             TEXT,
    smtp_sealed_password  BLOB,
    smtp_password_at      INTEGER,
    mail_from             TEXT,
    -- One address a line; empty: all active administrators.
    mail_to               TEXT NOT NULL DEFAULT '',
    -- Webhook; NULL: none is sent.
    webhook_url           TEXT,
    webhook_sealed_secret BLOB,
    webhook_secret_at     INTEGER,
    -- Each renewal is told, not failures alone.
    tell_renewed          INTEGER NOT NULL DEFAULT 0 CHECK (tell_renewed IN (0, 1)),
    -- How often a failure that lasts is told again.
    repeat_hours          INTEGER NOT NULL DEFAULT 6 CHECK (repeat_hours BETWEEN 1 AND 168)
) STRICT;

-- What was told of an integration, so that nothing is told twice.
CREATE TABLE notice_state (
    portal_id  TEXT PRIMARY KEY REFERENCES integrations (portal_id) ON DELETE CASCADE,
    -- The JSON of backend::notices::Told.
    told       TEXT NOT NULL,
    -- When the expiry of the key in use is looked at next; NULL: never.
    check_at   INTEGER
) STRICT;
CREATE INDEX notice_state_due ON notice_state (check_at) WHERE check_at IS NOT NULL;
-- Integrations from before this table are looked at once.
INSERT INTO notice_state (portal_id, told, check_at) SELECT portal_id, '{}', 0 FROM integrations;

-- Notices on their way, and how they ended. Written in the transaction of what
-- they tell of.
CREATE TABLE outbox (
    -- The idempotency id: the same at each try.
    id           TEXT PRIMARY KEY,
    portal_id    TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    channel      TEXT NOT NULL CHECK (channel IN ('mail', 'webhook')),
    payload      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    -- NULL: it was sent, or it was given up.
    next_try_at  INTEGER,
    tries        INTEGER NOT NULL DEFAULT 0,
    sent_at      INTEGER,
    last_error   TEXT,
    lease_owner  TEXT,
    lease_until  INTEGER,
    -- Goes up with each claim: who lost its lease can't write any more.
    fence        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_due ON outbox (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX outbox_by_portal ON outbox (portal_id, created_at DESC);

-- The last beat of the renewal task after which its standstill was told.
ALTER TABLE scheduler ADD COLUMN standstill_told INTEGER;
