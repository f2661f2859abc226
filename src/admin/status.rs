//! `payambar status`: how much there is of everything, and how much room it
//! takes. It looks at file and folder itself, so it works beside the running
//! server, and when none can start.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::table;
use crate::config::{Config, Environment};
use crate::lock;
use crate::store::{self, status};

/// The keys are those of the core dialect, and more.
#[derive(Serialize)]
struct Status {
    generated_at: String,
    version: &'static str,
    environment: &'static str,
    port: String,
    database_path: PathBuf,
    file_storage_path: PathBuf,
    running: bool,
    turn: Turn,
    metrics_ready: bool,
    metrics: Metrics,
    storage: Storage,
    warnings: Warnings,
}

#[derive(Serialize)]
struct Turn {
    enabled: bool,
    port: Option<u16>,
    realm: Option<String>,
}

#[derive(Serialize)]
struct Metrics {
    users: i64,
    sessions: i64,
    conversations: i64,
    messages: i64,
    unread_messages: i64,
    files: i64,
    uploaded_bytes_db: i64,
    uploaded_bytes_hum: String,
    messages_last_24h: i64,
    latest_message_at: String,
}

#[derive(Serialize)]
struct Storage {
    db_file_bytes: u64,
    db_wal_bytes: u64,
    db_shm_bytes: u64,
    db_footprint_bytes: u64,
    upload_dir_bytes: u64,
    upload_file_count: u64,
    db_file_hum: String,
    db_wal_hum: String,
    db_shm_hum: String,
    db_footprint_hum: String,
    upload_dir_hum: String,
}

#[derive(Serialize)]
struct Warnings {
    database: String,
    storage: Option<Vec<String>>,
}

/// Prints what there is. What cannot be looked at becomes a warning.
///
/// # Errors
///
/// It cannot be printed.
pub fn status(config: &Config, json: bool, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let status = look(config);
    if json {
        writeln!(out, "{}", serde_json::to_string(&status)?)?;
    } else {
        print(&status, out)?;
    }
    Ok(())
}

fn look(config: &Config) -> Status {
    let counted = status::read(&config.database);
    let database = match &counted {
        Ok(Some(_)) => String::new(),
        Ok(None) => format!("{} does not exist yet", config.database.display()),
        Err(error) => error.to_string(),
    };
    let counted = counted.ok().flatten();
    let (storage, storage_warnings) = storage(config);
    let turn = config.turn.as_ref();
    Status {
        generated_at: store::now().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        environment: match config.environment {
            Environment::Development => "development",
            Environment::Production => "production",
        },
        port: config.web.port().to_string(),
        database_path: config.database.clone(),
        file_storage_path: config.file_storage.clone(),
        running: lock::is_held(&config.data_dir),
        turn: Turn {
            enabled: turn.is_some(),
            port: turn.map(|turn| turn.port),
            realm: turn.map(|turn| turn.realm.clone()),
        },
        metrics_ready: counted.is_some(),
        metrics: metrics(&counted.unwrap_or_default()),
        storage,
        warnings: Warnings {
            database,
            storage: (!storage_warnings.is_empty()).then_some(storage_warnings),
        },
    }
}

fn metrics(counted: &status::Metrics) -> Metrics {
    Metrics {
        users: counted.users,
        sessions: counted.sessions,
        conversations: counted.conversations,
        messages: counted.messages,
        unread_messages: counted.unread_messages,
        files: counted.files,
        uploaded_bytes_db: counted.uploaded_bytes,
        uploaded_bytes_hum: table::binary(u64::try_from(counted.uploaded_bytes).unwrap_or(0)),
        messages_last_24h: counted.messages_last_24h,
        latest_message_at: counted
            .latest_message_at
            .map_or_else(|| "n/a".to_owned(), |at| at.to_string()),
    }
}

fn storage(config: &Config) -> (Storage, Vec<String>) {
    let mut warnings = Vec::new();
    let mut part = |ending: &str| {
        let mut path = config.database.clone().into_os_string();
        path.push(ending);
        size_of(Path::new(&path), &mut warnings)
    };
    let (file, wal, shm) = (part(""), part("-wal"), part("-shm"));
    let (mut bytes, mut files) = (0, 0);
    if let Err(error) = walk(&config.file_storage, &mut bytes, &mut files) {
        warnings.push(format!("{}: {error}", config.file_storage.display()));
    }
    let footprint = file + wal + shm;
    let storage = Storage {
        db_file_bytes: file,
        db_wal_bytes: wal,
        db_shm_bytes: shm,
        db_footprint_bytes: footprint,
        upload_dir_bytes: bytes,
        upload_file_count: files,
        db_file_hum: table::binary(file),
        db_wal_hum: table::binary(wal),
        db_shm_hum: table::binary(shm),
        db_footprint_hum: table::binary(footprint),
        upload_dir_hum: table::binary(bytes),
    };
    (storage, warnings)
}

/// The size of a file that need not be there.
fn size_of(path: &Path, warnings: &mut Vec<String>) -> u64 {
    match fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => {
            warnings.push(format!("{}: {error}", path.display()));
            0
        }
    }
}

/// Adds up the files below a folder. Links are not followed: they may lead out
/// of it, or in a circle.
fn walk(folder: &Path, bytes: &mut u64, files: &mut u64) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), bytes, files)?;
        } else if kind.is_file() {
            *files += 1;
            // It may be gone by now.
            *bytes += entry.metadata().map_or(0, |found| found.len());
        }
    }
    Ok(())
}

fn print(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let (metrics, storage) = (&status.metrics, &status.storage);
    let state = if status.running { "running" } else { "stopped" };
    let relay = match (status.turn.port, &status.turn.realm) {
        (Some(port), Some(realm)) => format!("UDP port {port}, realm {realm}"),
        _ => "off".to_owned(),
    };
    let rows = [
        (
            "Server",
            format!("{}, {state}, {}", status.version, status.environment),
        ),
        ("Web port", status.port.clone()),
        ("Relay", relay),
        ("Database", status.database_path.display().to_string()),
        ("Uploads", status.file_storage_path.display().to_string()),
    ];
    let counts = [
        ("People", metrics.users.to_string()),
        ("Sessions", metrics.sessions.to_string()),
        ("Conversations", metrics.conversations.to_string()),
        (
            "Messages",
            format!(
                "{} ({} unread, {} in the last 24 h)",
                metrics.messages, metrics.unread_messages, metrics.messages_last_24h
            ),
        ),
        ("Newest", metrics.latest_message_at.clone()),
        (
            "Files",
            format!("{} ({})", metrics.files, metrics.uploaded_bytes_hum),
        ),
    ];
    let sizes = [(
        "On disk",
        format!(
            "{} database ({} file, {} log), {} in {} uploads",
            storage.db_footprint_hum,
            storage.db_file_hum,
            storage.db_wal_hum,
            storage.upload_dir_hum,
            storage.upload_file_count
        ),
    )];
    let counts = counts.iter().filter(|_| status.metrics_ready);
    for (name, value) in rows.iter().chain(counts).chain(&sizes) {
        writeln!(out, "{name:<14} {value}")?;
    }
    let warnings = &status.warnings;
    let database = Some(&warnings.database).filter(|text| !text.is_empty());
    for warning in database
        .into_iter()
        .chain(warnings.storage.iter().flatten())
    {
        writeln!(out, "Warning        {warning}")?;
    }
    Ok(())
}
