//! The end that listens: lines in, lines out, several operators at a time, and
//! none of them can hold up another or the server.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::geteuid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::Desk;
use super::protocol::{Answer, MAX_REQUEST, Refusal, Request, path};

/// Operators at a time; one more is told to come again.
const CLIENTS: usize = 16;

/// A client has this long for one line, in each direction.
const LINE: Duration = Duration::from_secs(10);

/// Pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// A control socket that is bound and not served yet.
pub struct Listener {
    listener: UnixListener,
    file: SocketFile,
}

/// The socket in the file system; dropping it removes it.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(%error, "the control socket was not removed");
        }
    }
}

/// Makes the socket, for the owner alone. The caller holds the lock of the data
/// folder, so a socket that is there already was left behind.
///
/// # Errors
///
/// The path cannot be a socket's, or the system says no.
pub fn listen(data_dir: &Path) -> Result<Listener, String> {
    let path = path(data_dir)?;
    let explain =
        |error: io::Error| format!("cannot make the control socket {}: {error}", path.display());
    match fs::symlink_metadata(&path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(&path).map_err(explain)?,
        Ok(_) => {
            return Err(explain(io::Error::other(
                "there is a file of that name that is no socket; move it away",
            )));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(explain(error)),
    }
    let listener = UnixListener::bind(&path).map_err(explain)?;
    let file = SocketFile(path.clone());
    // The process makes nothing for others (umask), and nobody has to run this.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(explain)?;
    Ok(Listener { listener, file })
}

/// A control socket that is served.
pub struct Server {
    task: JoinHandle<()>,
    _file: SocketFile,
}

impl Server {
    /// Serves operators at this desk.
    pub fn start(Listener { listener, file }: Listener, desk: Desk) -> Self {
        Self {
            task: tokio::spawn(serve(listener, Arc::new(desk))),
            _file: file,
        }
    }

    /// Ends every connection and removes the socket.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn serve(listener: UnixListener, desk: Arc<Desk>) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    // Dropped with this task, which ends them.
    let mut clients = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of files or the like: it passes when others close.
                tracing::warn!(%error, "an operator's connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        while clients.try_join_next().is_some() {}
        let place = Arc::clone(&places).try_acquire_owned().ok();
        clients.spawn(attend(stream, place, Arc::clone(&desk)));
    }
}

async fn attend(stream: UnixStream, place: Option<OwnedSemaphorePermit>, desk: Arc<Desk>) {
    let peer = stream.peer_cred().map(|peer| peer.uid());
    let (from, mut to) = stream.into_split();
    let turned_away = match (peer, place.is_some()) {
        (Ok(peer), true) if is_operator(peer, geteuid().as_raw()) => None,
        (Ok(peer), false) if is_operator(peer, geteuid().as_raw()) => Some(Refusal::new(
            "busy",
            "too many commands at a time; try again in a moment",
        )),
        (Ok(_) | Err(_), _) => Some(Refusal::new(
            "forbidden",
            "only root and the server's own user may do this",
        )),
    };
    if let Some(refusal) = turned_away {
        let _ = say(&mut to, Err(refusal)).await;
        return;
    }
    let mut from = BufReader::new(from);
    loop {
        let answer = match timeout(LINE, line(&mut from)).await {
            Ok(Ok(Some(line))) => match serde_json::from_slice::<Request>(&line) {
                Ok(request) => desk.answer(request).await,
                Err(error) => Err(Refusal::new("bad_request", error.to_string())),
            },
            // The rest of a line that is too long would be taken for the next.
            Ok(Err(refusal)) => {
                let _ = say(&mut to, Err(refusal)).await;
                return;
            }
            Ok(Ok(None)) | Err(_) => return,
        };
        if say(&mut to, answer).await.is_err() {
            return;
        }
    }
}

fn is_operator(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

/// The next line; none at the end, or when the other side is gone.
async fn line(from: &mut BufReader<OwnedReadHalf>) -> Result<Option<Vec<u8>>, Refusal> {
    let mut line = Vec::new();
    let limit = u64::try_from(MAX_REQUEST).unwrap_or(u64::MAX);
    let read = from.take(limit).read_until(b'\n', &mut line).await;
    match read {
        Ok(_) if line.ends_with(b"\n") => Ok(Some(line)),
        Ok(length) if length >= MAX_REQUEST => Err(Refusal::new(
            "too_long",
            format!("a request may have {MAX_REQUEST} bytes"),
        )),
        Ok(_) | Err(_) => Ok(None),
    }
}

async fn say(
    to: &mut OwnedWriteHalf,
    answer: Result<serde_json::Value, Refusal>,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Answer::from(answer))?;
    line.push(b'\n');
    timeout(LINE, to.write_all(&line)).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_and_the_own_user_are_operators() {
        assert!(is_operator(1000, 1000));
        assert!(is_operator(0, 1000));
        assert!(!is_operator(1001, 1000));
        assert!(!is_operator(1000, 0));
    }

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_another_file_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path()).unwrap();
        drop(UnixListener::bind(&path).unwrap());
        let again = listen(dir.path()).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(again);
        assert!(!path.exists());
        fs::write(&path, "mine").unwrap();
        let refused = listen(dir.path()).err().unwrap();
        assert!(refused.contains("no socket"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
