-- People, their sessions, their conversations and what they wrote.
-- Times are unix milliseconds in UTC; order is seq, never the clock.

CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid          BLOB NOT NULL UNIQUE,
    username      TEXT NOT NULL,
    username_key  TEXT NOT NULL UNIQUE,     -- lower case: names differ by more than case
    password_hash TEXT NOT NULL,
    display_name  TEXT,
    status        TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    sid           TEXT NOT NULL UNIQUE,     -- 128 random bits in hex, the token's claim
    user_id       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent    TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    used_at_ms    INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    ended_at_ms   INTEGER
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE conversations (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid               BLOB NOT NULL UNIQUE,
    kind               TEXT NOT NULL CHECK (kind IN ('pair')),
    pair_low           INTEGER REFERENCES users (id),   -- the smaller user id of a pair
    pair_high          INTEGER REFERENCES users (id),
    last_seq           INTEGER NOT NULL,
    last_message_at_ms INTEGER NOT NULL,
    created_at_ms      INTEGER NOT NULL,
    CHECK (kind <> 'pair' OR pair_low < pair_high),
    UNIQUE (pair_low, pair_high)
) STRICT;

CREATE TABLE members (
    user_id         INTEGER NOT NULL REFERENCES users (id),
    conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    role            TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    joined_at_ms    INTEGER NOT NULL,
    recv_seq        INTEGER NOT NULL DEFAULT 0,     -- watermarks: everything up to here
    recv_at_ms      INTEGER NOT NULL DEFAULT 0,
    read_seq        INTEGER NOT NULL DEFAULT 0,
    read_at_ms      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, conversation_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_conversation ON members (conversation_id);

CREATE TABLE messages (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid              BLOB NOT NULL,
    conversation_id   INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq               INTEGER NOT NULL,
    sender_id         INTEGER NOT NULL REFERENCES users (id),
    client_message_id TEXT,
    kind              TEXT NOT NULL CHECK (kind IN ('text', 'call')),
    content           TEXT NOT NULL,
    call_outcome      TEXT,
    call_duration_s   INTEGER,
    silent            INTEGER NOT NULL,     -- 1: not counted as unread
    created_at_ms     INTEGER NOT NULL,
    UNIQUE (conversation_id, seq)
) STRICT;

-- In time order for clients that send UUIDv7: new keys land on the last page.
CREATE UNIQUE INDEX messages_by_client_id ON messages (client_message_id, sender_id)
    WHERE client_message_id IS NOT NULL;
