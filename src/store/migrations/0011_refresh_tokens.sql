-- What renews the short-lived tokens of a session. Each works once; those that
-- were used stay, so that a second use is noticed.

CREATE TABLE refresh_tokens (
    hash       BLOB PRIMARY KEY CHECK (length(hash) = 32),   -- SHA-256; the token itself is nowhere
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    used_at_ms INTEGER,
    address    TEXT NOT NULL DEFAULT '',     -- who used it
    user_agent TEXT NOT NULL DEFAULT '',
    salt       BLOB CHECK (length(salt) = 32)   -- makes the next one of it; only while that is not used
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
