//! Those who talk through the relay: a thread that sends evenly, or one that
//! keeps so many on the way; a peer that sends everything back; and a thread
//! that hears what comes to the clients.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use nix::sys::socket::MsgFlags;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::batch::{BATCH, Batch};
use super::link::Link;
use super::turn::{Allocation, Frame};

/// Bytes of a packet of voice: 20 ms of Opus in SRTP.
pub(super) const PAYLOAD: usize = 172;

/// Time between two packets of one caller.
const EVERY: Duration = Duration::from_millis(20);

/// How long a thread may stay deaf to being told to end.
const LOOK: Duration = Duration::from_millis(50);

/// How many each keeps on the way in a closed loop, and after how long of
/// silence they are taken for lost.
const WINDOW: usize = 8;
const LOST: Duration = Duration::from_millis(100);

/// Whose packet this is: its first bytes say so.
pub(super) fn index(payload: &[u8]) -> usize {
    u32::from_be_bytes(payload[..4].try_into().unwrap()) as usize
}

/// What all threads know.
struct Common {
    began: Instant,
    frame: Frame,
    stop: AtomicBool,
    measuring: AtomicBool,
    sent: AtomicU64,
    at_peer: AtomicU64,
    at_clients: AtomicU64,
}

impl Common {
    fn running(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn nanoseconds(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn stamp(&self, payload: &mut [u8]) {
        payload[8..16].copy_from_slice(&self.nanoseconds().to_be_bytes());
    }

    /// Notes how long ago a payload was stamped.
    fn note(&self, payload: &[u8], delays: &mut Histogram<u64>) {
        if self.measuring.load(Ordering::Relaxed) {
            let stamp = u64::from_be_bytes(payload[8..16].try_into().unwrap());
            delays.saturating_record(self.nanoseconds().saturating_sub(stamp));
        }
    }
}

/// Packets so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) at_peer: u64,
    pub(super) at_clients: u64,
}

/// Delays in nanoseconds on the way to the peer and to the clients.
pub(super) struct Delays {
    pub(super) up: Histogram<u64>,
    pub(super) down: Histogram<u64>,
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(100, 10_000_000_000, 3).unwrap()
}

/// Where one caller's packets go, and as what.
pub(super) struct Caller {
    link: Arc<Link>,
    /// A datagram with room for the payload.
    datagram: Vec<u8>,
}

impl Caller {
    /// A caller who reaches `peer` through an allocation.
    pub(super) fn relayed(allocation: Allocation, frame: Frame, peer: SocketAddr) -> Self {
        Self {
            datagram: frame.datagram(peer, PAYLOAD),
            link: Arc::new(allocation.link),
        }
    }

    /// A caller who talks to that address itself.
    pub(super) fn bare(to: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(to).unwrap();
        Self {
            link: Arc::new(Link::datagrams(socket)),
            datagram: vec![0; PAYLOAD],
        }
    }

    fn send(&mut self, number: usize, common: &Common) {
        let payload = common.frame.payload(&mut self.datagram).unwrap();
        payload[..4].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
        common.stamp(payload);
        if self.link.send(&self.datagram) {
            common.sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The peer's socket.
pub(super) fn peer() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(LOOK)).unwrap();
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 4 << 20);
    socket
}

/// The threads at work.
pub(super) struct Running {
    common: Arc<Common>,
    peer: JoinHandle<Histogram<u64>>,
    clients: JoinHandle<Histogram<u64>>,
    sender: Option<JoinHandle<()>>,
}

/// Starts them: evenly spread, or as fast as the answers come.
pub(super) fn start(
    callers: Vec<Caller>,
    peer: UdpSocket,
    frame: Frame,
    saturated: bool,
) -> Running {
    let common = Arc::new(Common {
        began: Instant::now(),
        frame,
        stop: AtomicBool::new(false),
        measuring: AtomicBool::new(false),
        sent: AtomicU64::new(0),
        at_peer: AtomicU64::new(0),
        at_clients: AtomicU64::new(0),
    });
    let spawn_common = || Arc::clone(&common);
    let of_peer = spawn_common();
    let peer = std::thread::spawn(move || answer(&of_peer, &peer));
    let links: Vec<Arc<Link>> = callers
        .iter()
        .map(|caller| Arc::clone(&caller.link))
        .collect();
    let (of_clients, of_sender) = (spawn_common(), spawn_common());
    let (clients, sender) = if saturated {
        let clients = std::thread::spawn(move || hear(&of_clients, &links, Some(callers)));
        (clients, None)
    } else {
        let clients = std::thread::spawn(move || hear(&of_clients, &links, None));
        let sender = std::thread::spawn(move || speak(&of_sender, callers));
        (clients, Some(sender))
    };
    Running {
        common,
        peer,
        clients,
        sender,
    }
}

impl Running {
    pub(super) fn counts(&self) -> Counts {
        let value = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            sent: value(&self.common.sent),
            at_peer: value(&self.common.at_peer),
            at_clients: value(&self.common.at_clients),
        }
    }

    /// From now on delays count.
    pub(super) fn measure(&self) {
        self.common.measuring.store(true, Ordering::Relaxed);
    }

    /// Ends them.
    pub(super) fn stop(self) -> Delays {
        self.common.stop.store(true, Ordering::Relaxed);
        if let Some(sender) = self.sender {
            sender.join().unwrap();
        }
        Delays {
            up: self.peer.join().unwrap(),
            down: self.clients.join().unwrap(),
        }
    }
}

/// Sends one packet of each caller every 20 ms, evenly spread over that time.
fn speak(common: &Common, mut callers: Vec<Caller>) {
    // Else the kernel wakes it up to 50 µs late, and so in bursts.
    let _ = nix::sys::prctl::set_timerslack(1);
    let step = EVERY / u32::try_from(callers.len()).unwrap();
    let count = callers.len();
    let began = Instant::now();
    let mut nth = 0_u32;
    while common.running() {
        let due = began + step * nth;
        let wait = due.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        let number = nth as usize % count;
        callers[number].send(number, common);
        nth += 1;
    }
}

/// Sends back what comes to the peer.
fn answer(common: &Common, peer: &UdpSocket) -> Histogram<u64> {
    let mut delays = histogram();
    let mut batch = Batch::new();
    let mut to = Vec::with_capacity(BATCH);
    while common.running() {
        let count = batch.receive(peer, MsgFlags::MSG_WAITFORONE);
        to.clear();
        for nth in 0..count {
            let (from, payload) = batch.datagram(nth);
            common.note(payload, &mut delays);
            common.stamp(payload);
            to.push(from);
        }
        batch.send(peer, &to);
        let count = u64::try_from(count).unwrap();
        common.at_peer.fetch_add(count, Ordering::Relaxed);
    }
    delays
}

/// Hears what comes to the clients; with callers, each sends its next packet
/// when one has come.
fn hear(common: &Common, links: &[Arc<Link>], mut callers: Option<Vec<Caller>>) -> Histogram<u64> {
    let mut delays = histogram();
    let ready = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (number, link) in (0..).zip(links) {
        link.hurry();
        let number = epoll::EventData::new_u64(number);
        epoll::add(&ready, link, number, epoll::EventFlags::IN).unwrap();
    }
    let mut heard = vec![Instant::now() - LOST; links.len()];
    let mut looked = Instant::now() - LOST;
    let mut events = Vec::with_capacity(256);
    let wait = Timespec::try_from(LOOK).unwrap();
    while common.running() {
        if let Some(callers) = &mut callers
            && looked.elapsed() >= LOST
        {
            looked = Instant::now();
            refill(common, callers, &mut heard);
        }
        events.clear();
        if epoll::wait(&ready, spare_capacity(&mut events), Some(&wait)).is_err() {
            continue;
        }
        for event in &events {
            let data = event.data;
            let number = data.u64() as usize;
            let mut came = 0;
            links[number].receive(|message| {
                if let Some(payload) = common.frame.payload(message) {
                    common.note(payload, &mut delays);
                    came += 1;
                }
            });
            common.at_clients.fetch_add(came, Ordering::Relaxed);
            if let Some(callers) = &mut callers
                && came > 0
            {
                heard[number] = Instant::now();
                (0..came).for_each(|_| callers[number].send(number, common));
            }
        }
    }
    delays
}

/// Fills the windows of those who heard nothing for long.
fn refill(common: &Common, callers: &mut [Caller], heard: &mut [Instant]) {
    for (number, (caller, heard)) in callers.iter_mut().zip(heard).enumerate() {
        if heard.elapsed() >= LOST {
            *heard = Instant::now();
            for _ in 0..WINDOW {
                caller.send(number, common);
            }
        }
    }
}
