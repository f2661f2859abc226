//! The end that asks: finds out whether a server runs on the data folder, and
//! asks it, or does the work itself while none can start.

use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Desk;
use super::protocol::{Answer, Refusal, Request, path};
use crate::config::Config;
use crate::lock;

/// The longest answer: every relay port with an allocation fits in.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a server may take from its lock to its socket, and back.
const BETWEEN: Duration = Duration::from_secs(10);

/// Who works on a data folder.
enum Found {
    /// A server, which can be asked.
    Server(UnixStream),
    /// Nobody, and nobody can begin to while this is held.
    Nobody(lock::Shared),
}

/// Has `request` done by the running server, or by the desk that `open` makes.
///
/// # Errors
///
/// Why it was not done, as a sentence for the operator.
pub fn ask(
    config: &Config,
    request: Request,
    open: impl FnOnce(&Config) -> Result<Desk, Box<dyn Error>>,
) -> Result<Value, Box<dyn Error>> {
    match find(&config.data_dir, request.needs_server())? {
        Found::Server(stream) => exchange(&stream, &request),
        Found::Nobody(_lock) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let desk = open(config)?;
            let answer = runtime.block_on(desk.answer(request));
            desk.store.close();
            Ok(answer?)
        }
    }
}

fn find(data_dir: &Path, needs_server: bool) -> Result<Found, Box<dyn Error>> {
    let path = path(data_dir)?;
    let end = Instant::now() + BETWEEN;
    loop {
        match UnixStream::connect(&path) {
            Ok(stream) => return Ok(Found::Server(stream)),
            Err(error) if is_nobodys(&error) => {}
            Err(error) => {
                let path = path.display();
                return Err(format!(
                    "{path}: {error}; run this as root or as the server's own user"
                )
                .into());
            }
        }
        // With its lock held, a server is between start and socket, or between
        // socket and end.
        if needs_server {
            if !lock::is_held(data_dir) {
                let folder = data_dir.display();
                return Err(format!(
                    "no server is running on {folder}; if one is elsewhere, set DATA_DIR"
                )
                .into());
            }
        } else if let Some(lock) = lock::shared(data_dir)? {
            return Ok(Found::Nobody(lock));
        }
        if Instant::now() >= end {
            return Err("a server is starting or stopping and cannot be asked; try again".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether there is no socket, or one that nobody serves.
fn is_nobodys(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused].contains(&error.kind())
}

fn exchange(mut stream: &UnixStream, request: &Request) -> Result<Value, Box<dyn Error>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    // Who is turned away may find the door shut and the reason on the mat.
    let sent = stream.write_all(&line);
    let mut answer = String::new();
    let read = BufReader::new(stream.take(MAX_ANSWER)).read_line(&mut answer);
    let is_whole = matches!(read, Ok(length) if length > 0) && answer.ends_with('\n');
    if !is_whole {
        let cause = sent.and(read.map(drop)).err();
        let cause = cause.map_or_else(String::new, |error| format!(" ({error})"));
        return Err(format!("the server did not answer{cause}").into());
    }
    match serde_json::from_str(&answer)? {
        Answer::Ok(value) => Ok(value),
        Answer::Error(refusal) => Err(Box::<Refusal>::new(refusal)),
    }
}
