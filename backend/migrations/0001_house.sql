-- Times are whole unix seconds (UTC). Ids are random text. `sealed` columns hold
-- what the vault made of a secret, bound to portal, table, row and column.

-- One value sealed under each known key: a wrong or incomplete keyring is
-- noticed at start instead of at the first renewal.
CREATE TABLE vault_check (
    key_id  INTEGER PRIMARY KEY,
    sealed  BLOB NOT NULL
) STRICT;

CREATE TABLE portals (
    id          TEXT PRIMARY KEY,
    hostname    TEXT NOT NULL UNIQUE,
    origin      TEXT NOT NULL,
    name        TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id             TEXT PRIMARY KEY,
    portal_id      TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    email          TEXT NOT NULL COLLATE NOCASE,
    name           TEXT NOT NULL,
    role           TEXT NOT NULL CHECK (role IN ('administrator', 'user')),
    status         TEXT NOT NULL CHECK (status IN ('invited', 'active', 'disabled')),
    is_owner       INTEGER NOT NULL DEFAULT 0 CHECK (is_owner IN (0, 1)),
    password_hash  TEXT,
    -- Goes up when the password or the status changes: older browser sessions end.
    auth_epoch     INTEGER NOT NULL DEFAULT 1,
    created_at     INTEGER NOT NULL,
    last_login_at  INTEGER,
    UNIQUE (portal_id, email)
) STRICT;

-- One-time links to set a password. Only the hash of the token is kept.
CREATE TABLE invitations (
    token_hash  BLOB PRIMARY KEY,
    user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_by  TEXT REFERENCES users (id) ON DELETE SET NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER
) STRICT;
CREATE INDEX invitations_by_user ON invitations (user_id);

-- Browser sessions. Only the hash of the id is kept.
CREATE TABLE web_sessions (
    id_hash     BLOB PRIMARY KEY,
    data        BLOB NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX web_sessions_by_expiry ON web_sessions (expires_at);

-- The portal's key pair for JWT logins. Qlik allows one verification key per
-- identity provider, so a later rotation adds a row and moves `active`.
CREATE TABLE signing_identities (
    id                TEXT PRIMARY KEY,
    portal_id         TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    issuer            TEXT NOT NULL,
    kid               TEXT NOT NULL UNIQUE,
    certificate_pem   TEXT NOT NULL,
    sealed_key        BLOB NOT NULL,
    -- The identity provider at Qlik that this portal made itself, if it did.
    idp_id            TEXT,
    active            INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX signing_identity_active ON signing_identities (portal_id) WHERE active = 1;

CREATE TABLE integrations (
    portal_id            TEXT PRIMARY KEY REFERENCES portals (id) ON DELETE CASCADE,
    tenant_host          TEXT NOT NULL,
    tenant_id            TEXT NOT NULL,
    permanent_host       TEXT NOT NULL,
    region               TEXT,
    web_integration_id   TEXT NOT NULL,
    auth_option          TEXT NOT NULL CHECK (auth_option IN ('api_key')),
    -- The administrator's explicit choice where the key's owner may not read
    -- users: send the e-mail as subject.
    email_as_subject     INTEGER NOT NULL DEFAULT 0 CHECK (email_as_subject IN (0, 1)),
    -- Where the renewal stands: the JSON of backend::renewal::State.
    renewal              TEXT NOT NULL,
    -- When the machine has something to do next; NULL where a person is needed.
    next_action_at       INTEGER,
    -- Guards every change of this row.
    version              INTEGER NOT NULL DEFAULT 1,
    lease_owner          TEXT,
    lease_until          INTEGER,
    -- Goes up with each claim: who lost its lease can't write any more.
    fence                INTEGER NOT NULL DEFAULT 0,
    checked_at           INTEGER,
    -- The JSON of the last report of checks.
    last_report          TEXT,
    saved_at             INTEGER NOT NULL,
    saved_by             TEXT REFERENCES users (id) ON DELETE SET NULL
) STRICT;
CREATE INDEX integrations_due ON integrations (next_action_at) WHERE next_action_at IS NOT NULL;

-- Keys of ours, from the moment that we hold a token until they are gone at Qlik.
CREATE TABLE api_keys (
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
    state         TEXT NOT NULL CHECK (state IN ('current', 'staged', 'retiring', 'gone')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    stored_at     INTEGER NOT NULL,
    gone_at       INTEGER,
    PRIMARY KEY (portal_id, key_id)
) STRICT;
CREATE UNIQUE INDEX api_key_current ON api_keys (portal_id) WHERE state = 'current';

CREATE TABLE renewal_attempts (
    id           TEXT PRIMARY KEY,
    portal_id    TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    -- What set it off: 'due', 'person' or 'save'.
    trigger      TEXT NOT NULL CHECK (trigger IN ('due', 'person', 'save')),
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    outcome      TEXT CHECK (outcome IN ('renewed', 'failed', 'person', 'abandoned')),
    -- A sentence for people, and what Qlik said.
    reason       TEXT,
    qlik_code    TEXT,
    trace_id     TEXT,
    old_key_id   TEXT,
    new_key_id   TEXT,
    -- JSON array of {at, step, note}.
    steps        TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX renewal_attempts_by_portal ON renewal_attempts (portal_id, started_at DESC);

-- Qlik sessions of users, sealed, so that a restart asks nobody to sign in again.
CREATE TABLE qlik_sessions (
    user_id      TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    portal_id    TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    tenant_host  TEXT NOT NULL,
    sealed       BLOB NOT NULL,
    opened_at    INTEGER NOT NULL,
    used_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    portal_id   TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    at          INTEGER NOT NULL,
    -- NULL: the portal itself did it.
    actor_id    TEXT,
    actor_name  TEXT NOT NULL,
    action      TEXT NOT NULL,
    detail      TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX audit_by_portal ON audit (portal_id, id DESC);

-- When the renewal task last looked, for /readyz.
CREATE TABLE scheduler (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    tick_at  INTEGER NOT NULL
) STRICT;
