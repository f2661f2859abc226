-- Addresses of people: one that is proved to be theirs, and one that waits for it.
CREATE TABLE emails (
    user_id  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    proved   INTEGER NOT NULL CHECK (proved IN (0, 1)),
    address  TEXT NOT NULL,
    key      TEXT NOT NULL,          -- lower case: one mailbox, one account
    PRIMARY KEY (user_id, proved)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX emails_proved ON emails (key) WHERE proved = 1;

-- Codes that were mailed. Of each kind a person has one: a newer takes its place.
CREATE TABLE mail_codes (
    user_id       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL,
    hash          BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),   -- SHA-256; the code itself is nowhere
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;

-- Mails that are not handed over yet. What they say is made when they are.
CREATE TABLE mails (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id       INTEGER REFERENCES users (id) ON DELETE CASCADE,  -- whose account they are about
    kind          TEXT NOT NULL,
    address       TEXT NOT NULL,
    language      TEXT NOT NULL CHECK (language IN ('fa', 'en')),
    salt          BLOB CHECK (length(salt) = 32),   -- makes the code, with a key that is not in this file
    attempts      INTEGER NOT NULL DEFAULT 0,
    created_at_ms INTEGER NOT NULL,
    next_at_ms    INTEGER NOT NULL,
    until_ms      INTEGER NOT NULL
) STRICT;

CREATE INDEX mails_due ON mails (next_at_ms);
CREATE INDEX mails_by_user ON mails (user_id);
