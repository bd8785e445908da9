-- Users whose sign-in a login host refused as one too many, lately: at one user's
-- word a host is held for a minute, at a second one's for as long as it asks.
CREATE TABLE login_signs (
    host     TEXT NOT NULL,
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    seen_at  INTEGER NOT NULL,
    PRIMARY KEY (host, user_id)
) STRICT, WITHOUT ROWID;
