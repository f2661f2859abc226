//! The core of our rooms in the barest shell there can be: one socket, batches
//! in and out, commands as lines. It says what a packet costs without hub and
//! people around it.

use std::io::{BufRead as _, BufReader, IoSlice, Write as _};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::socket::MsgFlags;
use payambar_media::Counters;
use payambar_media::sfu::engine::RtcEngine;
use payambar_media::sfu::server::{Limits, Rooms, Transmit};
use payambar_media::sfu::{ParticipantId, RoomEvent, RoomId};
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};
use serde::{Deserialize, Serialize};

use super::crowd::Crowd;
use super::member::{Member, Role};
use crate::relay::batch::{BATCH, Batch};

/// How long it waits for a datagram: commands and timers come in between.
const LOOK: Duration = Duration::from_millis(5);

/// What is said to it, a line each.
#[derive(Debug, Serialize, Deserialize)]
enum Say {
    Join { room: u64, participant: u64 },
    Answer { participant: u64, sdp: String },
}

/// What it says, a line each.
#[derive(Debug, Serialize, Deserialize)]
struct Offer {
    participant: u64,
    sdp: String,
}

/// Runs it until its input ends.
pub(crate) fn run(address: SocketAddr) {
    let socket = UdpSocket::bind(address).unwrap();
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 4 << 20);
    socket.set_read_timeout(Some(LOOK)).unwrap();
    let (sender, said) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            let say: Say = serde_json::from_str(&line.unwrap()).unwrap();
            sender.send(say).unwrap();
        }
        std::process::exit(0);
    });
    let limits = Limits {
        room: 1_000,
        all: 1_000,
        half_open_room: 1_000,
        half_open: 1_000,
    };
    let counters = Arc::new(Counters::new());
    let rooms = Rooms::new(vec![address], limits, counters);
    Shell {
        socket,
        rooms: rooms.unwrap(),
        said,
        out: Vec::with_capacity(BATCH),
    }
    .run();
}

struct Shell {
    socket: UdpSocket,
    rooms: Rooms<RtcEngine>,
    said: Receiver<Say>,
    out: Vec<Transmit>,
}

impl Shell {
    fn run(mut self) {
        let mut batch = Batch::new();
        loop {
            let count = batch.receive(&self.socket, MsgFlags::MSG_WAITFORONE);
            let now = Instant::now();
            for nth in 0..count {
                let (source, bytes) = batch.datagram(nth);
                self.rooms.handle_datagram(source, bytes, now);
                self.drain();
            }
            while let Ok(say) = self.said.try_recv() {
                match say {
                    Say::Join { room, participant } => {
                        let (room, participant) = (RoomId(room), ParticipantId(participant));
                        self.rooms.handle_join(room, participant, now);
                    }
                    Say::Answer { participant, sdp } => {
                        let participant = ParticipantId(participant);
                        self.rooms.handle_answer(participant, &sdp, now);
                    }
                }
                self.drain();
            }
            if self.rooms.poll_timeout().is_some_and(|at| at <= now) {
                self.rooms.handle_timeout(now);
                self.drain();
            }
            self.flush();
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.rooms.poll_event() {
            if let RoomEvent::Offer { participant, sdp } = event {
                let participant = participant.0;
                let offer = serde_json::to_string(&Offer { participant, sdp });
                let mut out = std::io::stdout().lock();
                writeln!(out, "{}", offer.unwrap()).unwrap();
            }
        }
        while let Some(transmit) = self.rooms.poll_transmit() {
            self.out.push(transmit);
            if self.out.len() == BATCH {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        let mut rest = &self.out[..];
        while !rest.is_empty() {
            let addresses: Vec<_> = rest.iter().map(|one| one.to.as_any()).collect();
            let bytes: Vec<_> = rest.iter().map(|one| [IoSlice::new(&one.bytes)]).collect();
            let mut controls: Vec<_> = rest
                .iter()
                .map(|_| SendAncillaryBuffer::default())
                .collect();
            let headers = addresses.iter().zip(&bytes).zip(&mut controls);
            let mut headers: Vec<_> = headers
                .map(|((to, bytes), control)| MMsgHdr::new_with_addr(to, bytes, control))
                .collect();
            let sent = sendmmsg(&self.socket, &mut headers, SendFlags::DONTWAIT).unwrap_or(0);
            // One that cannot be sent is lost.
            rest = &rest[sent.max(1)..];
        }
        self.out.clear();
    }
}

/// The running shell; ended when dropped.
pub(super) struct Bare {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    address: IpAddr,
    participants: u64,
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bare {
    /// Starts one whose members come from this address, where it is, too.
    pub(super) fn start(address: IpAddr) -> Self {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        let at = socket.local_addr().unwrap().to_string();
        drop(socket);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["bare-rooms", "--at", &at])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            child,
            to,
            from: BufReader::new(from),
            address,
            participants: 0,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Opens a room; how many connections its members have.
    pub(super) fn fill(&mut self, room: usize, members: usize, crowd: &Crowd) -> u64 {
        for number in 0..members {
            let mut member = Member::new(self.address, Role::Both, (number, members));
            self.participants += 1;
            let participant = self.participants;
            let room = u64::try_from(room).unwrap();
            self.say(&Say::Join { room, participant });
            let mut line = String::new();
            self.from.read_line(&mut line).unwrap();
            let offer: Offer = serde_json::from_str(&line).expect("an offer");
            assert_eq!(offer.participant, participant);
            let sdp = member.answer(&offer.sdp);
            crowd.admit(member);
            self.say(&Say::Answer { participant, sdp });
        }
        u64::try_from(members).unwrap()
    }

    fn say(&mut self, say: &Say) {
        writeln!(self.to, "{}", serde_json::to_string(say).unwrap()).unwrap();
    }
}
