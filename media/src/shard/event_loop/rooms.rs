//! Voice rooms in the loop: their datagrams come from their own sockets and,
//! in memory, from allocations of the same shard; what they send leaves the
//! same two ways, all of it at the end of the turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::{BATCH, EventLoop, Exit, Outgoing, guarded};
use crate::counters::{Counters, Metric};
use crate::sfu::engine::RtcEngine;
use crate::sfu::server::{Limits, Rooms};
use crate::sfu::{ParticipantId, RoomEvent};
use crate::shard::commands::RoomCommand;
use crate::turn::Family;
use crate::turn::packet::Packet;

/// The rooms of a shard, and who wants to know what happens there.
pub(in crate::shard) struct Voice {
    rooms: Rooms<RtcEngine>,
    addresses: Vec<SocketAddr>,
    tell: Option<Box<dyn FnMut(RoomEvent) + Send>>,
    /// When what is handled now was received.
    now: Instant,
}

impl Voice {
    /// Rooms that participants reach at these addresses.
    pub(in crate::shard) fn new(
        addresses: Vec<SocketAddr>,
        limits: Limits,
        counters: Arc<Counters>,
        now: Instant,
    ) -> Result<Self, String> {
        let rooms = Rooms::new(addresses.clone(), limits, counters);
        Ok(Self {
            rooms: rooms.map_err(|error| error.to_string())?,
            addresses,
            tell: None,
            now,
        })
    }

    /// A new turn of the loop begins.
    pub(super) fn begin_turn(&mut self, now: Instant) {
        self.now = now;
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.rooms.poll_timeout()
    }

    /// Our address of the family of `other`.
    fn beside(&self, other: SocketAddr) -> Option<SocketAddr> {
        let family = Family::of(other.ip());
        let mut addresses = self.addresses.iter();
        addresses
            .find(|ours| Family::of(ours.ip()) == family)
            .copied()
    }

    /// Does what the engines may panic on. Whoever it was about is removed
    /// then, since its connection may be in any state.
    fn attempt(
        &mut self,
        whom: ParticipantId,
        counters: &Counters,
        attempt: impl FnOnce(&mut Rooms<RtcEngine>),
    ) {
        let whole = guarded(counters, || {
            attempt(&mut self.rooms);
            Some(())
        });
        if whole.is_none() {
            guarded(counters, || {
                self.rooms.handle_failure(whom, self.now);
                Some(())
            });
        }
    }
}

impl EventLoop {
    /// Does what the rooms are told.
    pub(super) fn obey_rooms(&mut self, command: RoomCommand, now: Instant) {
        let (Some(voice), counters) = (&mut self.voice, &self.counters) else {
            return;
        };
        match command {
            RoomCommand::Listen(tell) => voice.tell = Some(tell),
            RoomCommand::Join(room, whom) => {
                voice.attempt(whom, counters, |rooms| rooms.handle_join(room, whom, now));
            }
            RoomCommand::Answer(whom, sdp) => {
                voice.attempt(whom, counters, |rooms| rooms.handle_answer(whom, &sdp, now));
            }
            RoomCommand::Restart(whom) => {
                voice.attempt(whom, counters, |rooms| rooms.handle_restart(whom, now));
            }
            RoomCommand::Leave(whom) => {
                voice.attempt(whom, counters, |rooms| rooms.handle_leave(whom, now));
            }
            RoomCommand::Mute(whom, muted) => {
                voice.attempt(whom, counters, |rooms| rooms.handle_mute(whom, muted, now));
            }
            RoomCommand::Close(room) => {
                guarded(counters, || {
                    voice.rooms.handle_close(room, now);
                    Some(())
                });
            }
        }
    }

    /// Takes what has come to the rooms' own socket.
    pub(super) fn serve_rooms(&mut self, family: Family, now: Instant) {
        let received = self.receive(Exit::Rooms(family), BATCH);
        let Some(voice) = &mut self.voice else {
            return;
        };
        for nth in 0..received {
            let Some(&(slot, from)) = self.slots.received.get(nth) else {
                continue;
            };
            let packet = self.slots.packet(slot);
            let bytes = packet.map(Packet::datagram).unwrap_or_default();
            guarded(&self.counters, || {
                voice.rooms.handle_datagram(from, bytes, now);
                Some(())
            });
        }
    }

    /// Takes what an allocation of this shard sends to the rooms.
    pub(super) fn enter_rooms(&mut self, slot: usize, from: SocketAddr) {
        let (Some(voice), Some(packet)) = (&mut self.voice, self.slots.packet(slot)) else {
            return;
        };
        let now = voice.now;
        guarded(&self.counters, || {
            voice.rooms.handle_datagram(from, packet.datagram(), now);
            Some(())
        });
    }

    /// Tells what has happened in the rooms, and puts what they send on its
    /// way; says how many datagrams.
    pub(super) fn settle_rooms(&mut self, now: Instant) -> u64 {
        let Some(mut voice) = self.voice.take() else {
            return 0;
        };
        guarded(&self.counters, || {
            voice.rooms.handle_timeout(now);
            Some(())
        });
        while let Some(event) = voice.rooms.poll_event() {
            if let Some(tell) = &mut voice.tell {
                tell(event);
            }
        }
        let mut sent = 0;
        while let Some(transmit) = voice.rooms.poll_transmit() {
            sent += 1;
            if self.slots.left() == 0 {
                self.end_turn();
            }
            let Some(slot) = self.slots.hold(&transmit.bytes) else {
                self.counters.count(Metric::DroppedTooLarge);
                continue;
            };
            let to = transmit.to;
            let relay = self.server.relay_at(to).zip(voice.beside(to));
            let Some((port, ours)) = relay else {
                let exit = Exit::Rooms(Family::of(to.ip()));
                self.outbox.put(exit, Outgoing { slot, to }, false);
                continue;
            };
            let Some(packet) = self.slots.packet_mut(slot) else {
                continue;
            };
            let forward = guarded(&self.counters, || {
                self.server.handle_rooms(port, ours, packet, now)
            });
            self.pass_on(slot, forward);
        }
        self.voice = Some(voice);
        sent
    }
}
