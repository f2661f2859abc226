//! All members at work, in one thread: they speak evenly, and what they hear
//! is counted.

use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::member::{Member, News, Role};

/// How many of a room speak at a time, and how long before others do.
const SPEAKERS: usize = 8;
const TURN: Duration = Duration::from_secs(3);

/// How loud speech and silence are, in -dBov.
const SPEECH: u8 = 30;
const SILENCE: u8 = 90;

/// How long the thread sleeps at most.
const NAP: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 1_000_000,
};

/// What the thread and its owner know.
struct Common {
    began: Instant,
    stop: AtomicBool,
    measuring: AtomicBool,
    connected: AtomicU64,
    received: AtomicU64,
    missing: AtomicU64,
}

/// Packets since the last look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) received: u64,
    /// Holes in what was received.
    pub(super) missing: u64,
}

/// See the module.
pub(super) struct Crowd {
    common: Arc<Common>,
    door: Sender<Member>,
    thread: JoinHandle<Histogram<u64>>,
}

impl Crowd {
    /// Nobody yet; who comes speaks every so often.
    pub(super) fn start(every: Duration) -> Self {
        let common = Arc::new(Common {
            began: Instant::now(),
            stop: AtomicBool::new(false),
            measuring: AtomicBool::new(false),
            connected: AtomicU64::new(0),
            received: AtomicU64::new(0),
            missing: AtomicU64::new(0),
        });
        let (door, came) = channel();
        let work = Work {
            common: common.clone(),
            every,
            came,
            members: Vec::new(),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(),
            delays: Histogram::new_with_bounds(1, 10_000_000, 3).unwrap(),
        };
        Self {
            common,
            door,
            thread: std::thread::spawn(move || work.run()),
        }
    }

    /// Lets a connection in.
    pub(super) fn admit(&self, member: Member) {
        self.door.send(member).unwrap();
    }

    /// How many connections are up.
    pub(super) fn connected(&self) -> u64 {
        self.common.connected.load(Ordering::Relaxed)
    }

    /// Counts for so long; what was counted, and delays in µs.
    pub(super) fn measure(self, long: Duration) -> (Counts, Histogram<u64>) {
        let common = self.common;
        common.measuring.store(true, Ordering::Relaxed);
        std::thread::sleep(long);
        common.stop.store(true, Ordering::Relaxed);
        let delays = self.thread.join().unwrap();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = Counts {
            received: count(&common.received),
            missing: count(&common.missing),
        };
        (counts, delays)
    }
}

struct Work {
    common: Arc<Common>,
    every: Duration,
    came: Receiver<Member>,
    members: Vec<Member>,
    epoll: std::os::fd::OwnedFd,
    delays: Histogram<u64>,
}

impl Work {
    fn run(mut self) -> Histogram<u64> {
        let mut measured = false;
        let mut ready = Vec::with_capacity(64);
        while !self.common.stop.load(Ordering::Relaxed) {
            self.admit();
            let measuring = self.common.measuring.load(Ordering::Relaxed);
            if measuring && !measured {
                self.begin();
            }
            measured = measuring;
            self.speak();
            for which in 0..self.members.len() {
                let mut news = News::default();
                self.members[which].wake(Instant::now(), &mut news);
                self.note(&news);
            }
            ready.clear();
            let waited = epoll::wait(&self.epoll, spare_capacity(&mut ready), Some(&NAP));
            if waited.is_err() {
                continue;
            }
            for event in &ready {
                let mut news = News::default();
                let which = usize::try_from(event.data.u64()).unwrap();
                self.members[which].read(&mut news);
                self.note(&news);
            }
        }
        self.end();
        self.delays
    }

    fn admit(&mut self) {
        while let Ok(member) = self.came.try_recv() {
            let which = u64::try_from(self.members.len()).unwrap();
            epoll::add(
                &self.epoll,
                member.socket.as_fd(),
                epoll::EventData::new_u64(which),
                epoll::EventFlags::IN,
            )
            .unwrap();
            self.members.push(member);
        }
    }

    /// Those whose time has come say something; all have the same pace, each
    /// at a time of one's own.
    fn speak(&mut self) {
        let now = Instant::now();
        let count = u32::try_from(self.members.len()).unwrap();
        for (number, member) in (0_u32..).zip(&mut self.members) {
            if !member.connected || member.role == Role::Hears {
                continue;
            }
            let own = self.every * number / count.max(1);
            let due = *member.due.get_or_insert(now + own);
            if due > now {
                continue;
            }
            // Who was held up does not make up for it all at once.
            member.due = Some((due + self.every).max(now));
            let stamp = nanoseconds(self.common.began);
            let loudness = loudness(member.place, now - self.common.began);
            member.say(loudness, stamp, now);
        }
    }

    fn note(&mut self, news: &News) {
        if news.connected {
            self.common.connected.fetch_add(1, Ordering::Relaxed);
        }
        if self.common.measuring.load(Ordering::Relaxed) {
            let now = nanoseconds(self.common.began);
            for stamp in &news.stamps {
                self.delays
                    .saturating_record(now.saturating_sub(*stamp) / 1_000);
            }
        }
    }

    fn begin(&mut self) {
        self.delays.reset();
        let streams = self.members.iter_mut().map(|member| &mut member.streams);
        streams
            .flat_map(|streams| streams.values_mut())
            .for_each(super::member::Stream::restart);
    }

    fn end(&self) {
        let streams = self
            .members
            .iter()
            .flat_map(|member| member.streams.values());
        for (received, missing) in streams.map(|stream| stream.counts()) {
            self.common.received.fetch_add(received, Ordering::Relaxed);
            self.common.missing.fetch_add(missing, Ordering::Relaxed);
        }
    }
}

/// Eight of a room speak, others from turn to turn.
fn loudness((number, members): (usize, usize), since: Duration) -> u8 {
    let turn = usize::try_from(since.as_secs() / TURN.as_secs()).unwrap();
    if (number + turn) % members < SPEAKERS {
        SPEECH
    } else {
        SILENCE
    }
}

fn nanoseconds(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
