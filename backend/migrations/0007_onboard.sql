-- Setting a connection up with one key: what was planned, how far it is, and the
-- key until it ends.
CREATE TABLE onboardings (
    portal_id    TEXT PRIMARY KEY REFERENCES portals (id) ON DELETE CASCADE,
    -- A new one for each plan: what was confirmed is what was seen.
    id           TEXT NOT NULL,
    -- NULL: who asked is gone from the portal; what was made is then undone.
    asked_by     TEXT REFERENCES users (id) ON DELETE SET NULL,
    -- The JSON of backend::onboard::Progress.
    progress     TEXT NOT NULL,
    -- NULL once it ended: nothing of the key is kept here then.
    sealed_key   BLOB,
    -- When to go on; NULL: nothing to do until a person acts.
    next_at      INTEGER,
    -- A plan that nobody confirms is forgotten.
    expires_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL DEFAULT 1,
    lease_until  INTEGER
) STRICT;
CREATE INDEX onboardings_due ON onboardings (next_at) WHERE next_at IS NOT NULL;

-- What this portal made of web integrations at Qlik, and so may remove there. The
-- identity provider that it made stands with its signing identity.
CREATE TABLE made_at_qlik (
    portal_id  TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
    tenant_id  TEXT NOT NULL,
    -- A whole one, or this portal's origin in one of somebody else's.
    kind       TEXT NOT NULL CHECK (kind IN ('web_integration', 'origin')),
    object_id  TEXT NOT NULL,
    name       TEXT NOT NULL,
    made_at    INTEGER NOT NULL,
    PRIMARY KEY (portal_id, object_id)
) STRICT;
