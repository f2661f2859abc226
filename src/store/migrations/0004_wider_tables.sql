-- Room for what a message and an account can be: files, sealed texts, tombstones;
-- roles, and people who wait for approval. Which kinds of messages there are is
-- a rule of the code, not of the table, so that a new kind rebuilds nothing.

CREATE TABLE users_wider (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid          BLOB NOT NULL UNIQUE,
    username      TEXT NOT NULL,
    username_key  TEXT NOT NULL UNIQUE,     -- lower case: names differ by more than case
    password_hash TEXT NOT NULL,
    display_name  TEXT,
    role          TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'moderator', 'admin')),
    status        TEXT NOT NULL DEFAULT 'active'
                  CHECK (status IN ('pending', 'active', 'rejected', 'suspended', 'deleted')),
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT;

INSERT INTO users_wider (id, uuid, username, username_key, password_hash, display_name, status, created_at_ms, updated_at_ms)
SELECT id, uuid, username, username_key, password_hash, display_name, status, created_at_ms, updated_at_ms FROM users;

DROP TABLE users;
ALTER TABLE users_wider RENAME TO users;

CREATE TABLE messages_wider (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid              BLOB NOT NULL,
    conversation_id   INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq               INTEGER NOT NULL,
    sender_id         INTEGER NOT NULL REFERENCES users (id),
    client_message_id TEXT,
    kind              TEXT NOT NULL,
    content           TEXT NOT NULL,        -- '' where the server knows no words
    call_outcome      TEXT,
    call_duration_s   INTEGER,
    silent            INTEGER NOT NULL,     -- 1: not counted as unread
    created_at_ms     INTEGER NOT NULL,
    envelope          TEXT,                 -- JSON of a text the server cannot read
    file_id           INTEGER,
    deleted_at_ms     INTEGER,              -- erased: only its place is left
    UNIQUE (conversation_id, seq)
) STRICT;

INSERT INTO messages_wider (id, uuid, conversation_id, seq, sender_id, client_message_id, kind, content,
                            call_outcome, call_duration_s, silent, created_at_ms)
SELECT id, uuid, conversation_id, seq, sender_id, client_message_id, kind, content,
       call_outcome, call_duration_s, silent, created_at_ms FROM messages;

DROP TABLE messages;
ALTER TABLE messages_wider RENAME TO messages;

-- In time order for clients that send UUIDv7: new keys land on the last page.
CREATE UNIQUE INDEX messages_by_client_id ON messages (client_message_id, sender_id)
    WHERE client_message_id IS NOT NULL;
