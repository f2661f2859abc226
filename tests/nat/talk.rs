//! Two people talk, and every packet is looked at.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, timeout};
use webrtc_util::Conn;

use crate::server::PATIENCE;

/// Bytes of a voice packet: 20 ms of Opus at 64 kbit/s, and its RTP header.
const SIZE: usize = 172;
/// What is sent to open a way, or to see it open.
pub(crate) const OPEN: &[u8] = b"open";
const END: &[u8] = b"end";
/// How often a packet that may be lost is sent again.
pub(crate) const AGAIN: Duration = Duration::from_millis(20);

/// One side of a call: what it sends by, and where the other is.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) conn: &'a dyn Conn,
    pub(crate) to: SocketAddr,
}

/// How much is said each way.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) packets: u32,
    pub(crate) every: Duration,
}

/// What became of the packets of one direction.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) sent: usize,
    pub(crate) arrived: usize,
    pub(crate) twice: usize,
    pub(crate) changed: usize,
    delays: Vec<Duration>,
}

impl Heard {
    /// Both directions together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.sent += other.sent;
        self.arrived += other.arrived;
        self.twice += other.twice;
        self.changed += other.changed;
        self.delays.extend(other.delays);
        self
    }

    pub(crate) fn share(&self) -> f64 {
        self.arrived as f64 / self.sent as f64
    }

    pub(crate) fn report(&self, what: &str) {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        let rank = |percent: usize| delays.get(delays.len() * percent / 100);
        println!(
            "{what}: {} sent, {} arrived ({:.2} %), {} twice, {} changed; one way p50 {:.0?}, p99 {:.0?}",
            self.sent,
            self.arrived,
            self.share() * 100.0,
            self.twice,
            self.changed,
            rank(50).copied().unwrap_or_default(),
            rank(99).copied().unwrap_or_default(),
        );
    }
}

/// Both sides knock until each has heard the other, then talk at once. Says
/// what the second heard of the first, and the first of the second.
pub(crate) async fn talk(first: Side<'_>, second: Side<'_>, pace: Pace) -> [Heard; 2] {
    open(first, second).await;
    let there = Direction::new(1, first, second, pace);
    let back = Direction::new(2, second, first, pace);
    let all = async { tokio::join!(there.send(), there.hear(), back.send(), back.hear()) };
    // Longer than the packets take, however slow the machine is.
    let limit = PATIENCE + pace.every * pace.packets * 4;
    let ((), there, (), back) = timeout(limit, all).await.expect("the talk does not end");
    [there, back]
}

async fn open(first: Side<'_>, second: Side<'_>) {
    let heard = [Cell::new(false), Cell::new(false)];
    let both = || heard[0].get() && heard[1].get();
    let knock = async |side: Side<'_>, hears: &Cell<bool>| {
        let mut buffer = [0; 512];
        while !both() {
            side.conn.send_to(OPEN, side.to).await.unwrap();
            // Nothing in time: the packet or its way was not there yet.
            let Ok(packet) = timeout(AGAIN, side.conn.recv_from(&mut buffer)).await else {
                continue;
            };
            let (size, from) = packet.unwrap();
            assert_eq!((&buffer[..size], from), (OPEN, side.to));
            hears.set(true);
        }
    };
    let knocking = async { tokio::join!(knock(first, &heard[0]), knock(second, &heard[1])) };
    let opened = timeout(PATIENCE, knocking).await;
    opened.expect("the two do not reach each other");
}

struct Direction<'a> {
    mark: u8,
    from: Side<'a>,
    to: Side<'a>,
    pace: Pace,
    sent: RefCell<Vec<Instant>>,
    ended: Cell<bool>,
}

impl<'a> Direction<'a> {
    fn new(mark: u8, from: Side<'a>, to: Side<'a>, pace: Pace) -> Self {
        Self {
            mark,
            from,
            to,
            pace,
            sent: RefCell::default(),
            ended: Cell::new(false),
        }
    }

    /// The packet of that number: no two are alike in any part.
    fn voice(&self, number: u32) -> Vec<u8> {
        let mut state = number.wrapping_mul(2).wrapping_add(u32::from(self.mark));
        let mut packet = vec![self.mark];
        packet.extend(number.to_be_bytes());
        packet.resize_with(SIZE, || {
            state = state.wrapping_mul(0x9e37_79b1).wrapping_add(1);
            state.to_be_bytes()[0]
        });
        packet
    }

    async fn send(&self) {
        let Side { conn, to } = self.from;
        let mut ticks = interval(self.pace.every);
        // After a pause of this process the rest is not sent in one burst,
        // which no caller would do.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 0..self.pace.packets {
            ticks.tick().await;
            self.sent.borrow_mut().push(Instant::now());
            conn.send_to(&self.voice(number), to).await.unwrap();
        }
        let mut ticks = interval(AGAIN);
        while !self.ended.get() {
            ticks.tick().await;
            conn.send_to(END, to).await.unwrap();
        }
    }

    /// Hears all that comes before the first end mark: the way keeps the order.
    async fn hear(&self) -> Heard {
        let mut seen = vec![false; self.pace.packets as usize];
        let mut heard = Heard {
            sent: seen.len(),
            ..Heard::default()
        };
        let mut buffer = [0; 2048];
        loop {
            let (size, from) = self.to.conn.recv_from(&mut buffer).await.unwrap();
            assert_eq!(from, self.to.to);
            let packet = &buffer[..size];
            match packet {
                END => break,
                OPEN => continue,
                _ => {}
            }
            let number = packet.get(1..5).map_or(u32::MAX, |bytes| {
                u32::from_be_bytes(bytes.try_into().unwrap())
            });
            match seen.get_mut(number as usize) {
                Some(_) if packet != self.voice(number) => heard.changed += 1,
                None => heard.changed += 1,
                Some(true) => heard.twice += 1,
                Some(first) => {
                    *first = true;
                    heard.arrived += 1;
                    let sent = self.sent.borrow()[number as usize];
                    heard.delays.push(sent.elapsed());
                }
            }
        }
        self.ended.set(true);
        heard
    }
}
