//! Who may work on a data folder: one server, or any number of commands that
//! do without one. A lock is held until what is returned is dropped.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

const FILE: &str = "server.lock";

/// A command may hold the lock for as long as one change takes.
const PATIENCE: Duration = Duration::from_secs(2);

/// The server's hold: there is no other server and no command at work.
#[expect(dead_code, reason = "holding the file is what it is for")]
pub struct Exclusive(File);

/// A command's hold: no server is there, and none can start.
#[expect(dead_code, reason = "holding the file is what it is for")]
pub struct Shared(File);

/// Keeps a second server away from the same data: two of them would each take
/// the other's people for offline.
///
/// # Errors
///
/// Another server holds it, or the file cannot be made.
pub async fn exclusive(data_dir: &Path) -> Result<Exclusive, String> {
    let path = data_dir.join(FILE);
    let explain = |error: &dyn std::fmt::Display| {
        let (data_dir, path) = (data_dir.display(), path.display());
        format!(
            "cannot lock {path} ({error}): is another server running on {data_dir}? Stop it, or set DATA_DIR"
        )
    };
    let file = File::create(&path).map_err(|error| explain(&error))?;
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Exclusive(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(explain(&error)),
        }
    }
}

/// Keeps servers away, beside other commands. None: a server is there.
///
/// # Errors
///
/// The file cannot be made.
pub fn shared(data_dir: &Path) -> io::Result<Option<Shared>> {
    crate::secrets::private_dir(data_dir)?;
    let file = File::create(data_dir.join(FILE))?;
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(Shared(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a server is there. Makes nothing.
pub fn is_held(data_dir: &Path) -> bool {
    let Ok(file) = File::open(data_dir.join(FILE)) else {
        return false;
    };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_keeps_commands_away_and_commands_keep_servers_away() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_held(dir.path()));
        let commands = [shared(dir.path()).unwrap(), shared(dir.path()).unwrap()];
        assert!(commands.iter().all(Option::is_some));
        assert!(!is_held(dir.path()));
        assert!(exclusive(dir.path()).await.is_err());
        drop(commands);
        let server = exclusive(dir.path()).await.unwrap();
        assert!(is_held(dir.path()));
        assert!(shared(dir.path()).unwrap().is_none());
        drop(server);
        assert!(!is_held(dir.path()));
    }
}
