-- What an e-mail is compared by: qlik::email_key, which SQL can't compute. Rows of
-- before are filled at the next start. Of accounts that turn out to have one key the
-- older has it; behind that of the others stand a line feed and their id, and they
-- are found by their e-mail as it stands.
ALTER TABLE users ADD COLUMN email_key TEXT;
CREATE UNIQUE INDEX users_by_email_key ON users (portal_id, email_key);

-- The same of Qlik's users. Of a comparison under way what SQL can compute.
ALTER TABLE matching_seen ADD COLUMN email_key TEXT;
ALTER TABLE matching_seen ADD COLUMN subject_key TEXT;
UPDATE matching_seen SET email_key = lower(email), subject_key = lower(subject);
DROP INDEX matching_seen_by_email;
DROP INDEX matching_seen_by_subject;
CREATE INDEX matching_seen_by_email ON matching_seen (run_id, email_key);
CREATE INDEX matching_seen_by_subject ON matching_seen (run_id, subject_key);

-- Who did it, by what nobody can change about themselves. E-mails never change, so
-- those of accounts that are still there are known.
ALTER TABLE audit ADD COLUMN actor_email TEXT;
UPDATE audit SET actor_email = (SELECT email FROM users WHERE users.id = audit.actor_id);

-- How often an e-mail was tried from browsers that its account does not know. An
-- e-mail, whether anybody has it or not, is counted in three of a fixed number of
-- cells; the least of the three counts.
CREATE TABLE sign_in_cells (
    cell      INTEGER PRIMARY KEY,
    failures  INTEGER NOT NULL,
    last_at   INTEGER NOT NULL
) STRICT;

-- Sign-ins to an account that were refused: what its owner was not told yet, and what
-- the audit's row of this day says.
CREATE TABLE sign_in_refusals (
    user_id   TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tells     TEXT NOT NULL CHECK (tells IN ('owner', 'audit')),
    tries     INTEGER NOT NULL,
    first_at  INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    -- Four bytes of a hash for each place, of so many that are told apart.
    places    BLOB NOT NULL,
    audit_id  INTEGER,
    PRIMARY KEY (user_id, tells)
) STRICT, WITHOUT ROWID;

-- Refused sign-ins to e-mails that nobody has: one row of a portal.
CREATE TABLE sign_in_strangers (
    portal_id  TEXT PRIMARY KEY REFERENCES portals (id) ON DELETE CASCADE,
    tries      INTEGER NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
