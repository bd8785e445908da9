-- When the connection is examined next, by itself.
ALTER TABLE integrations ADD COLUMN probe_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX integrations_probe ON integrations (probe_at);
