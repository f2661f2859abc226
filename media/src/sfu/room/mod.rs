//! One voice room: who is in it, who is heard, and the numbers of the packets
//! that go out. Nothing here is encrypted, and payloads are not looked at.
//!
//! The loudest have a seat on the stage, and everybody hears the stage without
//! oneself. Up to nine members all have a seat, and nobody is ever chosen or
//! left out. With more, who begins to speak takes the seat of who has been
//! silent longest, from the first voiced packet on; while all speak, a seat
//! changes hands only for somebody who is clearly louder. Each receiver has the
//! stage in slots that stay: a slot changes when its source leaves the stage.

mod slots;
mod source;
mod stage;
#[cfg(test)]
mod tests;
mod voice;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::{ParticipantId, SLOTS};
use slots::Slots;
use source::Source;
use stage::{Rank, STAGE, Stage};
use voice::Voice;

/// What an RTP packet of a member says, once it was decrypted.
#[derive(Clone, Copy, Debug)]
pub struct RtpIn<'a> {
    /// Sequence number.
    pub seq: u16,
    /// In ticks of 48 kHz.
    pub timestamp: u32,
    /// The first of a talk spurt.
    pub marker: bool,
    /// Whether the payload is RED (RFC 2198) and not bare Opus.
    pub red: bool,
    /// How loud it is, if the client says so (RFC 6464).
    pub level: Option<Level>,
    /// Opus or RED.
    pub payload: &'a [u8],
}

/// How loud a packet is (RFC 6464).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// In -dBov: 0 is the loudest, 127 is silence.
    pub dbov: u8,
    /// Whether the client takes it for speech.
    pub voice: bool,
}

/// A packet that goes out to a member, with the payload of the one that came
/// in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Who gets it.
    pub to: ParticipantId,
    /// In which of the receiver's slots, less than [`SLOTS`].
    pub slot: u8,
    /// Of the slot's own stream.
    pub seq: u16,
    /// Of the slot's own stream.
    pub timestamp: u32,
    /// Also set where the slot's stream begins anew.
    pub marker: bool,
}

/// What became of a packet that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It went to everybody else who can be sent to.
    Forwarded,
    /// Its sender has no seat on the stage.
    OffStage,
    /// Its sender is muted by a moderator.
    Muted,
    /// It came twice.
    Duplicate,
    /// It is too old, or too far from the stream that it claims to belong to.
    OutOfWindow,
    /// Its sender is not in this room, or not ready.
    Stranger,
}

/// What changed in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomCoreEvent {
    /// A member began to speak or ended.
    Speaking {
        /// Who.
        participant: ParticipantId,
        /// Whether speech is heard.
        speaking: bool,
    },
    /// Whom a receiver's slots carry from the next packet on.
    Slots {
        /// The receiver.
        participant: ParticipantId,
        /// By slot.
        slots: [Option<ParticipantId>; SLOTS],
    },
}

/// How large a room may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLimits {
    /// How many members at most.
    pub members: usize,
}

/// No one more may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the room is full")]
pub struct Full;

/// See the module.
#[derive(Debug)]
pub struct Room {
    limits: RoomLimits,
    members: BTreeMap<ParticipantId, Member>,
    /// How many members are ready.
    ready: usize,
    stage: Stage,
    news: VecDeque<(ParticipantId, News)>,
    /// No later than the first moment at which somebody's speech may end.
    wake_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Member {
    /// Media may be sent to it, and is taken from it.
    ready: bool,
    muted: bool,
    source: Source,
    voice: Voice,
    slots: Slots,
    told: Told,
}

/// What was said about a member, and whether there is more to say.
#[derive(Debug, Default)]
struct Told {
    speaking: bool,
    speaking_waits: bool,
    slots: [Option<ParticipantId>; SLOTS],
    slots_wait: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Speaking,
    Slots,
}

impl Room {
    /// An empty room.
    #[must_use]
    pub fn new(limits: RoomLimits) -> Self {
        Self {
            limits,
            members: BTreeMap::new(),
            ready: 0,
            stage: Stage::default(),
            news: VecDeque::new(),
            wake_at: None,
        }
    }

    /// Lets somebody in who cannot be sent to yet. Who is in already stays as
    /// it is.
    ///
    /// # Errors
    ///
    /// [`Full`] when the limit is reached.
    pub fn join(&mut self, participant: ParticipantId, _now: Instant) -> Result<(), Full> {
        if !self.members.contains_key(&participant) {
            if self.members.len() >= self.limits.members {
                return Err(Full);
            }
            self.members.insert(participant, Member::default());
        }
        Ok(())
    }

    /// Media may be sent to this member from now on, and is taken from it.
    pub fn ready(&mut self, participant: ParticipantId, now: Instant) {
        let Some(member) = self.members.get_mut(&participant) else {
            return;
        };
        if !member.ready {
            member.ready = true;
            self.ready += 1;
            self.settle(now);
        }
    }

    /// Whoever leaves is heard no more and hears no more.
    pub fn leave(&mut self, participant: ParticipantId, now: Instant) {
        let Some(member) = self.members.remove(&participant) else {
            return;
        };
        self.news.retain(|(whose, _)| *whose != participant);
        if member.ready {
            self.ready -= 1;
            self.stage.remove(participant);
            self.settle(now);
        }
    }

    /// Mutes a member in the name of a moderator, or ends that. What a muted
    /// member sends goes nowhere.
    pub fn mute(&mut self, participant: ParticipantId, muted: bool, _now: Instant) {
        let Some(member) = self.members.get_mut(&participant) else {
            return;
        };
        if member.muted != muted {
            member.muted = muted;
            // What comes after it follows what went out before it.
            member.source.begin_anew();
            member.voice = Voice::default();
            self.note(participant, News::Speaking);
        }
    }

    /// Whether nobody is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A packet of a member: adds what goes out to `out`. Events that
    /// [`poll_event`](Self::poll_event) has afterwards are to be told before
    /// these packets are sent.
    pub fn handle_rtp(
        &mut self,
        from: ParticipantId,
        packet: &RtpIn<'_>,
        now: Instant,
        out: &mut Vec<Delivery>,
    ) -> Fate {
        let Some(member) = self.members.get_mut(&from).filter(|member| member.ready) else {
            return Fate::Stranger;
        };
        if member.muted {
            return Fate::Muted;
        }
        let position = match member.source.accept(packet, now) {
            Ok(position) => position,
            Err(fate) => return fate,
        };
        if member.voice.hear(packet.level, now) {
            let end = member.voice.speaking_until();
            self.wake_at = [self.wake_at, end].into_iter().flatten().min();
            self.note(from, News::Speaking);
            self.contend(from, now);
        }
        if !self.stage.holds(from) {
            return Fate::OffStage;
        }
        for (to, receiver) in &mut self.members {
            let Some(slot) = receiver.slots.of(from) else {
                continue;
            };
            if let Some(delivery) = receiver.slots.rewrite(slot, *to, position, packet, now) {
                out.push(delivery);
            }
        }
        Fate::Forwarded
    }

    /// Somebody speaks: perhaps a seat changes hands.
    fn contend(&mut self, challenger: ParticipantId, now: Instant) {
        if self.ready <= STAGE || self.stage.is_front(challenger) {
            return;
        }
        let members = &self.members;
        let rank = |who| rank(members, who, now);
        if self.stage.contend(challenger, rank, now) {
            self.refresh();
        }
    }

    /// Fills free seats and lets everybody hear who has one.
    fn settle(&mut self, now: Instant) {
        while self.stage.has_free_seat() {
            let members = self.members.iter();
            let waiting = members.filter(|(who, member)| member.ready && !self.stage.holds(**who));
            let Some((best, _)) =
                waiting.max_by_key(|(who, member)| (member.voice.rank(now), **who))
            else {
                break;
            };
            self.stage.seat(*best);
        }
        self.refresh();
    }

    fn refresh(&mut self) {
        for (who, member) in &mut self.members {
            if member.ready && member.slots.carry(self.stage.heard_by(*who)) {
                note(&mut self.news, *who, &mut member.told, News::Slots);
            }
        }
    }

    fn note(&mut self, whose: ParticipantId, news: News) {
        if let Some(member) = self.members.get_mut(&whose) {
            note(&mut self.news, whose, &mut member.told, news);
        }
    }

    /// The next thing that changed.
    pub fn poll_event(&mut self) -> Option<RoomCoreEvent> {
        while let Some((participant, news)) = self.news.pop_front() {
            let event = self
                .members
                .get_mut(&participant)
                .and_then(|member| member.tell(participant, news));
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wake_at
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.wake_at.is_none_or(|at| now < at) {
            return;
        }
        let mut wake_at: Option<Instant> = None;
        for (who, member) in &mut self.members {
            if member.voice.expire(now) {
                note(&mut self.news, *who, &mut member.told, News::Speaking);
            }
            let end = member.voice.speaking_until();
            wake_at = [wake_at, end].into_iter().flatten().min();
        }
        self.wake_at = wake_at;
    }
}

impl Member {
    /// What there is to say now; nothing when it has become again what was
    /// said last.
    fn tell(&mut self, participant: ParticipantId, news: News) -> Option<RoomCoreEvent> {
        match news {
            News::Speaking => {
                self.told.speaking_waits = false;
                let speaking = self.voice.is_speaking();
                let before = std::mem::replace(&mut self.told.speaking, speaking);
                (before != speaking).then_some(RoomCoreEvent::Speaking {
                    participant,
                    speaking,
                })
            }
            News::Slots => {
                self.told.slots_wait = false;
                let slots = self.slots.carried();
                let before = std::mem::replace(&mut self.told.slots, slots);
                (before != slots).then_some(RoomCoreEvent::Slots { participant, slots })
            }
        }
    }
}

fn rank(members: &BTreeMap<ParticipantId, Member>, who: ParticipantId, now: Instant) -> Rank {
    members
        .get(&who)
        .map(|member| member.voice.rank(now))
        .unwrap_or_default()
}

/// Lines a member's news up, once.
fn note(
    queue: &mut VecDeque<(ParticipantId, News)>,
    whose: ParticipantId,
    told: &mut Told,
    news: News,
) {
    let waits = match news {
        News::Speaking => &mut told.speaking_waits,
        News::Slots => &mut told.slots_wait,
    };
    if !std::mem::replace(waits, true) {
        queue.push_back((whose, news));
    }
}
