-- The names of the Qlik tenant beside the one in use, as a JSON list: permanent one and
-- aliases, as the tenant told them last.
ALTER TABLE integrations ADD COLUMN other_hosts TEXT NOT NULL DEFAULT '[]';
-- The name that was entered and that Qlik has no tenant under any more, and since when
-- the permanent one is used in its place.
ALTER TABLE integrations ADD COLUMN former_host TEXT;
ALTER TABLE integrations ADD COLUMN moved_at INTEGER;

-- A Qlik session that a check opened while the key was good: where Qlik refuses the key
-- later, its owner is looked up with it.
CREATE TABLE key_eyes (
    portal_id  TEXT PRIMARY KEY REFERENCES integrations (portal_id) ON DELETE CASCADE,
    tenant_id  TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    -- When Qlik took it last.
    used_at    INTEGER NOT NULL
) STRICT;

-- When the key in use was last seen to work. Long ago, and the database was not at work
-- since: it may be a backup that was restored.
ALTER TABLE integrations ADD COLUMN key_seen_at INTEGER;
