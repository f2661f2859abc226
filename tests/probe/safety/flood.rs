//! Many questions of strangers.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::{Rows, Stage};
use crate::client::Client;
use crate::server::PATIENCE;
use crate::table::row;
use crate::target::Target;
use crate::wire::{ALLOCATE, Message, udp};

const QUESTIONS: usize = 60_000;

/// Sockets they come from.
const SOCKETS: usize = 64;

/// Growth that is allowed, in KiB.
const MOST: u64 = 4096;

/// Questions sent before the server's queue is looked at.
const BURST: usize = 64;

pub(super) fn rows() -> Rows {
    vec![
        row(
            "60,000 Allocates of strangers: memory kept",
            "≤ 4096 KiB, none lost on the way",
            |stage: &Stage| flood(&stage.plain),
        )
        .met_by(|cell| {
            let (grown, lost) = cell.split_once(" KiB, lost ").unwrap_or_default();
            grown.parse::<u64>().is_ok_and(|grown| grown <= MOST) && lost == "0"
        }),
        row(
            "then an Allocate from another network",
            "401",
            |stage: &Stage| {
                let mut client = Client::of(&stage.plain, 1, "127.0.5.1");
                Ok(client.plain(&Message::new(ALLOCATE, &[udp()]).bytes))
            },
        ),
        row(
            "then an allocation from another network",
            "success",
            |stage: &Stage| {
                let mut client = Client::of(&stage.plain, 1, "127.0.6.1");
                client.challenge()?;
                Ok(client.plain(&client.signed(ALLOCATE, &[udp()]).bytes))
            },
        ),
    ]
}

fn flood(target: &Target) -> Result<String, String> {
    let sockets: Vec<_> = (0..SOCKETS)
        .map(|_| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(target.address).unwrap();
            socket
        })
        .collect();
    let before = target.resident();
    let lost_before = target.queue().1;
    for number in 0..QUESTIONS {
        let socket = &sockets[number % SOCKETS];
        // Refused only where the server is gone, which the next row shows.
        let _ = socket.send(&Message::new(ALLOCATE, &[udp()]).bytes);
        if number % BURST == 0 {
            target.catch_up();
        }
    }
    target.catch_up();
    let grown = target.resident().saturating_sub(before);
    Ok(format!(
        "{grown} KiB, lost {}",
        target.queue().1 - lost_before
    ))
}

impl Target {
    /// Waits until the server has read all that was sent to it.
    pub(super) fn catch_up(&self) {
        let end = Instant::now() + PATIENCE;
        while self.queue().0 > 0 && Instant::now() < end {
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Bytes in the queues of the server's listeners, and datagrams that found
    /// them full.
    fn queue(&self) -> (u64, u64) {
        let table = std::fs::read_to_string("/proc/net/udp").unwrap();
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
                lost + row[12].parse::<u64>().unwrap(),
            )
        })
    }
}
