//! Bytes on disk under names that say nothing. A draft is written aside and
//! gone when it is dropped; what is kept is renamed into place and stays,
//! whatever happens next. Nothing else of the project knows of these folders.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ring::digest::{Context, SHA256};
use tokio::io::AsyncWriteExt as _;

use crate::secrets;
use crate::store::files::Kept;

/// So much of the beginning tells what a file is.
const HEAD: usize = 4096;

/// The folder of all bytes.
#[derive(Debug, Clone)]
pub struct Blobs {
    kept: PathBuf,
    drafts: PathBuf,
}

impl Blobs {
    /// The folder, made if need be.
    ///
    /// # Errors
    ///
    /// The system's, naming the folder.
    pub fn open(root: &Path) -> io::Result<Self> {
        let blobs = Self {
            kept: root.join("blobs"),
            drafts: root.join("drafts"),
        };
        secrets::private_dir(&blobs.kept)?;
        secrets::private_dir(&blobs.drafts)?;
        Ok(blobs)
    }

    /// How much of the disk is free for us.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let disk = nix::sys::statvfs::statvfs(&self.kept)?;
        Ok(disk.blocks_available().saturating_mul(disk.fragment_size()))
    }

    /// A new draft.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn draft(&self) -> io::Result<Draft> {
        let name = secrets::random_hex::<16>()?;
        let path = self.drafts.join(&name);
        let file = tokio::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .await?;
        Ok(Draft {
            guard: Guard { path: Some(path) },
            name,
            file,
            hash: Context::new(&SHA256),
            size_bytes: 0,
            head: Vec::new(),
        })
    }

    /// Puts a draft where it stays. Until something refers to it, it is an
    /// orphan.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn keep(&self, mut sealed: Sealed) -> io::Result<Kept> {
        let to = self.path(&sealed.kept.name);
        blocking(move || {
            let folder = made(&to)?;
            if let Some(from) = sealed.guard.path.take() {
                std::fs::rename(from, &to)?;
            }
            sync_folder(&folder)?;
            Ok(sealed.kept.clone())
        })
        .await
    }

    /// Keeps these bytes. Blocks.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn put(&self, bytes: &[u8]) -> io::Result<Kept> {
        let draft = self.drafts.join(secrets::random_hex::<16>()?);
        let guard = Guard {
            path: Some(draft.clone()),
        };
        std::fs::write(&draft, bytes)?;
        let (kept, _) = self.adopt(&draft)?;
        drop(guard);
        Ok(kept)
    }

    /// Keeps a file that lies elsewhere on this host, which stays there too; its
    /// bytes are not copied where the file system can help it. Says how it
    /// begins. Blocks.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn adopt(&self, from: &Path) -> io::Result<(Kept, Vec<u8>)> {
        let mut file = File::open(from)?;
        let (mut hash, mut head, mut size_bytes) = (Context::new(&SHA256), Vec::new(), 0);
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let count = file.read(&mut chunk)?;
            let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            hash.update(bytes);
            head.extend(bytes.iter().take(HEAD.saturating_sub(head.len())));
            size_bytes += u64::try_from(count).unwrap_or(u64::MAX);
        }
        let name = secrets::random_hex::<16>()?;
        let to = self.path(&name);
        let folder = made(&to)?;
        if std::fs::hard_link(from, &to).is_err() {
            std::fs::copy(from, &to)?;
        }
        std::fs::set_permissions(&to, Permissions::from_mode(0o600))?;
        File::open(&to)?.sync_all()?;
        sync_folder(&folder)?;
        let kept = Kept {
            name,
            sha256: sum(hash),
            size_bytes,
        };
        Ok((kept, head))
    }

    /// Opens what was kept.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn read(&self, name: &str) -> io::Result<tokio::fs::File> {
        tokio::fs::File::open(self.path(name)).await
    }

    /// Removes what was kept; what is not there is removed.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn remove(&self, name: &str) -> io::Result<()> {
        match tokio::fs::remove_file(self.path(name)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Names in one of the 256 folders of what was kept, last written before `time`.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn kept_before(&self, folder: u8, time: SystemTime) -> io::Result<Vec<String>> {
        let folder = self.kept.join(format!("{folder:02x}"));
        blocking(move || written_before(&folder, time)).await
    }

    /// Removes drafts last written before `time`; says how many.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn remove_drafts_before(&self, time: SystemTime) -> io::Result<usize> {
        let folder = self.drafts.clone();
        blocking(move || {
            let names = written_before(&folder, time)?;
            for name in &names {
                std::fs::remove_file(folder.join(name))?;
            }
            Ok(names.len())
        })
        .await
    }

    /// Where what was kept lies.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        let folder: String = name.chars().take(2).collect();
        self.kept.join(folder).join(name)
    }
}

/// Names of files in a folder that were last written before `time`.
fn written_before(folder: &Path, time: SystemTime) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let old = match entry.metadata() {
            Ok(metadata) => metadata.is_file() && metadata.modified()? < time,
            // Gone meanwhile.
            Err(_) => false,
        };
        if let Some(name) = entry.file_name().to_str().filter(|_| old) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// The folder of a file to be kept, made if need be.
fn made(to: &Path) -> io::Result<PathBuf> {
    let folder = to.parent().unwrap_or(to).to_owned();
    match DirBuilder::new().mode(0o700).create(&folder) {
        Ok(()) => sync_folder(folder.parent().unwrap_or(&folder))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(folder)
}

fn sum(hash: Context) -> [u8; 32] {
    let mut sha256 = [0; 32];
    for (to, from) in sha256.iter_mut().zip(hash.finish().as_ref()) {
        *to = *from;
    }
    sha256
}

/// A rename lasts only once its folder was written.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

/// Removes a file when dropped.
#[derive(Debug)]
struct Guard {
    path: Option<PathBuf>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What stays is removed as an old draft.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A file that is being written.
pub struct Draft {
    guard: Guard,
    name: String,
    file: tokio::fs::File,
    hash: Context,
    size_bytes: u64,
    head: Vec<u8>,
}

impl Draft {
    /// Bytes written so far.
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Writes more.
    ///
    /// # Errors
    ///
    /// The system's, such as a full disk.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.size_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let missing = HEAD.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(missing));
        self.file.write_all(bytes).await
    }

    /// Waits until all of it is on the disk.
    ///
    /// # Errors
    ///
    /// The system's, such as a full disk.
    pub async fn seal(mut self) -> io::Result<Sealed> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        Ok(Sealed {
            guard: self.guard,
            head: self.head,
            kept: Kept {
                name: self.name,
                sha256: sum(self.hash),
                size_bytes: self.size_bytes,
            },
        })
    }
}

/// A file that is written, on the disk, and still a draft.
#[derive(Debug)]
pub struct Sealed {
    guard: Guard,
    head: Vec<u8>,
    kept: Kept,
}

impl Sealed {
    /// How large it is.
    pub const fn size_bytes(&self) -> u64 {
        self.kept.size_bytes
    }

    /// Where it lies until it is kept.
    pub fn path(&self) -> Option<PathBuf> {
        self.guard.path.clone()
    }

    /// Its beginning.
    pub fn head(&self) -> &[u8] {
        &self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_in(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .map(|path| if path.is_dir() { files_in(&path) } else { 1 })
            .sum()
    }

    #[tokio::test]
    async fn a_dropped_draft_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        let mut draft = blobs.draft().await.unwrap();
        draft.write(b"half").await.unwrap();
        assert_eq!(files_in(folder.path()), 1);
        drop(draft);
        drop(blobs.draft().await.unwrap().seal().await.unwrap());
        assert_eq!(files_in(folder.path()), 0);
    }

    #[tokio::test]
    async fn what_is_kept_has_its_hash_and_reads_back() {
        use tokio::io::AsyncReadExt as _;
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        let mut draft = blobs.draft().await.unwrap();
        draft.write(b"a").await.unwrap();
        draft.write(b"bc").await.unwrap();
        let sealed = draft.seal().await.unwrap();
        assert_eq!(sealed.head(), b"abc");
        let kept = blobs.keep(sealed).await.unwrap();
        assert_eq!(kept.size_bytes, 3);
        // FIPS 180-2, appendix B.1.
        assert_eq!(kept.sha256[..4], [0xba, 0x78, 0x16, 0xbf]);
        let mut text = String::new();
        let mut file = blobs.read(&kept.name).await.unwrap();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "abc");
        blobs.remove(&kept.name).await.unwrap();
        blobs.remove(&kept.name).await.unwrap();
        assert_eq!(files_in(folder.path()), 0);
    }
}
