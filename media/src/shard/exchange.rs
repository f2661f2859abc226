//! Payloads on their way from one shard to another: a bounded ring of bytes
//! for each pair, and a bell for whoever sleeps. Nobody waits: what a full
//! ring does not take is dropped.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::turn::packet::Packet;
use crate::turn::server::Crossing;
use crate::turn::{Family, RelayPort, Shard};

/// Bytes that one shard may have under way to another: 5 ms of 100,000 voice
/// packets a second. Nothing of it is in memory until it was used.
const RING: usize = 128 * 1024;

/// Family, length of the payload, port it comes from, port it goes to.
const HEADER: usize = 7;

/// How a shard is woken that has something to fetch.
pub(super) struct Bell {
    /// Whether it sleeps, or is about to.
    is_asleep: AtomicBool,
    /// Readable wakes it.
    wake: Arc<OwnedFd>,
}

impl Bell {
    pub(super) fn new(wake: Arc<OwnedFd>) -> Self {
        Self {
            is_asleep: AtomicBool::new(false),
            wake,
        }
    }

    /// Said before the last look at the rings.
    fn lie_down(&self) {
        self.is_asleep.store(true, Ordering::Relaxed);
        // Either this shard sees what was put into its rings, or who put it
        // there sees that it sleeps.
        fence(Ordering::SeqCst);
    }

    fn get_up(&self) {
        self.is_asleep.store(false, Ordering::Relaxed);
    }

    /// Said after something was put into a ring.
    fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.is_asleep.load(Ordering::Relaxed) && self.is_asleep.swap(false, Ordering::Relaxed) {
            // It can fail only when it is readable already.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }
}

/// The way to another shard.
struct Out {
    ring: Producer<u8>,
    bell: Arc<Bell>,
    /// Something was put in since the bell was rung.
    is_due: bool,
}

/// One shard's end of all rings; empty where there is no other shard.
pub(super) struct Exchange {
    bell: Arc<Bell>,
    /// By the number of the other shard.
    out: Vec<Option<Out>>,
    inward: Vec<Consumer<u8>>,
    /// Whose turn it is.
    next: usize,
}

impl Exchange {
    /// Those of shards that are woken like this, in their order.
    pub(super) fn between(wakes: &[Arc<OwnedFd>]) -> Vec<Self> {
        let bells = wakes
            .iter()
            .map(|wake| Arc::new(Bell::new(Arc::clone(wake))));
        let mut exchanges: Vec<Self> = bells
            .map(|bell| Self {
                bell,
                out: Vec::new(),
                inward: Vec::new(),
                next: 0,
            })
            .collect();
        for from in 0..exchanges.len() {
            for to in 0..exchanges.len() {
                let way = (from != to).then(|| RingBuffer::new(RING));
                let out = way.and_then(|(ring, end)| {
                    let to = exchanges.get_mut(to)?;
                    to.inward.push(end);
                    let (bell, is_due) = (Arc::clone(&to.bell), false);
                    Some(Out { ring, bell, is_due })
                });
                if let Some(from) = exchanges.get_mut(from) {
                    from.out.push(out);
                }
            }
        }
        exchanges
    }

    /// Hands a payload to another shard. `false`: there is no room.
    pub(super) fn put(&mut self, shard: Shard, crossing: Crossing, payload: &[u8]) -> bool {
        let Some(Some(out)) = self.out.get_mut(usize::from(shard.0)) else {
            return false;
        };
        let Ok(length) = u16::try_from(payload.len()) else {
            return false;
        };
        // All of it at once, so that the other end finds it whole or not.
        let Ok(mut chunk) = out.ring.write_chunk(HEADER + payload.len()) else {
            return false;
        };
        let (first, second) = chunk.as_mut_slices();
        let rest = fill((first, second), &header(crossing, length));
        fill(rest, payload);
        chunk.commit_all();
        out.is_due = true;
        true
    }

    /// Wakes those for whom something was put in.
    pub(super) fn ring(&mut self) {
        for out in self.out.iter_mut().flatten().filter(|out| out.is_due) {
            out.is_due = false;
            out.bell.ring();
        }
    }

    /// Fetches the next payload for this shard into `packet`.
    pub(super) fn next(&mut self, packet: &mut Packet) -> Option<Crossing> {
        let rings = self.inward.len();
        for _ in 0..rings {
            let ring = self.inward.get_mut(self.next)?;
            // One from each in turn.
            self.next = (self.next + 1) % rings;
            let mut bytes = [0; HEADER];
            if ring.pop_entire_slice(&mut bytes).is_err() {
                continue;
            }
            let (crossing, length) = read(bytes);
            let space = packet.space().get_mut(..length)?;
            ring.pop_entire_slice(space).ok()?;
            return packet.filled(length).then_some(crossing);
        }
        None
    }

    /// Whether nothing is there to fetch. Then the bell is rung for what comes,
    /// until this shard [gets up](Self::get_up).
    pub(super) fn may_sleep(&self) -> bool {
        if self.inward.is_empty() {
            return true;
        }
        self.bell.lie_down();
        self.inward.iter().all(Consumer::is_empty)
    }

    /// Looks at the rings again without being told.
    pub(super) fn get_up(&self) {
        if !self.inward.is_empty() {
            self.bell.get_up();
        }
    }
}

fn header(crossing: Crossing, length: u16) -> [u8; HEADER] {
    let Crossing { from, to } = crossing;
    let family = u8::from(from.family == Family::V6);
    let [l0, l1] = length.to_be_bytes();
    let [f0, f1] = from.port.to_be_bytes();
    let [t0, t1] = to.port.to_be_bytes();
    [family, l0, l1, f0, f1, t0, t1]
}

fn read([family, l0, l1, f0, f1, t0, t1]: [u8; HEADER]) -> (Crossing, usize) {
    let family = if family == 0 { Family::V4 } else { Family::V6 };
    let port = |bytes| RelayPort {
        family,
        port: u16::from_be_bytes(bytes),
    };
    let (from, to) = (port([f0, f1]), port([t0, t1]));
    (
        Crossing { from, to },
        usize::from(u16::from_be_bytes([l0, l1])),
    )
}

/// Copies `bytes` to the beginning of a place in two parts; returns the rest
/// of it. What does not fit is left out: there is room for all.
fn fill<'a>(
    (first, second): (&'a mut [u8], &'a mut [u8]),
    bytes: &[u8],
) -> (&'a mut [u8], &'a mut [u8]) {
    let in_first = bytes.len().min(first.len());
    let (head, tail) = bytes.split_at(in_first);
    let (place, first) = first.split_at_mut(in_first);
    place.copy_from_slice(head);
    let in_second = tail.len().min(second.len());
    let (place, second) = second.split_at_mut(in_second);
    place.copy_from_slice(tail.get(..in_second).unwrap_or_default());
    (first, second)
}

#[cfg(test)]
mod tests {
    use rustix::event::{EventfdFlags, eventfd};

    use super::*;

    fn exchanges(count: usize) -> (Vec<Exchange>, Vec<Arc<OwnedFd>>) {
        let wake = || Arc::new(eventfd(0, EventfdFlags::NONBLOCK).unwrap());
        let wakes: Vec<_> = std::iter::repeat_with(wake).take(count).collect();
        (Exchange::between(&wakes), wakes)
    }

    fn crossing(from: u16, to: u16) -> Crossing {
        let (from, to) = (RelayPort::v4(from), RelayPort::v4(to));
        Crossing { from, to }
    }

    fn fetch(exchange: &mut Exchange) -> Option<(Crossing, Vec<u8>)> {
        let mut packet = Packet::new();
        let crossing = exchange.next(&mut packet)?;
        Some((crossing, packet.datagram().to_vec()))
    }

    /// Whether the bell was rung since this was asked last.
    fn was_woken(wake: &OwnedFd) -> bool {
        rustix::io::read(wake, &mut [0; 8]).is_ok()
    }

    #[test]
    fn what_is_put_in_comes_out_at_the_other_end_and_nowhere_else() {
        let (mut shards, _) = exchanges(3);
        let v6 = Crossing {
            from: RelayPort::v6(65_535),
            to: RelayPort::v6(1),
        };
        for (from, to, crossing, payload) in [
            (0, 2, crossing(1, 2), &b"first"[..]),
            (0, 2, v6, b""),
            (2, 0, crossing(3, 4), &[7; 2000]),
            (1, 2, crossing(5, 6), b"other"),
        ] {
            assert!(shards[from].put(Shard(to), crossing, payload));
        }
        assert_eq!(fetch(&mut shards[1]), None);
        assert_eq!(fetch(&mut shards[0]), Some((crossing(3, 4), vec![7; 2000])));
        let mut fetched: Vec<_> = (0..4).filter_map(|_| fetch(&mut shards[2])).collect();
        // Each in turn, and what comes from one shard in its order.
        assert_eq!(fetched.remove(1), (crossing(5, 6), b"other".to_vec()));
        assert_eq!(fetched, [(crossing(1, 2), b"first".to_vec()), (v6, vec![])]);
    }

    #[test]
    fn a_ring_takes_as_much_as_it_holds_and_again_when_that_is_fetched() {
        let (mut shards, _) = exchanges(2);
        for round in 0..50_u16 {
            let mut put = 0;
            while shards[0].put(
                Shard(1),
                crossing(round, put),
                &put.to_be_bytes().repeat(100),
            ) {
                put += 1;
            }
            assert_eq!(usize::from(put), RING / 207);
            for nth in 0..put {
                let fetched = fetch(&mut shards[1]);
                let payload = nth.to_be_bytes().repeat(100);
                assert_eq!(fetched, Some((crossing(round, nth), payload)));
            }
            assert_eq!(fetch(&mut shards[1]), None);
        }
    }

    #[test]
    fn who_sleeps_is_woken_once_and_who_does_not_is_left_alone() {
        let (mut shards, wakes) = exchanges(2);
        let hand_over = |shards: &mut Vec<Exchange>| {
            assert!(shards[0].put(Shard(1), crossing(1, 2), b"x"));
            shards[0].ring();
        };
        hand_over(&mut shards);
        assert!(!was_woken(&wakes[1]), "it looks by itself");
        // It is found by the last look before sleep.
        assert!(!shards[1].may_sleep());
        shards[1].get_up();
        assert!(fetch(&mut shards[1]).is_some());
        assert!(shards[1].may_sleep());
        for woken in [true, false, false] {
            hand_over(&mut shards);
            assert_eq!(was_woken(&wakes[1]), woken);
        }
        assert!(!was_woken(&wakes[0]));
        shards[1].get_up();
        hand_over(&mut shards);
        assert!(!was_woken(&wakes[1]));
    }

    #[test]
    fn nothing_is_lost_between_a_look_and_sleep() {
        let (mut shards, wakes) = exchanges(2);
        let mut receiver = shards.pop().unwrap();
        let mut sender = shards.pop().unwrap();
        let wake = Arc::clone(&wakes[1]);
        let handing_over = std::thread::spawn(move || {
            for nth in 0..20_000_u16 {
                while !sender.put(Shard(1), crossing(nth, 1), b"payload") {
                    std::thread::yield_now();
                }
                sender.ring();
            }
        });
        let mut expected = 0;
        while expected < 20_000 {
            while let Some((Crossing { from, .. }, _)) = fetch(&mut receiver) {
                assert_eq!(from.port, expected);
                expected += 1;
            }
            if expected < 20_000 && receiver.may_sleep() {
                // Nobody else would ever wake it.
                let mut descriptor = [rustix::event::PollFd::new(
                    &*wake,
                    rustix::event::PollFlags::IN,
                )];
                let patience = rustix::event::Timespec {
                    tv_sec: 10,
                    tv_nsec: 0,
                };
                let ready = rustix::event::poll(&mut descriptor, Some(&patience)).unwrap();
                assert_eq!(ready, 1, "a wake-up is missing after {expected}");
                was_woken(&wake);
            }
            receiver.get_up();
        }
        handing_over.join().unwrap();
    }

    #[test]
    fn a_single_shard_has_nothing_to_look_at() {
        let (mut shards, _) = exchanges(1);
        assert!(shards[0].may_sleep());
        assert!(!shards[0].put(Shard(0), crossing(1, 2), b"x"));
        assert_eq!(fetch(&mut shards[0]), None);
    }
}
