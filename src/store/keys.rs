//! The directory of device keys (rows E2, E5). The server hands them out and
//! opens nothing with them.

use payambar_signaling::ids::UserId;
use rusqlite::{Connection, Row, params};

use super::{Error, now};

/// Keys of one person; a further one takes the place of the one that was
/// published longest ago. A refusal instead would make a client write plain
/// text.
const EACH: u32 = 32;

/// A device's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The device.
    pub device_id: String,
    /// Which of its keys.
    pub key_id: String,
    /// What it is for.
    pub algorithm: String,
    /// The key.
    pub public_key: String,
}

/// A private key, wrapped by its device; any part may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backup {
    /// The wrapped key.
    pub enc_private_key: Option<String>,
    /// What it was wrapped with.
    pub enc_private_key_iv: Option<String>,
    /// How the wrapping key follows from a password.
    pub kdf_salt: Option<String>,
    /// See [`Self::kdf_salt`].
    pub kdf_iterations: Option<i64>,
    /// See [`Self::kdf_salt`].
    pub kdf_alg: Option<String>,
    /// Version of the scheme.
    pub key_wrap_version: Option<i64>,
}

/// Keeps a key, in place of one of the same name. A part of the backup that is
/// missing leaves the one that is kept; a revocation ends.
pub fn publish(
    connection: &Connection,
    user: UserId,
    key: &PublicKey,
    backup: &Backup,
) -> Result<(), Error> {
    // Later than all before, also when the clock stands still: the times are
    // an order.
    connection
        .prepare_cached(
            "INSERT INTO device_keys (user_id, device_id, key_id, algorithm, public_key, enc_private_key, enc_private_key_iv,
                                      kdf_salt, kdf_iterations, kdf_alg, key_wrap_version, created_at_ms, updated_at_ms)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, max(?12, ifnull(1 + max(updated_at_ms), 0))
             FROM device_keys WHERE user_id = ?1
             ON CONFLICT (user_id, device_id, key_id) DO UPDATE SET
                algorithm = excluded.algorithm, public_key = excluded.public_key,
                enc_private_key = ifnull(excluded.enc_private_key, enc_private_key),
                enc_private_key_iv = ifnull(excluded.enc_private_key_iv, enc_private_key_iv),
                kdf_salt = ifnull(excluded.kdf_salt, kdf_salt),
                kdf_iterations = ifnull(excluded.kdf_iterations, kdf_iterations),
                kdf_alg = ifnull(excluded.kdf_alg, kdf_alg),
                key_wrap_version = ifnull(excluded.key_wrap_version, key_wrap_version),
                updated_at_ms = excluded.updated_at_ms, revoked_at_ms = NULL",
        )?
        .execute(params![
            user.0,
            key.device_id,
            key.key_id,
            key.algorithm,
            key.public_key,
            backup.enc_private_key,
            backup.enc_private_key_iv,
            backup.kdf_salt,
            backup.kdf_iterations,
            backup.kdf_alg,
            backup.key_wrap_version,
            now().0,
        ])?;
    connection
        .prepare_cached(
            "DELETE FROM device_keys WHERE id IN
             (SELECT id FROM device_keys WHERE user_id = ?1 ORDER BY updated_at_ms DESC LIMIT -1 OFFSET ?2)",
        )?
        .execute(params![user.0, EACH])?;
    Ok(())
}

/// A person's keys for others, the newest first; none of somebody unknown.
pub fn of(connection: &Connection, user: UserId) -> Result<Vec<PublicKey>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT k.device_id, k.key_id, k.algorithm, k.public_key
         FROM device_keys k JOIN users u ON u.id = k.user_id
         WHERE k.user_id = ?1 AND k.revoked_at_ms IS NULL AND u.status <> 'deleted' ORDER BY k.id DESC",
    )?;
    let keys = statement.query_map([user.0], public)?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// A person's own keys with their backups, the one published last first.
pub fn own(connection: &Connection, user: UserId) -> Result<Vec<(PublicKey, Backup)>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT device_id, key_id, algorithm, public_key, enc_private_key, enc_private_key_iv,
                kdf_salt, kdf_iterations, kdf_alg, key_wrap_version
         FROM device_keys WHERE user_id = ?1 AND revoked_at_ms IS NULL ORDER BY updated_at_ms DESC",
    )?;
    let keys = statement.query_map([user.0], |row| {
        let backup = Backup {
            enc_private_key: row.get(4)?,
            enc_private_key_iv: row.get(5)?,
            kdf_salt: row.get(6)?,
            kdf_iterations: row.get(7)?,
            kdf_alg: row.get(8)?,
            key_wrap_version: row.get(9)?,
        };
        Ok((public(row)?, backup))
    })?;
    Ok(keys.collect::<Result<_, _>>()?)
}

fn public(row: &Row<'_>) -> rusqlite::Result<PublicKey> {
    Ok(PublicKey {
        device_id: row.get(0)?,
        key_id: row.get(1)?,
        algorithm: row.get(2)?,
        public_key: row.get(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::bench::{OMID, SARA, bench};

    fn key(device: &str) -> PublicKey {
        PublicKey {
            device_id: device.to_owned(),
            key_id: "k-1".to_owned(),
            algorithm: "ECDH-P256".to_owned(),
            public_key: "a public key".to_owned(),
        }
    }

    fn publish_all(db: &Connection, user: UserId, devices: &[&str]) {
        for device in devices {
            publish(db, user, &key(device), &Backup::default()).unwrap();
        }
    }

    fn devices(db: &Connection, user: UserId) -> Vec<String> {
        let keys = of(db, user).unwrap().into_iter();
        keys.map(|key| key.device_id).collect()
    }

    #[test]
    fn a_revoked_key_is_shown_to_nobody_until_it_is_published_again() {
        let db = bench();
        publish_all(&db, SARA, &["a", "b"]);
        db.execute(
            "UPDATE device_keys SET revoked_at_ms = 1 WHERE device_id = 'a'",
            [],
        )
        .unwrap();
        assert_eq!(devices(&db, SARA), ["b"]);
        assert_eq!(own(&db, SARA).unwrap().len(), 1);
        publish_all(&db, SARA, &["a"]);
        assert_eq!(devices(&db, SARA), ["b", "a"]);
    }

    #[test]
    fn the_33rd_key_takes_the_place_of_the_one_published_longest_ago() {
        let db = bench();
        publish_all(&db, OMID, &["his"]);
        let names: Vec<String> = (1..=33).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        publish_all(&db, SARA, &names[..32]);
        publish_all(&db, SARA, &["1", "33"]);
        let kept = devices(&db, SARA);
        assert_eq!(kept.len(), 32);
        assert!(kept.contains(&"1".to_owned()) && !kept.contains(&"2".to_owned()));
        assert_eq!(devices(&db, OMID), ["his"]);
    }

    #[test]
    fn keys_of_a_deleted_account_are_not_handed_out() {
        let db = bench();
        publish_all(&db, SARA, &["a"]);
        db.execute("UPDATE users SET status = 'deleted' WHERE id = 1", [])
            .unwrap();
        assert_eq!(devices(&db, SARA), [""; 0]);
    }
}
