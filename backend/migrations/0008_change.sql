-- A change of tenant, web integration or option that was tested and is not in
-- force yet: at most one, beside the settings that it would replace.
CREATE TABLE staged_changes (
    portal_id           TEXT PRIMARY KEY REFERENCES integrations (portal_id) ON DELETE CASCADE,
    -- A new one for each change: what is switched to is what was seen.
    id                  TEXT NOT NULL,
    tenant_id           TEXT NOT NULL,
    tenant_host         TEXT NOT NULL,
    web_integration_id  TEXT NOT NULL,
    email_as_subject    INTEGER NOT NULL CHECK (email_as_subject IN (0, 1)),
    -- NULL, as what is shown of it: the key in use stays.
    sealed_key          BLOB,
    key_last4           TEXT,
    key_owner           TEXT,
    key_expires_at      INTEGER,
    -- The identity provider in its tenant that this portal made for it, if it did.
    made_idp            TEXT,
    -- The JSON of the checks that it passed.
    report              TEXT NOT NULL,
    staged_by           TEXT REFERENCES users (id) ON DELETE SET NULL,
    staged_at           INTEGER NOT NULL,
    -- It is forgotten then, and its key with it.
    expires_at          INTEGER NOT NULL
) STRICT;
CREATE INDEX staged_changes_by_end ON staged_changes (expires_at);

-- The settings before the last change, for the way back.
CREATE TABLE previous_setups (
    portal_id   TEXT PRIMARY KEY REFERENCES integrations (portal_id) ON DELETE CASCADE,
    id          TEXT NOT NULL,
    -- The JSON of backend::change::Setup.
    setup       TEXT NOT NULL,
    -- The key of another tenant that is kept for it; NULL: the tenant is the
    -- same, and so the key in use works there.
    key_id      TEXT,
    left_at     INTEGER NOT NULL,
    -- Until when one can go back; the kept key is then deleted at Qlik.
    keep_until  INTEGER NOT NULL
) STRICT;
CREATE INDEX previous_setups_by_end ON previous_setups (keep_until);

-- A comparison with the tenant of the change that is not in force yet.
ALTER TABLE matching_runs ADD COLUMN staged INTEGER NOT NULL DEFAULT 0 CHECK (staged IN (0, 1));
DROP INDEX matching_run_under_way;
CREATE UNIQUE INDEX matching_run_under_way ON matching_runs (portal_id, staged) WHERE ended_at IS NULL;

-- A key can be 'kept': of the settings before, for the way back.
CREATE TABLE api_keys_new (
    key_id        TEXT NOT NULL,
    portal_id     TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    tenant_id     TEXT NOT NULL,
    tenant_host   TEXT NOT NULL,
    -- NULL once the key is gone: nothing of the token is kept.
    sealed_token  BLOB,
    fingerprint   TEXT NOT NULL,
    last4         TEXT NOT NULL,
    owner_id      TEXT NOT NULL,
    owner_subject TEXT NOT NULL,
    owner_email   TEXT,
    owner_name    TEXT NOT NULL,
    -- The renewal attempt that made it; NULL for a key that a person pasted.
    attempt_id    TEXT,
    state         TEXT NOT NULL CHECK (state IN ('current', 'staged', 'retiring', 'kept', 'gone')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    stored_at     INTEGER NOT NULL,
    gone_at       INTEGER,
    PRIMARY KEY (portal_id, key_id)
) STRICT;
INSERT INTO api_keys_new
    SELECT key_id, portal_id, tenant_id, tenant_host, sealed_token, fingerprint, last4, owner_id, owner_subject,
           owner_email, owner_name, attempt_id, state, created_at, expires_at, stored_at, gone_at
    FROM api_keys;
DROP TABLE api_keys;
ALTER TABLE api_keys_new RENAME TO api_keys;
CREATE UNIQUE INDEX api_key_current ON api_keys (portal_id) WHERE state = 'current';
