-- What people are found by: every piece of one, two and three letters of their
-- names, folded, and '' for everybody. The code cuts the pieces.

ALTER TABLE users ADD COLUMN findable INTEGER NOT NULL DEFAULT 1 CHECK (findable IN (0, 1));

CREATE TABLE people_grams (
    listed       INTEGER NOT NULL CHECK (listed IN (0, 1)),  -- 0: only the whole name finds them
    gram         TEXT NOT NULL,
    username_key TEXT NOT NULL,     -- answers come in this order
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (listed, gram, username_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX people_grams_by_user ON people_grams (user_id);

-- However an account is shut or opened again, it leaves the search and returns.
CREATE TRIGGER people_are_listed
AFTER UPDATE OF status, findable ON users
WHEN (OLD.status = 'active' AND OLD.findable = 1) <> (NEW.status = 'active' AND NEW.findable = 1)
BEGIN
    UPDATE people_grams SET listed = (NEW.status = 'active' AND NEW.findable = 1) WHERE user_id = NEW.id;
END;

-- One row: under which rules of folding the pieces were cut.
CREATE TABLE people_fold (
    version INTEGER NOT NULL
) STRICT;
