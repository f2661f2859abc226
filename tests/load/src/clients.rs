//! Many people with a socket each, in one thread: what they say, and how long
//! it took to be acknowledged and to arrive.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep_until;

use crate::target::Person;
use crate::wire::{self, Frame};

/// What one person does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    /// Has so many messages on the way at any time.
    Busy(usize),
    /// Writes one each time this has passed, whatever became of the last.
    Paced(Duration),
    /// Says nothing and reads.
    Quiet,
    /// Reads nothing at all.
    Deaf,
}

/// What came of all that was said.
pub(crate) struct Record {
    began: Instant,
    /// Nothing before this is counted.
    pub(crate) from: Option<Instant>,
    /// Messages acknowledged.
    pub(crate) acknowledged: u64,
    /// Repeated messages that were answered again.
    pub(crate) repeated: u64,
    /// Frames that were refused, and the first of them.
    pub(crate) refused: (u64, String),
    /// Sockets the server closed, and the last code.
    pub(crate) closed: (u64, u16),
    /// From when a message was due until it was acknowledged, in µs.
    pub(crate) echo: Histogram<u64>,
    /// From when a message was due until it was with the other, in µs.
    pub(crate) delivery: Histogram<u64>,
}

impl Record {
    pub(crate) fn new() -> Rc<RefCell<Self>> {
        let histogram = || Histogram::new_with_bounds(1, 60_000_000, 3).unwrap();
        Rc::new(RefCell::new(Self {
            began: Instant::now(),
            from: None,
            acknowledged: 0,
            repeated: 0,
            refused: (0, String::new()),
            closed: (0, 0),
            echo: histogram(),
            delivery: histogram(),
        }))
    }

    /// Forgets what was counted; from now on it counts.
    pub(crate) fn start(&mut self) {
        self.from = Some(Instant::now());
        self.acknowledged = 0;
        self.repeated = 0;
        self.echo.reset();
        self.delivery.reset();
    }

    fn stamp(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.began).as_micros()).unwrap()
    }

    /// Microseconds since then, if that is after the start of counting.
    fn since(&self, stamp: i64) -> Option<u64> {
        let from = self.stamp(self.from?);
        let now = self.stamp(Instant::now());
        (stamp >= from).then(|| u64::try_from(now - stamp).unwrap_or(0))
    }
}

/// One person at their socket.
pub(crate) struct Client {
    pub(crate) me: Person,
    pub(crate) other: Person,
    pub(crate) role: Role,
    /// How many in a hundred messages are sent twice.
    pub(crate) resent: u64,
    /// Its first message is due this much later.
    pub(crate) offset: Duration,
    pub(crate) record: Rc<RefCell<Record>>,
}

impl Client {
    /// Connects, then goes on until the socket ends or the handle is aborted.
    pub(crate) async fn start(self, address: &str) -> JoinHandle<()> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let request = wire::request(address, &self.me.token);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::with_capacity(4096);
        let end = loop {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "no answer");
            if let Some(end) = wire::head(&bytes) {
                break end;
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        bytes.drain(..end);
        let due = Instant::now() + self.offset;
        let talk = Talk {
            client: self,
            stream,
            bytes,
            out: Vec::new(),
            waiting: BTreeSet::new(),
            due,
            last: 0,
        };
        spawn_local(talk.run())
    }
}

struct Talk {
    client: Client,
    stream: TcpStream,
    bytes: Vec<u8>,
    out: Vec<u8>,
    /// Stamps of what was said and not acknowledged.
    waiting: BTreeSet<i64>,
    due: Instant,
    last: i64,
}

impl Talk {
    async fn run(mut self) {
        match self.client.role {
            Role::Busy(count) => (0..count).for_each(|_| self.say(Instant::now())),
            Role::Deaf => std::future::pending::<()>().await,
            Role::Paced(_) | Role::Quiet => {}
        }
        loop {
            if !self.out.is_empty() {
                if self.stream.write_all(&self.out).await.is_err() {
                    return;
                }
                self.out.clear();
            }
            let paced = matches!(self.client.role, Role::Paced(_));
            tokio::select! {
                read = self.stream.read_buf(&mut self.bytes) => match read {
                    Ok(1..) => self.heard(),
                    Ok(0) | Err(_) => return,
                },
                () = sleep_until(self.due.into()), if paced => self.due(),
            }
        }
    }

    fn due(&mut self) {
        let Role::Paced(every) = self.client.role else {
            return;
        };
        let now = Instant::now();
        while self.due <= now {
            self.say(self.due);
            self.due += every;
        }
    }

    /// One message; `due` is what its delay is counted from, so that a server
    /// that holds us up does not hide it.
    fn say(&mut self, due: Instant) {
        let stamp = self.client.record.borrow().stamp(due).max(self.last + 1);
        self.last = stamp;
        self.waiting.insert(stamp);
        let id = uuid::Uuid::now_v7();
        let frame = json!({
            "type": "message",
            "receiver_id": self.client.other.id,
            "content": format!("{stamp} سلام، نیم ساعت دیگه اونجام. See you at six then"),
            "client_message_id": id.to_string(),
        });
        let frame = frame.to_string();
        wire::text(&frame, &mut self.out);
        if id.as_u64_pair().1 % 100 < self.client.resent {
            wire::text(&frame, &mut self.out);
        }
    }

    fn heard(&mut self) {
        let mut read = 0;
        while let Some((frame, length)) = wire::parse(&self.bytes[read..]) {
            read += length;
            match frame {
                Frame::Text(text) => self.frame(&text),
                Frame::Ping => wire::pong(&mut self.out),
                Frame::Close(code) => {
                    let mut record = self.client.record.borrow_mut();
                    record.closed = (record.closed.0 + 1, code);
                }
                Frame::Other => {}
            }
        }
        self.bytes.drain(..read);
    }

    fn frame(&mut self, text: &str) {
        if text.starts_with(r#"{"type":"error""#) {
            let mut record = self.client.record.borrow_mut();
            record.refused.0 += 1;
            if record.refused.1.is_empty() {
                text.clone_into(&mut record.refused.1);
            }
            return;
        }
        if !text.starts_with(r#"{"type":"message""#) {
            return;
        }
        // What was seeded has no stamp.
        let Some(stamp) = wire::number(text, r#""content":""#) else {
            return;
        };
        let mut record = self.client.record.borrow_mut();
        let took = record.since(stamp);
        if wire::number(text, r#""sender_id":"#) != Some(self.client.me.id) {
            if let Some(took) = took {
                record.delivery.saturating_record(took);
            }
            return;
        }
        if !self.waiting.remove(&stamp) {
            record.repeated += 1;
            return;
        }
        record.acknowledged += 1;
        if let Some(took) = took {
            record.echo.saturating_record(took);
        }
        drop(record);
        if matches!(self.client.role, Role::Busy(_)) {
            self.say(Instant::now());
        }
    }
}
