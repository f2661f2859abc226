//! Conversations and messages. The earlier server kept messages between two
//! people, in the order of their ids; ours have a conversation and a place in
//! it, and marks are watermarks: the newest message that was read.

use std::collections::{BTreeMap, HashSet};

use payambar_signaling::chat::Envelope;
use rusqlite::{Connection, Row, params};

use super::Report;
use super::earlier::{moment, number, select, some_text, text};
use super::people::uuid;
use crate::store::{Error, now};

/// The smaller id and the larger one.
type Pair = (i64, i64);

/// How far one person has come: places, and when.
#[derive(Debug, Default, Clone, Copy)]
struct Marks {
    recv: (i64, i64),
    read: (i64, i64),
}

/// A conversation as it grows.
#[derive(Debug)]
struct Talk {
    id: Option<i64>,
    created_ms: i64,
    last_ms: i64,
    last_seq: i64,
    /// Whether the smaller id has written, and the larger one.
    wrote: (bool, bool),
    /// Of the smaller id.
    low: Marks,
    /// Of the larger id.
    high: Marks,
}

impl Talk {
    fn new(id: Option<i64>, created_ms: i64) -> Self {
        Self {
            id,
            created_ms,
            last_ms: created_ms,
            last_seq: 0,
            wrote: (false, false),
            low: Marks::default(),
            high: Marks::default(),
        }
    }
}

const MESSAGE: [&str; 16] = [
    "id",
    "sender_id",
    "receiver_id",
    "content",
    "encrypted",
    "e2ee_v",
    "alg",
    "sender_device_id",
    "key_id",
    "iv",
    "ciphertext",
    "aad",
    "status",
    "created_at",
    "delivered_at",
    "read_at",
];

pub(super) fn transfer(connection: &Connection, report: &mut Report) -> Result<(), Error> {
    let people: HashSet<i64> = connection
        .prepare("SELECT id FROM users")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut talks = conversations(connection, &people)?;
    let Some(select) = select(connection, "messages", &MESSAGE)? else {
        return Ok(());
    };
    // A conversation's row comes after its messages: references are looked at
    // when all is there.
    let mut next_id: i64 = connection.query_row(
        "SELECT coalesce(max(id), 0) FROM earlier_conversations",
        [],
        |row| row.get(0),
    )?;
    let mut insert = connection.prepare(
        "INSERT INTO messages (id, uuid, conversation_id, seq, sender_id, kind, content, silent, created_at_ms, envelope)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9)",
    )?;
    let mut messages = connection.prepare(&format!("{select} ORDER BY id"))?;
    let mut rows = messages.query([])?;
    let mut clock = 0;
    while let Some(row) = rows.next()? {
        let (sender, receiver) = (number(row, "sender_id")?, number(row, "receiver_id")?);
        if sender == receiver || !people.contains(&sender) || !people.contains(&receiver) {
            report.messages_left += 1;
            continue;
        }
        // A time that cannot be read is that of the message before.
        let at = moment(row, "created_at")?.unwrap_or(clock);
        clock = at;
        let talk = talks
            .entry((sender.min(receiver), sender.max(receiver)))
            .or_insert_with(|| Talk::new(None, at));
        let conversation = *talk.id.get_or_insert_with(|| {
            next_id += 1;
            next_id
        });
        talk.last_seq += 1;
        talk.last_ms = at;
        let reader = if receiver > sender {
            talk.wrote.0 = true;
            &mut talk.high
        } else {
            talk.wrote.1 = true;
            &mut talk.low
        };
        mark(reader, row, talk.last_seq, at)?;
        let envelope = envelope(row)?;
        let (kind, content) = match &envelope {
            Some(_) => ("sealed", String::new()),
            None => ("text", text(row, "content")?),
        };
        insert.execute(params![
            number(row, "id")?,
            uuid(at).as_bytes(),
            conversation,
            talk.last_seq,
            sender,
            kind,
            content,
            at,
            envelope,
        ])?;
        report.messages += 1;
    }
    for (pair, talk) in &talks {
        write_down(connection, *pair, talk)?;
        report.conversations += 1;
    }
    Ok(())
}

/// The conversations of two people who are there; the oldest of each pair.
fn conversations(
    connection: &Connection,
    people: &HashSet<i64>,
) -> Result<BTreeMap<Pair, Talk>, Error> {
    let mut talks = BTreeMap::new();
    let Some(select) = select(
        connection,
        "conversations",
        &["id", "created_at", "updated_at"],
    )?
    else {
        return Ok(talks);
    };
    let mut members = connection.prepare(
        "SELECT min(user_id), max(user_id) FROM earlier_conversation_participants
         WHERE conversation_id = ?1 GROUP BY conversation_id HAVING count(*) = 2",
    )?;
    let mut all = connection.prepare(&format!("{select} ORDER BY id"))?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let id = number(row, "id")?;
        let Some(pair) = members
            .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
            .next()
            .transpose()?
        else {
            continue;
        };
        let (low, high): Pair = pair;
        if low < high && people.contains(&low) && people.contains(&high) {
            let created = moment(row, "created_at")?.unwrap_or_else(|| now().0);
            let updated = moment(row, "updated_at")?.unwrap_or(created);
            talks.entry((low, high)).or_insert_with(|| Talk {
                last_ms: updated,
                ..Talk::new(Some(id), created)
            });
        }
    }
    Ok(talks)
}

/// Marks move forward only, and each is at least as old as its message.
fn mark(reader: &mut Marks, row: &Row<'_>, seq: i64, at: i64) -> Result<(), Error> {
    let status = text(row, "status")?;
    let delivered_at = moment(row, "delivered_at")?.unwrap_or(at);
    if status == "read" {
        reader.read = (seq, moment(row, "read_at")?.unwrap_or(delivered_at));
    }
    if status == "read" || status == "delivered" {
        reader.recv = (seq, delivered_at);
    }
    Ok(())
}

/// What the server could not read, as it came.
fn envelope(row: &Row<'_>) -> Result<Option<String>, Error> {
    if number(row, "encrypted")? == 0 {
        return Ok(None);
    }
    let envelope = Envelope {
        e2ee_v: u32::try_from(number(row, "e2ee_v")?).unwrap_or(1),
        alg: text(row, "alg")?,
        sender_device_id: text(row, "sender_device_id")?,
        key_id: text(row, "key_id")?,
        iv: text(row, "iv")?,
        ciphertext: text(row, "ciphertext")?,
        aad: some_text(row, "aad")?,
    };
    Ok(Some(serde_json::json!(envelope).to_string()))
}

fn write_down(connection: &Connection, (low, high): Pair, talk: &Talk) -> Result<(), Error> {
    let id: i64 = connection
        .prepare_cached(
            "INSERT INTO conversations (id, uuid, kind, pair_low, pair_high, last_seq, last_message_at_ms, created_at_ms,
                                        low_wrote, high_wrote)
             VALUES (?1, ?2, 'pair', ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id",
        )?
        .query_row(
            params![talk.id, uuid(talk.created_ms).as_bytes(), low, high, talk.last_seq, talk.last_ms, talk.created_ms, talk.wrote.0, talk.wrote.1],
            |row| row.get(0),
        )?;
    let mut member = connection.prepare_cached(
        "INSERT INTO members (user_id, conversation_id, role, joined_at_ms, recv_seq, recv_at_ms, read_seq, read_at_ms)
         VALUES (?1, ?2, 'member', ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (user, Marks { recv, read }) in [(low, talk.low), (high, talk.high)] {
        member.execute(params![
            user,
            id,
            talk.created_ms,
            recv.0,
            recv.1,
            read.0,
            read.1
        ])?;
    }
    Ok(())
}
