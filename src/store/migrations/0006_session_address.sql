-- Where a session was last used from, for the person's list of devices.
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
