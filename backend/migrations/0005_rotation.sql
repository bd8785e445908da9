-- When the certificate of a signing key ends. All that were made so far are
-- valid for five years.
ALTER TABLE signing_identities ADD COLUMN not_after INTEGER NOT NULL DEFAULT 0;
UPDATE signing_identities SET not_after = created_at + 5 * 365 * 86400;

-- The replacement of a portal's signing key: at most one, and how the last one
-- ended. Whoever advances it holds the lease of the portal's integration.
CREATE TABLE rotations (
    portal_id       TEXT PRIMARY KEY REFERENCES portals (id) ON DELETE CASCADE,
    -- Where it stands: the JSON of backend::rotation::State.
    state           TEXT NOT NULL,
    -- When the machine has something to do next; NULL where a person is needed.
    next_action_at  INTEGER,
    -- Guards every change of this row.
    version         INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX rotations_due ON rotations (next_action_at) WHERE next_action_at IS NOT NULL;
