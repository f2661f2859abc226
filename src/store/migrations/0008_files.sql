-- Files of messages and pictures of people, and the bytes behind them. The same
-- bytes lie on disk once, however many files have them; nobody is told.

CREATE TABLE blobs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE,        -- on disk: 128 random bits in hex
    sha256     BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    UNIQUE (sha256, size_bytes)
) STRICT;

-- Bytes that nothing refers to any more, until they are removed from the disk.
CREATE TABLE dead_blobs (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE files (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id     BLOB NOT NULL UNIQUE,     -- 128 random bits
    owner_id      INTEGER NOT NULL REFERENCES users (id),
    purpose       TEXT NOT NULL CHECK (purpose IN ('message', 'avatar')),
    state         TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'infected', 'error')),
    blob_id       INTEGER NOT NULL REFERENCES blobs (id),
    thumb_id      INTEGER REFERENCES blobs (id),
    name          TEXT NOT NULL,            -- to show, never a path
    content_type  TEXT NOT NULL,            -- as found in the bytes
    size_bytes    INTEGER NOT NULL,
    width         INTEGER,
    height        INTEGER,
    duration_ms   INTEGER,                  -- of a voice message, as its client says
    waveform      TEXT,                     -- base64
    created_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX files_by_owner ON files (owner_id, size_bytes);
CREATE INDEX files_by_blob ON files (blob_id);
CREATE INDEX files_by_thumb ON files (thumb_id) WHERE thumb_id IS NOT NULL;
CREATE INDEX messages_by_file ON messages (file_id) WHERE file_id IS NOT NULL;

ALTER TABLE users ADD COLUMN avatar_id INTEGER;  -- of files
