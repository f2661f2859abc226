-- What was done about accounts, by whom and from where. Nothing here refers to
-- an account: what somebody did stays when they are gone.

CREATE TABLE audit (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms          INTEGER NOT NULL,
    actor_id       INTEGER,          -- of a person
    actor          TEXT NOT NULL,    -- the person's name, 'cli', or '' for nobody known
    action         TEXT NOT NULL,
    target         TEXT NOT NULL,    -- whom or what it was done to
    address        TEXT NOT NULL,    -- '' for what was done on the host
    correlation_id TEXT NOT NULL     -- of the request, as in the log
) STRICT;

CREATE INDEX audit_by_time ON audit (at_ms);
