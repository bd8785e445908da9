-- How the portal becomes a user at Qlik. SQLite can't widen a CHECK, but the column
-- can be made anew; every connection so far uses a key.
ALTER TABLE integrations DROP COLUMN auth_option;
ALTER TABLE integrations ADD COLUMN auth_option TEXT NOT NULL DEFAULT 'api_key'
    CHECK (auth_option IN ('api_key', 'credentials', 'oauth_users', 'oauth_everyone'));
-- NULL where the portal holds no key. One that is left behind by a change of option
-- has its state until it is gone at Qlik.
ALTER TABLE integrations RENAME COLUMN renewal TO renewal_before;
ALTER TABLE integrations ADD COLUMN renewal TEXT;
UPDATE integrations SET renewal = renewal_before;
ALTER TABLE integrations DROP COLUMN renewal_before;
-- The OAuth client, where the option uses one.
ALTER TABLE integrations ADD COLUMN oauth_client_id TEXT;
-- Where the tenant signs people in with Qlik accounts, as it was seen at the save.
ALTER TABLE integrations ADD COLUMN login_host TEXT;

ALTER TABLE staged_changes ADD COLUMN auth_option TEXT NOT NULL DEFAULT 'api_key'
    CHECK (auth_option IN ('api_key', 'credentials', 'oauth_users', 'oauth_everyone'));
ALTER TABLE staged_changes ADD COLUMN oauth_client_id TEXT;

-- OAuth clients that the settings in force, a staged change or the way back name.
CREATE TABLE oauth_clients (
    portal_id      TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    client_id      TEXT NOT NULL,
    -- NULL: a public client, which has none.
    sealed_secret  BLOB,
    -- The beginning of the secret's SHA-256; NULL where there is none.
    fingerprint    TEXT,
    set_at         INTEGER NOT NULL,
    PRIMARY KEY (portal_id, client_id)
) STRICT;

-- Users on their way to Qlik and back, to connect.
CREATE TABLE oauth_connects (
    -- SHA-256 of the random text that comes back with the browser.
    state_hash       BLOB PRIMARY KEY,
    portal_id        TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    user_id          TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tenant_host      TEXT NOT NULL,
    client_id        TEXT NOT NULL,
    -- The proof for the exchange of the code (PKCE).
    sealed_verifier  BLOB NOT NULL,
    begun_at         INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_connects_by_user ON oauth_connects (user_id);
CREATE INDEX oauth_connects_by_end ON oauth_connects (expires_at);

-- Users who connected: their refresh tokens, each good for one use.
CREATE TABLE oauth_grants (
    user_id         TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    portal_id       TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    tenant_host     TEXT NOT NULL,
    client_id       TEXT NOT NULL,
    -- 'refreshing' is stored before the token is sent: whoever finds it does not know
    -- whether it was used. 'lost': it ended without an answer. 'refused': Qlik takes
    -- the token no more. 'unused': the option, tenant or client is another one since.
    state           TEXT NOT NULL CHECK (state IN ('connected', 'refreshing', 'lost', 'refused', 'unused')),
    -- NULL once it can't be used, and where Qlik gave none.
    sealed_refresh  BLOB,
    qlik_user_id    TEXT NOT NULL,
    qlik_name       TEXT NOT NULL,
    connected_at    INTEGER NOT NULL,
    -- When tokens were last got.
    refreshed_at    INTEGER NOT NULL,
    -- When the access token that was got last ends.
    access_until    INTEGER NOT NULL,
    -- When 'refreshing' began, and whose it is.
    began_at        INTEGER,
    attempt         TEXT
) STRICT;
CREATE INDEX oauth_grants_by_portal ON oauth_grants (portal_id, state);

-- Tokens that are to be revoked at Qlik, until that is done.
CREATE TABLE oauth_revocations (
    id             TEXT PRIMARY KEY,
    portal_id      TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    tenant_host    TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    -- The client's secret as it was then, and the refresh token.
    sealed_secret  BLOB,
    sealed_token   BLOB NOT NULL,
    asked_at       INTEGER NOT NULL,
    next_try_at    INTEGER NOT NULL,
    tries          INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX oauth_revocations_due ON oauth_revocations (next_try_at);

-- What users registered of their Qlik accounts, and how the last sign-in ended.
CREATE TABLE qlik_credentials (
    user_id          TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    portal_id        TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    -- The account and the tenant for which it was registered.
    email            TEXT NOT NULL COLLATE NOCASE,
    tenant_host      TEXT NOT NULL,
    -- NULL where nothing worked yet, or what worked does no more: a password that was
    -- refused is not kept.
    sealed_password  BLOB,
    -- 'trying' is stored before a password may be sent: whoever finds it does not
    -- know how that ended. 'none': nothing is registered, and what counts of earlier
    -- tries is all that the row is for.
    state            TEXT NOT NULL CHECK (state IN ('none', 'works', 'trying', 'unclear', 'refused', 'mfa',
                         'blocked', 'too_many', 'account', 'not_member', 'other_user', 'sign_in_changed',
                         'unexpected', 'unused')),
    -- While trying: what it was before, where the password that is tried is not the
    -- one in this row.
    state_before     TEXT,
    -- Which of several things a state may mean, the host or page that was seen, or how the tenant refused.
    detail           TEXT,
    -- Argon2id of the password that was refused last: it is not sent again.
    refused_hash     TEXT,
    -- Tries since the last that worked in which the password was sent, or may have been.
    refusals         INTEGER NOT NULL DEFAULT 0,
    -- No try before: what Qlik asked for, or our own pause.
    hold_until       INTEGER,
    registered_at    INTEGER,
    -- The last sign-in that worked, and the last try.
    used_at          INTEGER,
    tried_at         INTEGER,
    -- Whose try is under way; NULL where none is. It stays where what is registered is
    -- removed meanwhile: never two at once for one user.
    attempt          TEXT
) STRICT;
CREATE INDEX qlik_credentials_by_portal ON qlik_credentials (portal_id);

-- When password sign-ins were begun, for the last minute of each portal.
CREATE TABLE password_logins (
    portal_id  TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    begun_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX password_logins_by_portal ON password_logins (portal_id, begun_at);

-- Hosts at which no password sign-in is begun for a time.
CREATE TABLE login_holds (
    host        TEXT PRIMARY KEY,
    hold_until  INTEGER NOT NULL
) STRICT;

-- Users whom an administrator asks to register or connect.
CREATE TABLE qlik_asks (
    user_id    TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    portal_id  TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    asked_by   TEXT REFERENCES users (id) ON DELETE SET NULL,
    asked_at   INTEGER NOT NULL
) STRICT;
