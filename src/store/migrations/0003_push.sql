-- Where browsers want to be woken, and how much a notification may show.

CREATE TABLE push_subscriptions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id    INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    endpoint      TEXT NOT NULL UNIQUE,
    p256dh        BLOB NOT NULL CHECK (length(p256dh) = 65),
    auth          BLOB NOT NULL CHECK (length(auth) = 16),
    lang          TEXT NOT NULL CHECK (lang IN ('fa', 'en')),
    created_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX push_subscriptions_by_user ON push_subscriptions (user_id);
CREATE INDEX push_subscriptions_by_session ON push_subscriptions (session_id);

-- However a session ends, nothing is pushed to its browser any more.
CREATE TRIGGER push_ends_with_its_session
AFTER UPDATE OF ended_at_ms ON sessions WHEN NEW.ended_at_ms IS NOT NULL
BEGIN
    DELETE FROM push_subscriptions WHERE session_id = NEW.id;
END;

-- People without a row have the default, 'name'.
CREATE TABLE push_settings (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    privacy TEXT NOT NULL CHECK (privacy IN ('full', 'name', 'neutral'))
) STRICT;
