//! Bytes as what happens in a voice room: people come and go, are muted and
//! send packets with any numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use payambar_media::sfu::room::{Delivery, Fate, Level, Room, RoomCoreEvent, RoomLimits, RtpIn};
use payambar_media::sfu::{ParticipantId, SLOTS};

use crate::input::Input;

/// More would only make one run slow.
const MOST_STEPS: usize = 400;
/// One more than may be in.
const PEOPLE: u8 = 13;

struct Play {
    room: Room,
    now: Instant,
    joined: BTreeSet<ParticipantId>,
    ready: BTreeSet<ParticipantId>,
    muted: BTreeSet<ParticipantId>,
    told: BTreeMap<ParticipantId, [Option<ParticipantId>; SLOTS]>,
}

/// Plays the bytes; see the module.
pub fn room(data: &[u8]) {
    let most = usize::from(PEOPLE) - 1;
    #[expect(
        clippy::disallowed_methods,
        reason = "there is no other way to an `Instant`"
    )]
    let now = Instant::now();
    let mut play = Play {
        room: Room::new(RoomLimits { members: most }),
        now,
        joined: BTreeSet::new(),
        ready: BTreeSet::new(),
        muted: BTreeSet::new(),
        told: BTreeMap::new(),
    };
    let mut input = Input::new(data);
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        play.step(&mut input, most);
        play.listen();
        play.check();
    }
}

impl Play {
    fn step(&mut self, input: &mut Input<'_>, most: usize) {
        let (step, now) = (input.byte(), self.now);
        let who = ParticipantId(u64::from(input.byte() % PEOPLE));
        match step % 8 {
            0 => {
                let fits = self.joined.contains(&who) || self.joined.len() < most;
                assert_eq!(self.room.join(who, now).is_ok(), fits);
                if fits {
                    self.joined.insert(who);
                }
            }
            1 => {
                self.room.ready(who, now);
                if self.joined.contains(&who) {
                    self.ready.insert(who);
                }
            }
            2 => {
                self.room.leave(who, now);
                self.joined.remove(&who);
                self.ready.remove(&who);
                self.muted.remove(&who);
                self.told.remove(&who);
            }
            3 => {
                let muted = step & 0x80 != 0;
                self.room.mute(who, muted, now);
                if muted && self.joined.contains(&who) {
                    self.muted.insert(who);
                } else {
                    self.muted.remove(&who);
                }
            }
            4 => {
                self.now += Duration::from_millis(u64::from(input.number()));
                if self.room.poll_timeout().is_some_and(|at| at <= self.now) {
                    self.room.handle_timeout(self.now);
                }
            }
            _ => self.send(who, input),
        }
    }

    fn send(&mut self, from: ParticipantId, input: &mut Input<'_>) {
        let (seq, high, low) = (input.number(), input.number(), input.number());
        let loudness = input.byte();
        let level = (loudness != 255).then_some(Level {
            dbov: loudness & 0x7f,
            voice: loudness & 0x80 != 0,
        });
        let packet = RtpIn {
            seq,
            timestamp: u32::from(high) << 16 | u32::from(low),
            marker: false,
            red: false,
            level,
            payload: &[],
        };
        let mut out = Vec::new();
        let fate = self.room.handle_rtp(from, &packet, self.now, &mut out);
        self.listen();
        let admitted = self.ready.contains(&from) && !self.muted.contains(&from);
        assert_eq!(admitted, !matches!(fate, Fate::Stranger | Fate::Muted));
        assert!(out.is_empty() || fate == Fate::Forwarded);
        let receivers: BTreeSet<ParticipantId> = out.iter().map(|one| one.to).collect();
        assert_eq!(receivers.len(), out.len(), "twice to one");
        for Delivery { to, slot, .. } in out {
            assert!(to != from && self.ready.contains(&to));
            assert_eq!(self.told[&to][usize::from(slot)], Some(from));
        }
    }

    fn listen(&mut self) {
        while let Some(event) = self.room.poll_event() {
            match event {
                RoomCoreEvent::Speaking {
                    participant,
                    speaking,
                } => {
                    assert!(self.ready.contains(&participant));
                    assert!(!(speaking && self.muted.contains(&participant)));
                }
                RoomCoreEvent::Slots { participant, slots } => {
                    assert!(self.ready.contains(&participant));
                    self.told.insert(participant, slots);
                }
            }
        }
    }

    /// Everybody was told of others who are here, each once, and of as many as
    /// there are or fit.
    fn check(&self) {
        for who in &self.ready {
            let slots = self.told.get(who).copied().unwrap_or_default();
            let heard: BTreeSet<ParticipantId> = slots.into_iter().flatten().collect();
            assert_eq!(heard.len(), slots.iter().flatten().count());
            assert!(!heard.contains(who) && heard.is_subset(&self.ready));
            assert_eq!(heard.len(), SLOTS.min(self.ready.len() - 1));
        }
    }
}
