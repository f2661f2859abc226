-- What one person does not want to see any more, while the other one may.

CREATE TABLE hidden_messages (
    user_id         INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    conversation_id INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    PRIMARY KEY (user_id, conversation_id, seq)
) STRICT, WITHOUT ROWID;

-- Everything up to here is hidden for this member; -1: nothing, and also an
-- empty conversation is listed.
ALTER TABLE members ADD COLUMN cleared_seq INTEGER NOT NULL DEFAULT -1;
