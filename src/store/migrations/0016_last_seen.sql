-- When a person was last there, and whether they say so.
ALTER TABLE users ADD COLUMN last_seen_ms INTEGER;
ALTER TABLE users ADD COLUMN show_last_seen INTEGER NOT NULL DEFAULT 1 CHECK (show_last_seen IN (0, 1));
