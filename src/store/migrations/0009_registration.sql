-- Since when and why an account is what it is, and codes that let somebody in.

ALTER TABLE users ADD COLUMN state_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN state_since_ms INTEGER NOT NULL DEFAULT 0;

-- Those who were not let in are looked for every hour.
CREATE INDEX users_outside ON users (state_since_ms) WHERE status IN ('pending', 'rejected');

CREATE TABLE invites (
    code          TEXT PRIMARY KEY,
    max_uses      INTEGER NOT NULL CHECK (max_uses > 0),
    uses          INTEGER NOT NULL DEFAULT 0 CHECK (uses <= max_uses),
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;
