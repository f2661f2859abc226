//! Secrets nobody set: made once, kept in the data folder for the owner alone.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use payambar_media::TlsIdentity;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::config::{Config, Redacted};
use crate::push::Pair;

/// Makes a folder (0700) with its parents.
///
/// # Errors
///
/// The system's, naming the folder.
pub fn private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot make the folder {}: {error}", path.display()),
            )
        })
}

/// Reads the secret `name` from the data folder, making it (32 random bytes in
/// hex, file mode 0600) the first time.
///
/// # Errors
///
/// The file cannot be read or written, or is too short to be one of ours.
pub fn load_or_make(data_dir: &Path, name: &str) -> io::Result<Redacted<String>> {
    let kind = Kind {
        name,
        is_good: |text| text.len() >= 32,
        complaint: "is shorter than 32 bytes; remove the file to have a new one made",
        make: random_hex::<32>,
    };
    keep(data_dir, &kind)
}

/// Reads the key pair of Web Push from the data folder, making it the first
/// time. Browsers subscribe to its public half: with another pair none of
/// them would be reached.
///
/// # Errors
///
/// The file cannot be read or written, or holds no pair.
pub fn load_or_make_pair(data_dir: &Path) -> io::Result<Redacted<String>> {
    let kind = Kind {
        name: "vapid",
        is_good: |text| Pair::from_document(text).is_some(),
        complaint: "holds no key pair; restore it, or remove the file to have a new one made, after which every browser has to subscribe again",
        make: Pair::make,
    };
    keep(data_dir, &kind)
}

/// Reads the certificate and its key that the relay shows in development from
/// the data folder, making them the first time.
///
/// # Errors
///
/// The file cannot be read or written, or holds no pair.
pub fn load_or_make_certificate(data_dir: &Path) -> io::Result<Redacted<String>> {
    let kind = Kind {
        name: "tls",
        is_good: |text| TlsIdentity::from_pem(text.as_bytes(), text.as_bytes()).is_ok(),
        complaint: "holds no certificate with its key; remove the file to have a new one made",
        make: make_certificate,
    };
    keep(data_dir, &kind)
}

fn make_certificate() -> io::Result<String> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let pem = made.cert.pem() + &made.signing_key.serialize_pem();
    Ok(pem.trim_end().to_owned())
}

/// One secret: how to tell a good one, and how to make it.
struct Kind<'a> {
    name: &'a str,
    is_good: fn(&str) -> bool,
    complaint: &'static str,
    make: fn() -> io::Result<String>,
}

fn keep(data_dir: &Path, kind: &Kind<'_>) -> io::Result<Redacted<String>> {
    let name = kind.name;
    let folder = data_dir.join("secrets");
    private_dir(&folder)?;
    let path = folder.join(name);
    let explain = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("the secret {}: {error}", path.display()),
        )
    };
    match fs::read_to_string(&path) {
        Ok(text) if (kind.is_good)(text.trim()) => Ok(Redacted::new(text.trim().to_owned())),
        Ok(_) => Err(explain(io::Error::other(kind.complaint))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = (kind.make)().map_err(explain)?;
            // Written aside and linked into place: two processes that start at
            // the same moment end up with the same secret, and never half of one.
            let draft = folder.join(format!("{name}.{}", random_hex::<8>().map_err(explain)?));
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&draft)
                .map_err(explain)?;
            file.write_all(secret.as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(explain)?;
            let linked = fs::hard_link(&draft, &path);
            fs::remove_file(&draft).map_err(explain)?;
            match linked {
                Ok(()) => Ok(Redacted::new(secret)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => keep(data_dir, kind),
                Err(error) => Err(explain(error)),
            }
        }
        Err(error) => Err(explain(error)),
    }
}

/// What time-limited TURN credentials are made with: set by the operator, else
/// ours.
///
/// # Errors
///
/// As [`load_or_make`].
pub fn turn(config: &Config) -> io::Result<Redacted<String>> {
    let set = config.turn.as_ref().and_then(|turn| turn.secret.clone());
    set.map_or_else(|| load_or_make(&config.data_dir, "turn"), Ok)
}

/// Letters and digits that are hard to take for one another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// `N` of them, with 5 random bits each, for what people read and type.
///
/// # Errors
///
/// The system has no randomness to give.
pub fn random_letters<const N: usize>() -> io::Result<String> {
    Ok(letters(&random::<N>()?))
}

/// One of them for each byte.
pub fn letters<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> String {
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied();
    let letters = bytes.into_iter().filter_map(letter);
    letters.map(char::from).collect()
}

/// Whether the relay's secret was made here before.
pub fn has_turn(config: &Config) -> bool {
    config.data_dir.join("secrets").join("turn").exists()
}

/// `N` bytes from the system's generator, in hex.
///
/// # Errors
///
/// The system has no randomness to give.
pub fn random_hex<const N: usize>() -> io::Result<String> {
    let bytes = random::<N>()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `N` bytes from the system's generator.
///
/// # Errors
///
/// The system has no randomness to give.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("no random bytes from the system"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_made_once_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let first = load_or_make(dir.path(), "jwt").unwrap();
        assert_eq!(first.expose().len(), 64);
        assert_eq!(load_or_make(dir.path(), "jwt").unwrap(), first);
        assert_ne!(load_or_make(dir.path(), "turn").unwrap(), first);
        let mode = |path: &str| {
            fs::metadata(dir.path().join(path))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!((mode("secrets"), mode("secrets/jwt")), (0o700, 0o600));
        assert_eq!(fs::read_dir(dir.path().join("secrets")).unwrap().count(), 2);
    }

    #[test]
    fn the_pair_of_web_push_is_made_once_and_a_damaged_one_stops_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let first = load_or_make_pair(dir.path()).unwrap();
        assert_eq!(load_or_make_pair(dir.path()).unwrap(), first);
        fs::write(dir.path().join("secrets/vapid"), "x".repeat(184)).unwrap();
        let error = load_or_make_pair(dir.path()).unwrap_err().to_string();
        assert!(error.contains("secrets/vapid"), "{error}");
    }

    #[test]
    fn the_certificate_of_the_relay_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = load_or_make_certificate(dir.path()).unwrap();
        assert_eq!(load_or_make_certificate(dir.path()).unwrap(), first);
        let mode = fs::metadata(dir.path().join("secrets/tls")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        fs::write(dir.path().join("secrets/tls"), "x".repeat(184)).unwrap();
        let error = load_or_make_certificate(dir.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("secrets/tls"), "{error}");
    }

    #[test]
    fn a_damaged_secret_stops_the_start_with_words() {
        let dir = tempfile::tempdir().unwrap();
        private_dir(&dir.path().join("secrets")).unwrap();
        fs::write(dir.path().join("secrets/jwt"), "abc").unwrap();
        assert!(
            load_or_make(dir.path(), "jwt")
                .unwrap_err()
                .to_string()
                .contains("secrets/jwt")
        );
    }
}
