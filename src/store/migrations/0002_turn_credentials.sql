-- The relay's static pairs, and what was taken back of people's credentials.
-- Times are unix milliseconds in UTC.

CREATE TABLE turn_static_pairs (
    name          TEXT PRIMARY KEY,
    realm         TEXT NOT NULL,        -- the key opens nothing in another one
    key           BLOB NOT NULL CHECK (length(key) = 16),  -- RFC 8489 9.2.2; no password is kept
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A person's time-limited credentials that expire by then are refused. No
-- reference: an account that is gone takes no credential of its own with it.
CREATE TABLE turn_revocations (
    user_id  INTEGER PRIMARY KEY,
    until_ms INTEGER NOT NULL
) STRICT;

-- What ended within the last hour is asked for at each start.
CREATE INDEX sessions_by_end ON sessions (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
