//! The floor: a bare server that takes the same frames, writes the same rows
//! in group commit with a sync, and sends the same frames. It has no rules, no
//! accounts, no limits and no second thoughts; whatever the real server spends
//! above it is the price of those.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt as _, StreamExt as _};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

const BATCH: usize = 512;
const BUFFER: usize = 4 * 1024;

#[derive(Deserialize)]
struct Said {
    receiver_id: i64,
    content: String,
    client_message_id: String,
}

#[derive(Serialize)]
struct Told<'a> {
    r#type: &'static str,
    message_id: i64,
    client_message_id: &'a str,
    conversation_id: i64,
    seq: i64,
    sender_id: i64,
    receiver_id: i64,
    content: &'a str,
    status: &'static str,
    created_at: &'a str,
}

#[derive(Serialize)]
struct Mark<'a> {
    r#type: &'static str,
    message_id: i64,
    status: &'static str,
    conversation_id: i64,
    seq: i64,
    sender_id: i64,
    receiver_id: i64,
    created_at: &'a str,
}

/// A message that was written, for the one who is to confirm it.
#[derive(Clone, Copy)]
struct Receipt {
    conversation: i64,
    seq: i64,
    message: i64,
    sender: i64,
    receiver: i64,
}

enum Job {
    Say(i64, Said),
    Mark(Receipt),
}

struct Out {
    to: i64,
    text: Utf8Bytes,
    receipt: Option<Receipt>,
}

enum Event {
    Here(i64, mpsc::Sender<Out>),
    Batch(Vec<Out>),
}

/// Serves until it is killed.
pub(crate) fn run(port: u16, database: &Path) {
    let connection = open(database);
    let (jobs, waiting) = channel();
    let (events, incoming) = mpsc::unbounded_channel();
    let batches = events.clone();
    std::thread::spawn(move || write(connection, &waiting, &batches));
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::spawn(dispatch(incoming));
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, jobs.clone(), events.clone()));
        }
    });
}

/// The server's pragmas.
fn open(database: &Path) -> Connection {
    let connection = Connection::open(database).unwrap();
    connection
        .pragma_update(None, "foreign_keys", true)
        .unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    connection
        .pragma_update(None, "synchronous", "FULL")
        .unwrap();
    connection.set_prepared_statement_cache_capacity(64);
    connection
}

async fn serve(stream: TcpStream, jobs: Sender<Job>, events: mpsc::UnboundedSender<Event>) {
    stream.set_nodelay(true).unwrap();
    let mut me = None;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER);
    #[expect(clippy::result_large_err, reason = "the library's own signature")]
    let look = |request: &Request, response: Response| {
        // The token of the server names its person; here it is all there is.
        let query = request.uri().query().unwrap_or_default();
        me = query.strip_prefix("token=").and_then(|id| id.parse().ok());
        Ok(response)
    };
    let accepted =
        tokio_tungstenite::accept_hdr_async_with_config(stream, look, Some(config)).await;
    let (Ok(mut socket), Some(me)) = (accepted, me) else {
        return;
    };
    let (frames, mut outgoing) = mpsc::channel(1024);
    let _ = events.send(Event::Here(me, frames));
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => {
                    let said = serde_json::from_str(&text).unwrap();
                    let _ = jobs.send(Job::Say(me, said));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            taken = outgoing.recv_many(&mut batch, 64) => {
                if taken == 0 {
                    return;
                }
                let mut receipts = HashMap::new();
                for out in batch.drain(..) {
                    if let Some(receipt) = out.receipt {
                        receipts.insert(receipt.conversation, receipt);
                    }
                    if socket.feed(Message::Text(out.text)).await.is_err() {
                        return;
                    }
                }
                if socket.flush().await.is_err() {
                    return;
                }
                #[expect(clippy::iter_over_hash_type, reason = "their order is seen by nobody")]
                for (_, receipt) in receipts {
                    let _ = jobs.send(Job::Mark(receipt));
                }
            }
        }
    }
}

async fn dispatch(mut events: mpsc::UnboundedReceiver<Event>) {
    let mut sockets = HashMap::new();
    while let Some(event) = events.recv().await {
        match event {
            Event::Here(person, frames) => drop(sockets.insert(person, frames)),
            Event::Batch(batch) => {
                for out in batch {
                    let socket: Option<&mpsc::Sender<Out>> = sockets.get(&out.to);
                    // A full one loses frames: the floor keeps no promise.
                    let _ = socket.map(|socket| socket.try_send(out));
                }
            }
        }
    }
}

struct Writing {
    /// Conversation and last seq of each pair.
    conversations: HashMap<(i64, i64), (i64, i64)>,
    out: Vec<Out>,
}

fn write(connection: Connection, waiting: &Receiver<Job>, batches: &mpsc::UnboundedSender<Event>) {
    let mut writing = Writing {
        conversations: HashMap::new(),
        out: Vec::new(),
    };
    while let Ok(first) = waiting.recv() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let at = i64::try_from(now.as_millis()).unwrap();
        // As long as the real one's, and nobody reads it.
        let shown = format!(
            "2026-11-21T00:{:02}:{:02}.{:03}Z",
            at / 60_000 % 60,
            at / 1000 % 60,
            at % 1000
        );
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for job in std::iter::once(first).chain(waiting.try_iter().take(BATCH - 1)) {
            match job {
                Job::Say(sender, said) => writing.say(&connection, sender, &said, at, &shown),
                Job::Mark(receipt) => writing.mark(&connection, receipt, at, &shown),
            }
        }
        connection.execute_batch("COMMIT").unwrap();
        let _ = batches.send(Event::Batch(std::mem::take(&mut writing.out)));
    }
}

impl Writing {
    fn say(&mut self, connection: &Connection, sender: i64, said: &Said, at: i64, shown: &str) {
        let pair = (sender.min(said.receiver_id), sender.max(said.receiver_id));
        let known = self
            .conversations
            .entry(pair)
            .or_insert_with(|| conversation(connection, pair, at));
        known.1 += 1;
        let (id, seq) = *known;
        connection
            .prepare_cached(
                "UPDATE conversations SET last_seq = ?2, last_message_at_ms = ?3 WHERE id = ?1",
            )
            .and_then(|mut update| update.execute([id, seq, at]))
            .unwrap();
        connection
            .prepare_cached(
                "INSERT INTO messages (uuid, conversation_id, seq, sender_id, client_message_id, kind, content, silent, created_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, 'text', ?6, 0, ?7)
                 ON CONFLICT (client_message_id, sender_id) WHERE client_message_id IS NOT NULL DO NOTHING",
            )
            .and_then(|mut insert| {
                let uuid = uuid::Uuid::now_v7();
                insert.execute(params![uuid.as_bytes(), id, seq, sender, said.client_message_id, said.content, at])
            })
            .unwrap();
        let message = connection.last_insert_rowid();
        let told = Told {
            r#type: "message",
            message_id: message,
            client_message_id: &said.client_message_id,
            conversation_id: id,
            seq,
            sender_id: sender,
            receiver_id: said.receiver_id,
            content: &said.content,
            status: "sent",
            created_at: shown,
        };
        let text = Utf8Bytes::from(serde_json::to_string(&told).unwrap());
        let receipt = Receipt {
            conversation: id,
            seq,
            message,
            sender,
            receiver: said.receiver_id,
        };
        self.tell(said.receiver_id, text.clone(), Some(receipt));
        self.tell(sender, text, None);
    }

    fn mark(&mut self, connection: &Connection, receipt: Receipt, at: i64, shown: &str) {
        connection
            .prepare_cached(
                "UPDATE members SET recv_seq = ?3, recv_at_ms = ?4 WHERE user_id = ?1 AND conversation_id = ?2 AND recv_seq < ?3",
            )
            .and_then(|mut update| update.execute([receipt.receiver, receipt.conversation, receipt.seq, at]))
            .unwrap();
        let mark = Mark {
            r#type: "status_update",
            message_id: receipt.message,
            status: "delivered",
            conversation_id: receipt.conversation,
            seq: receipt.seq,
            sender_id: receipt.sender,
            receiver_id: receipt.receiver,
            created_at: shown,
        };
        let text = Utf8Bytes::from(serde_json::to_string(&mark).unwrap());
        self.tell(receipt.sender, text.clone(), None);
        self.tell(receipt.receiver, text, None);
    }

    fn tell(&mut self, to: i64, text: Utf8Bytes, receipt: Option<Receipt>) {
        self.out.push(Out { to, text, receipt });
    }
}

/// Id and last seq of a pair's conversation, which is made the first time.
fn conversation(connection: &Connection, (low, high): (i64, i64), at: i64) -> (i64, i64) {
    let find = "SELECT id, last_seq FROM conversations WHERE pair_low = ?1 AND pair_high = ?2";
    let found = connection
        .query_row(find, [low, high], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .unwrap();
    found.unwrap_or_else(|| {
        connection
            .execute(
                "INSERT INTO conversations (uuid, kind, pair_low, pair_high, last_seq, last_message_at_ms, created_at_ms)
                 VALUES (?1, 'pair', ?2, ?3, 0, ?4, ?4)",
                params![uuid::Uuid::now_v7().as_bytes(), low, high, at],
            )
            .unwrap();
        let id = connection.last_insert_rowid();
        for person in [low, high] {
            connection
                .execute(
                    "INSERT INTO members (user_id, conversation_id, role, joined_at_ms) VALUES (?1, ?2, 'member', ?3)",
                    [person, id, at],
                )
                .unwrap();
        }
        (id, 0)
    })
}
