//! Many questions of strangers.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::{Rows, Stage};
use crate::client::{Client, GRACE};
use crate::line::Line;
use crate::server::PATIENCE;
use crate::table::row;
use crate::target::{Over, Target};
use crate::wire::{ALLOCATE, Message, Reply, udp};

const QUESTIONS: usize = 60_000;

/// Fewer of them, where memory is not the question, and over connections.
const SOME: usize = 20_000;

/// Sockets they come from.
const SOCKETS: usize = 64;

/// Growth that is allowed, in KiB.
const MOST: u64 = 4096;

/// Who is not answered in this time, is not at all.
const SILENT: Duration = Duration::from_secs(5);

/// Questions sent before the server's queue is looked at.
const BURST: usize = 64;

/// Questions after which somebody else asks too.
const PAUSE: usize = 4_000;

pub(super) fn rows(over: Over) -> Rows {
    let (questions, in_words) = match over {
        Over::Udp => (QUESTIONS, "60,000"),
        Over::Tcp | Over::Tls => (SOME, "20,000"),
    };
    vec![
        row(
            format!("{in_words} Allocates of strangers: memory kept"),
            "≤ 4096 KiB, none lost on the way",
            move |stage: &Stage| {
                let (before, lost_before) = (stage.plain.resident(), stage.plain.queue().1);
                flood(&stage.plain, questions, || {});
                let grown = stage.plain.resident().saturating_sub(before);
                let lost = stage.plain.queue().1 - lost_before;
                Ok(format!("{grown} KiB, lost {lost}"))
            },
        )
        .met_by(|cell| {
            let (grown, lost) = cell.split_once(" KiB, lost ").unwrap_or_default();
            grown.parse::<u64>().is_ok_and(|grown| grown <= MOST) && lost == "0"
        }),
        row(
            "20,000 Allocates of strangers of one network: answered",
            "fewer than half",
            |stage: &Stage| Ok(flood(&stage.plain, SOME, || {}).to_string()),
        )
        .met_by(|cell| {
            let answered = cell.parse::<usize>();
            answered.is_ok_and(|answered| answered < SOME / 2)
        }),
        row(
            "meanwhile strangers of five other networks: answered",
            "5 times 401",
            |stage: &Stage| {
                let mut words = Vec::new();
                flood(&stage.plain, SOME, || {
                    let network = format!("127.0.{}.1", words.len() + 5);
                    words.push(asked_once(&stage.plain, &network));
                });
                let good = words.iter().filter(|word| *word == "401").count();
                Ok(if good == words.len() {
                    format!("{good} times 401")
                } else {
                    words.join(", ")
                })
            },
        ),
        row(
            "then a user from one of them: Allocate",
            "success",
            |stage: &Stage| {
                let mut client = Client::of(&stage.plain, 1, "127.0.5.1");
                client.challenge()?;
                Ok(client.plain(&client.signed(ALLOCATE, &[udp()]).bytes))
            },
        ),
    ]
}

/// Asks all questions, and does `pause` now and then while the server is still
/// at work; says how many were answered.
fn flood(target: &Target, questions: usize, pause: impl FnMut()) -> usize {
    if target.over == Over::Udp {
        flood_datagrams(target, questions, pause)
    } else {
        flood_streams(target, questions, pause)
    }
}

fn flood_streams(target: &Target, questions: usize, mut pause: impl FnMut()) -> usize {
    let lines = (0..SOCKETS).map(|_| Line::new(target, "127.0.0.1"));
    let mut lines: Vec<_> = lines.collect();
    for number in 0..questions {
        let line = &mut lines[number % SOCKETS];
        // Refused only where the server is gone, which a later row shows.
        let _ = line.send(&Message::new(ALLOCATE, &[udp()]).bytes);
        if number % PAUSE == PAUSE - 1 {
            pause();
        }
    }
    target.catch_up();
    let answers = |line: &mut Line| std::iter::from_fn(|| line.receive(GRACE)).count();
    lines.iter_mut().map(answers).sum()
}

fn flood_datagrams(target: &Target, questions: usize, mut pause: impl FnMut()) -> usize {
    let sockets: Vec<_> = (0..SOCKETS)
        .map(|_| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(target.address).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        })
        .collect();
    let mut answered = 0;
    for number in 0..questions {
        let socket = &sockets[number % SOCKETS];
        // Refused only where the server is gone, which a later row shows.
        let _ = socket.send(&Message::new(ALLOCATE, &[udp()]).bytes);
        while socket.recv(&mut [0; 512]).is_ok() {
            answered += 1;
        }
        if number % PAUSE == PAUSE - 1 {
            pause();
        }
        if number % BURST == 0 {
            target.catch_up();
        }
    }
    target.catch_up();
    answered
}

/// The answer to one Allocate that is not repeated.
fn asked_once(target: &Target, network: &str) -> String {
    let mut line = Line::new(target, network);
    line.send(&Message::new(ALLOCATE, &[udp()]).bytes).unwrap();
    let reply = line.receive(SILENT).and_then(|bytes| Reply::read(&bytes));
    let code = reply.and_then(|reply| reply.error());
    code.map_or_else(|| "silence".to_owned(), |code| code.to_string())
}

impl Target {
    /// Waits until the server has read all that was sent to it.
    pub(super) fn catch_up(&self) {
        let end = Instant::now() + PATIENCE;
        while self.queue().0 > 0 && Instant::now() < end {
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Bytes in the queues of the server's sockets, and datagrams that found
    /// them full.
    fn queue(&self) -> (u64, u64) {
        let are_streams = self.over != Over::Udp;
        let table = if are_streams { "tcp" } else { "udp" };
        let table = std::fs::read_to_string(format!("/proc/net/{table}")).unwrap();
        let port = format!(":{:04X}", self.address.port());
        let rows = table
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        let own = rows.filter(|row| row[1].ends_with(&port));
        own.fold((0, 0), |(queued, lost), row| {
            let (_, receiving) = row[4].split_once(':').unwrap();
            (
                queued + u64::from_str_radix(receiving, 16).unwrap(),
                if are_streams {
                    lost
                } else {
                    lost + row[12].parse::<u64>().unwrap()
                },
            )
        })
    }
}
