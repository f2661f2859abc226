-- Accounts that were deleted, and up to where their words are erased.
CREATE TABLE account_erasures (
    user_id         INTEGER PRIMARY KEY REFERENCES users (id),
    conversation_id INTEGER NOT NULL DEFAULT 0,
    seq             INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Whether one is the last of them is asked before one goes.
CREATE INDEX users_admins ON users (role) WHERE role = 'admin';
