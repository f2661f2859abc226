-- Conversations of more than two people, and a word for those that are erased:
-- a pair without its people could no longer be told from a group.

CREATE TABLE conversations_wider (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid               BLOB NOT NULL UNIQUE,
    kind               TEXT NOT NULL CHECK (kind IN ('pair', 'group', 'gone')),
    pair_low           INTEGER REFERENCES users (id),   -- the smaller user id of a pair
    pair_high          INTEGER REFERENCES users (id),
    last_seq           INTEGER NOT NULL,
    last_message_at_ms INTEGER NOT NULL,
    created_at_ms      INTEGER NOT NULL,
    low_wrote          INTEGER NOT NULL DEFAULT 0,
    high_wrote         INTEGER NOT NULL DEFAULT 0,
    name               TEXT,                            -- of a group
    join_code          TEXT,                            -- of a group with a link: 128 random bits in hex
    CHECK ((kind = 'pair') = (pair_low IS NOT NULL)),
    CHECK (kind <> 'pair' OR pair_low < pair_high),
    CHECK ((kind = 'group') = (name IS NOT NULL)),
    UNIQUE (pair_low, pair_high)
) STRICT;

INSERT INTO conversations_wider (id, uuid, kind, pair_low, pair_high, last_seq, last_message_at_ms, created_at_ms,
                                 low_wrote, high_wrote)
SELECT id, uuid, CASE WHEN pair_low IS NULL THEN 'gone' ELSE kind END, pair_low, pair_high, last_seq,
       last_message_at_ms, created_at_ms, low_wrote, high_wrote FROM conversations;

-- The id of a conversation that was deleted is not given again.
DELETE FROM sqlite_sequence WHERE name = 'conversations_wider';
INSERT INTO sqlite_sequence (name, seq) SELECT 'conversations_wider', seq FROM sqlite_sequence WHERE name = 'conversations';

DROP TABLE conversations;
ALTER TABLE conversations_wider RENAME TO conversations;

CREATE INDEX conversations_gone ON conversations (id) WHERE kind = 'gone';
CREATE UNIQUE INDEX conversations_by_code ON conversations (join_code) WHERE join_code IS NOT NULL;

-- Groups that people were in: what they wrote there is erased with their account.
CREATE TABLE past_members (
    user_id         INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, conversation_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX past_members_by_conversation ON past_members (conversation_id);
