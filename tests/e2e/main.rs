//! The binary from outside: real sockets, real SQLite in folders of its own.
//! One module per story; `server` starts the binary, `client`
//! talks to it, `stage` has two people in a call, `push_service` is what
//! browsers hear from, `form` is an upload, `mail_sink` takes mails.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod client;
mod earlier;
mod form;
mod mail_sink;
mod push_service;
mod server;
mod stage;
mod tools;

mod accounts;
mod aioice;
mod approval_mails;
mod audit;
mod avatars;
mod blocks;
mod calls;
mod calls_lost;
mod chat;
mod cli;
mod control;
mod coturn;
mod crowd;
mod databases;
mod deleted_conversations;
mod deletions;
mod devices;
mod drain;
mod durability;
mod emails;
mod failing_disk;
mod farewell;
mod files;
mod files_limits;
mod files_orphans;
mod group_doors;
mod group_receipts;
mod groups;
mod history;
mod keys;
mod log;
mod mails;
mod metrics;
mod pages;
mod people;
mod pictures;
mod push;
mod push_calls;
mod push_endpoints;
mod recovery;
mod refresh;
mod registration;
mod relay;
mod revoked;
mod rooms;
mod rows;
mod sealed;
mod seed;
mod seen;
mod sessions;
mod settings;
mod status;
mod streams;
mod takeover;
mod takeover_pictures;
mod temporary_passwords;
mod turn_check;
mod turn_cli;
mod turn_sessions;
mod turns;
mod typing;
mod uploads;
mod voice;
