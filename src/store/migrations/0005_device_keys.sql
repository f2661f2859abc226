-- Public keys of people's devices, and the private ones as a device wrapped
-- them with a password for the person's next device. Nothing here opens a text.

CREATE TABLE device_keys (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id            INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device_id          TEXT NOT NULL,
    key_id             TEXT NOT NULL,
    algorithm          TEXT NOT NULL,
    public_key         TEXT NOT NULL,
    enc_private_key    TEXT,
    enc_private_key_iv TEXT,
    kdf_salt           TEXT,
    kdf_iterations     INTEGER,
    kdf_alg            TEXT,
    key_wrap_version   INTEGER,
    created_at_ms      INTEGER NOT NULL,
    updated_at_ms      INTEGER NOT NULL,
    revoked_at_ms      INTEGER,
    UNIQUE (user_id, device_id, key_id)
) STRICT;
