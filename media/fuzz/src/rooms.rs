//! Bytes as what reaches the rooms from outside: descriptions, and datagrams
//! from anywhere, some with a proof that is right.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use payambar_media::Counters;
use payambar_media::counters::Metric;
use payambar_media::sfu::engine::RtcEngine;
use payambar_media::sfu::sdp::{self, Credentials};
use payambar_media::sfu::server::{Limits, Rooms};
use payambar_media::sfu::{ParticipantId, RoomEvent, RoomId};
use ring::hmac;

use crate::input::Input;
use crate::wire::{Writer, attribute, kind};

/// More would only make one run slow.
const MOST_STEPS: usize = 24;
const SOURCES: [&str; 4] = [
    "192.0.2.1:4000",
    "192.0.2.1:4001",
    "198.51.100.7:9",
    "[2001:db8::1]:4000",
];
const CANDIDATES: [&str; 2] = ["203.0.113.9:49152", "[2001:db8::9]:49152"];

/// Reads any text as a session description.
pub fn description(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(Credentials { ufrag, pwd }) = sdp::credentials(&text) {
        assert!(text.contains(&ufrag) && text.contains(&pwd));
    }
    for uri in [sdp::AUDIO_LEVEL, sdp::MID] {
        assert!(sdp::extension(&text, uri).is_none() || text.contains(uri));
    }
    let _ = sdp::takes_red(&text);
    let kept = sdp::without_candidates(&text);
    assert!(!kept.lines().any(|line| line.starts_with("a=candidate:")));
    assert_eq!(sdp::without_candidates(&kept), kept);
}

struct Play {
    rooms: Rooms<RtcEngine>,
    counters: Arc<Counters>,
    now: Instant,
    offers: BTreeMap<ParticipantId, String>,
    /// Who proved that a participant is there.
    proven: BTreeSet<SocketAddr>,
}

/// Plays the bytes; see the module.
pub fn rooms(data: &[u8]) {
    #[expect(
        clippy::disallowed_methods,
        reason = "there is no other way to an `Instant`"
    )]
    let now = Instant::now();
    let limits = Limits {
        room: 3,
        all: 4,
        half_open_room: 2,
        half_open: 3,
    };
    let (candidates, counters) = (CANDIDATES.map(address).to_vec(), Arc::new(Counters::new()));
    let rooms = Rooms::new(candidates, limits, counters.clone());
    let mut play = Play {
        rooms: rooms.unwrap(),
        counters,
        now,
        offers: BTreeMap::new(),
        proven: BTreeSet::new(),
    };
    let mut input = Input::new(data);
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        play.step(&mut input);
        play.drain();
    }
}

impl Play {
    fn step(&mut self, input: &mut Input<'_>) {
        let (step, now) = (input.byte(), self.now);
        let number = u64::from(input.byte() % 5);
        let (who, source) = (ParticipantId(number), address(input.one_of(&SOURCES)));
        match step % 10 {
            0 => self.rooms.handle_join(RoomId(number % 2), who, now),
            1 => {
                let length = usize::from(input.number());
                let text = String::from_utf8_lossy(input.take(length));
                self.rooms.handle_answer(who, &text, now);
            }
            2 => self.answer(who, input),
            3 => self.rooms.handle_leave(who, now),
            4 => self.rooms.handle_restart(who, now),
            5 => self.rooms.handle_mute(who, step & 0x80 != 0, now),
            6 => {
                self.now += Duration::from_millis(u64::from(input.number()));
                self.rooms.handle_timeout(self.now);
            }
            7 => self.check(who, source, input),
            8 => self.rooms.handle_close(RoomId(number % 2), now),
            _ => {
                let length = usize::from(input.byte());
                self.rooms.handle_datagram(source, input.take(length), now);
            }
        }
    }

    /// The answer to the last offer, one byte of which may be another.
    fn answer(&mut self, who: ParticipantId, input: &mut Input<'_>) {
        let Some(offer) = self.offers.get(&who) else {
            return;
        };
        let (place, byte) = (usize::from(input.number()), input.byte());
        let mut answer = answer_to(offer).into_bytes();
        if let Some(there) = answer.get_mut(place) {
            *there = byte;
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        self.rooms.handle_answer(who, &answer, self.now);
    }

    /// A binding request with the right name, and the right proof or not.
    fn check(&mut self, who: ParticipantId, source: SocketAddr, input: &mut Input<'_>) {
        let credentials = self
            .offers
            .get(&who)
            .and_then(|offer| sdp::credentials(offer));
        let Some(Credentials { ufrag, mut pwd }) = credentials else {
            return;
        };
        let right = input.byte().is_multiple_of(2);
        if !right {
            pwd.push('x');
        }
        let request = Writer::new(kind::BINDING, [7; 12])
            .add(attribute::USERNAME, format!("{ufrag}:client").as_bytes())
            .done();
        if right {
            self.proven.insert(source);
        }
        let request = signed(request, pwd.as_bytes());
        let before = self.refused();
        self.rooms.handle_datagram(source, &request, self.now);
        assert!(right || self.refused() == before + 1);
    }

    /// Binding requests without a proof, or for nobody.
    fn refused(&self) -> u64 {
        let reasons = [Metric::SfuDroppedUnproven, Metric::SfuDroppedUnknownName];
        reasons
            .map(|reason| self.counters.value(reason))
            .iter()
            .sum()
    }

    /// Nobody is sent anything who has not shown to be a participant.
    fn drain(&mut self) {
        while let Some(event) = self.rooms.poll_event() {
            if let RoomEvent::Offer { participant, sdp } = event {
                self.offers.insert(participant, sdp);
            }
        }
        while let Some(transmit) = self.rooms.poll_transmit() {
            assert!(self.proven.contains(&transmit.to), "to a stranger");
        }
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What a client would answer.
fn answer_to(offer: &str) -> String {
    let mut answer = String::new();
    for line in offer.lines() {
        let line = match line {
            "a=ice-lite" => continue,
            "a=setup:actpass" => "a=setup:active",
            "a=recvonly" => "a=sendonly",
            "a=sendonly" => "a=recvonly",
            _ if line.starts_with("a=candidate:") => continue,
            _ if line.starts_with("a=ice-ufrag:") => "a=ice-ufrag:client",
            _ if line.starts_with("a=ice-pwd:") => "a=ice-pwd:a-password-of-a-client",
            other => other,
        };
        answer.push_str(line);
        answer.push_str("\r\n");
    }
    answer
}

/// With MESSAGE-INTEGRITY behind it (RFC 8489 §14.5).
fn signed(mut message: Vec<u8>, key: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len() - 20 + 24).unwrap();
    message[2..4].copy_from_slice(&length.to_be_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let proof = hmac::sign(&key, &message);
    message.extend(attribute::INTEGRITY.to_be_bytes());
    message.extend(20_u16.to_be_bytes());
    message.extend(proof.as_ref());
    message
}
