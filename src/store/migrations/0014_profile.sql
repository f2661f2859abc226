-- What people say about themselves, and the language they want.
ALTER TABLE users ADD COLUMN bio TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN language TEXT CHECK (language IN ('fa', 'en'));
