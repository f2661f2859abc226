//! What members of a room hear, as they would see it.

mod numbers;
mod properties;
mod selection;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::*;

/// A packet of 20 ms.
const STEP: Duration = Duration::from_millis(20);

const SPEECH: Option<Level> = level(30, true);
const QUIET: Option<Level> = level(127, false);

const fn level(dbov: u8, voice: bool) -> Option<Level> {
    Some(Level { dbov, voice })
}

fn id(number: u64) -> ParticipantId {
    ParticipantId(number)
}

/// What a client sends next.
#[derive(Clone, Copy, Debug, Default)]
struct Pen {
    seq: u16,
    timestamp: u32,
}

/// A room, its members' streams and what they were told.
struct World {
    room: Room,
    now: Instant,
    pens: BTreeMap<u64, Pen>,
    slots: BTreeMap<u64, [Option<ParticipantId>; SLOTS]>,
    speaking: Vec<(u64, bool)>,
}

impl World {
    fn new(most: usize) -> Self {
        Self {
            room: Room::new(RoomLimits { members: most }),
            now: crate::turn::test_now(),
            pens: BTreeMap::new(),
            slots: BTreeMap::new(),
            speaking: Vec::new(),
        }
    }

    /// A room in which 1 to `count` are.
    fn of(count: u64) -> Self {
        let mut world = Self::new(100);
        for number in 1..=count {
            world.enter(number);
        }
        world
    }

    fn enter(&mut self, number: u64) {
        self.room.join(id(number), self.now).unwrap();
        self.room.ready(id(number), self.now);
        self.listen();
    }

    fn leave(&mut self, number: u64) {
        self.room.leave(id(number), self.now);
        self.slots.remove(&number);
        self.listen();
    }

    /// Takes in what there is to tell.
    fn listen(&mut self) {
        while let Some(event) = self.room.poll_event() {
            match event {
                RoomCoreEvent::Speaking {
                    participant,
                    speaking,
                } => self.speaking.push((participant.0, speaking)),
                RoomCoreEvent::Slots { participant, slots } => {
                    self.slots.insert(participant.0, slots);
                }
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        for pen in self.pens.values_mut() {
            pen.timestamp = pen
                .timestamp
                .wrapping_add(u32::try_from(time.as_millis() * 48 % (1 << 32)).unwrap());
        }
        if self.room.poll_timeout().is_some_and(|at| at <= self.now) {
            self.room.handle_timeout(self.now);
        }
        self.listen();
    }

    /// The next packet of a member.
    fn say(&mut self, number: u64, level: Option<Level>) -> Vec<Delivery> {
        let pen = self.pens.entry(number).or_default();
        pen.seq = pen.seq.wrapping_add(1);
        let pen = *pen;
        self.send(number, pen, level).1
    }

    fn send(&mut self, number: u64, pen: Pen, level: Option<Level>) -> (Fate, Vec<Delivery>) {
        let packet = RtpIn {
            seq: pen.seq,
            timestamp: pen.timestamp,
            marker: false,
            red: false,
            level,
            payload: &[1, 2, 3],
        };
        let mut out = Vec::new();
        let fate = self
            .room
            .handle_rtp(id(number), &packet, self.now, &mut out);
        self.listen();
        (fate, out)
    }

    /// These speak together for so long.
    fn talk(&mut self, speakers: &[u64], level: Option<Level>, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            for speaker in speakers {
                self.say(*speaker, level);
            }
            self.wait(STEP);
        }
    }

    fn hears(&self, number: u64) -> Vec<u64> {
        let slots = self.slots.get(&number).into_iter().flatten();
        let mut heard: Vec<u64> = slots.flatten().map(|who| who.0).collect();
        heard.sort_unstable();
        heard
    }
}

fn receivers(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(|delivery| delivery.to.0).collect()
}

#[test]
fn voice_takes_no_memory_once_it_flows() {
    let mut world = World::of(20);
    world.talk(&[1, 2, 3, 15], SPEECH, Duration::from_secs(3));
    let (mut out, now) = (Vec::with_capacity(64), world.now);
    let taken = allocation_counter::measure(|| {
        for number in 1..=200_u16 {
            let now = now + STEP * u32::from(number);
            for who in [1, 15, 19] {
                let packet = RtpIn {
                    seq: 30_000 + number,
                    timestamp: 960 * u32::from(number),
                    marker: false,
                    red: false,
                    level: if number < 100 { SPEECH } else { QUIET },
                    payload: &[7; 100],
                };
                out.clear();
                world.room.handle_rtp(id(who), &packet, now, &mut out);
                while world.room.poll_event().is_some() {}
                world.room.handle_timeout(now);
            }
        }
    });
    assert_eq!(taken.count_total, 0);
}
