-- Who wants nothing to do with whom, and whose calls people take.

CREATE TABLE blocks (
    blocker_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id),
    CHECK (blocker_id <> blocked_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX blocks_by_blocked ON blocks (blocked_id);

ALTER TABLE users ADD COLUMN calls_from TEXT NOT NULL DEFAULT 'everyone'
    CHECK (calls_from IN ('everyone', 'contacts', 'nobody'));

-- Whether each of a pair has ever written to the other: kept in the row that
-- every message changes anyway.
ALTER TABLE conversations ADD COLUMN low_wrote INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN high_wrote INTEGER NOT NULL DEFAULT 0;

UPDATE conversations SET
    low_wrote = EXISTS (SELECT 1 FROM messages m
        WHERE m.conversation_id = conversations.id AND m.sender_id = pair_low AND m.kind <> 'call'),
    high_wrote = EXISTS (SELECT 1 FROM messages m
        WHERE m.conversation_id = conversations.id AND m.sender_id = pair_high AND m.kind <> 'call');
