#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these are the participants of rooms of a real relay"
)]
//! Voice rooms with real sockets (B9, C6): people who come to the rooms' own
//! port, and people who come through our relay. The clients are `str0m`.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel as channel_of};
use std::time::{Duration, Instant};

use payambar_media::counters::Metric;
use payambar_media::sfu::{GoneReason, ParticipantId, RoomEvent, RoomId};
use payambar_media::{RelayConfig, RelayHandle, RoomsConfig, start};
use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::common::*;
use crate::phone::{Line, Phone, loopback};

const ROOM: RoomId = RoomId(7);
const CHANNEL: u16 = 0x4001;

/// How long anything may take on a busy host.
const PATIENCE: Duration = Duration::from_secs(20);

fn with_rooms(mut config: RelayConfig) -> RelayConfig {
    config.rooms = Some(RoomsConfig {
        port: 0,
        max_per_room: 9,
        max_participants: 99,
    });
    // Nothing on loopback is opened by name: what gets through is the rooms'.
    config.allow_peers = vec![];
    config
}

fn events(relay: &RelayHandle) -> Receiver<RoomEvent> {
    let (sender, events) = channel_of();
    relay.on_room_event(move |event| {
        let _ = sender.send(event);
    });
    events
}

/// How a participant's datagrams travel.
enum Way {
    Direct(UdpSocket),
    Relayed(Phone, SocketAddr),
}

impl Way {
    fn direct(rooms: SocketAddr) -> Self {
        let local = if rooms.is_ipv6() {
            "[::1]:0"
        } else {
            "127.0.0.1:0"
        };
        Self::Direct(UdpSocket::bind(local).unwrap())
    }

    fn relayed(relay: &RelayHandle, user: i64) -> Self {
        let mut phone = Phone::new(relay.local_addresses()[0], user, 3);
        let relayed = phone.allocate();
        let rooms = relay.room_addresses()[0].to_string();
        let bound = phone.request(CHANNEL_BIND, &[channel(CHANNEL), peer(&rooms)]);
        assert_eq!(bound.code(), 0);
        Self::Relayed(phone, relayed)
    }

    /// Where the rooms see it.
    fn address(&self) -> SocketAddr {
        match self {
            Self::Direct(socket) => socket.local_addr().unwrap(),
            Self::Relayed(_, relayed) => *relayed,
        }
    }

    fn socket(&self) -> &UdpSocket {
        match self {
            Self::Direct(socket) => socket,
            Self::Relayed(phone, _) => match &phone.line {
                Line::Datagrams(socket) => socket,
                Line::Bytes(_) | Line::Tls(_) => panic!("phones here use datagrams"),
            },
        }
    }

    fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        match self {
            Self::Direct(socket) => drop(socket.send_to(bytes, to)),
            Self::Relayed(phone, _) => phone.send(&channel_data(CHANNEL, bytes)),
        }
    }

    fn receive(&self, wait: Duration) -> Option<Vec<u8>> {
        let socket = self.socket();
        socket
            .set_read_timeout(Some(wait.max(Duration::from_millis(1))))
            .unwrap();
        let mut bytes = vec![0; 2048];
        let length = socket.recv(&mut bytes).ok()?;
        bytes.truncate(length);
        match self {
            Self::Direct(_) => Some(bytes),
            Self::Relayed(..) => bytes
                .starts_with(&CHANNEL.to_be_bytes())
                .then(|| bytes.split_off(4)),
        }
    }
}

/// Somebody in a room.
struct Guest {
    id: ParticipantId,
    way: Way,
    rooms: SocketAddr,
    rtc: Rtc,
    microphone: Mid,
    is_connected: bool,
    heard: usize,
    seq: u64,
    next_frame: Instant,
}

impl Guest {
    /// Takes a seat and answers the offer.
    fn join(relay: &RelayHandle, events: &Receiver<RoomEvent>, id: u64, way: Way) -> Self {
        let id = ParticipantId(id);
        relay.room_join(ROOM, id);
        let RoomEvent::Offer { participant, sdp } = next(events, is_offer) else {
            panic!("no offer");
        };
        assert_eq!(participant, id);
        let now = Instant::now();
        let mut rtc = Rtc::builder()
            .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
            .clear_codecs()
            .enable_opus(true, true)
            .set_rtp_mode(true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(way.address(), "udp").unwrap());
        let offer = SdpOffer::from_sdp_string(&sdp).unwrap();
        let answer = rtc.sdp_api().accept_offer(offer).unwrap();
        relay.room_answer(id, answer.to_sdp_string());
        let is_six = way.address().is_ipv6();
        let mut addresses = relay.room_addresses().iter();
        let rooms = addresses.find(|rooms| rooms.is_ipv6() == is_six).unwrap();
        Self {
            id,
            rooms: *rooms,
            way,
            rtc,
            microphone: Mid::from("0"),
            is_connected: false,
            heard: 0,
            seq: 1,
            next_frame: now,
        }
    }

    /// Lives for a few milliseconds.
    fn live(&mut self) {
        let now = Instant::now();
        self.speak(now);
        let until = self.drain();
        let wait = until.saturating_duration_since(Instant::now());
        let received = self.way.receive(wait.min(Duration::from_millis(3)));
        let now = Instant::now();
        let (from, local) = (self.rooms, self.way.address());
        let input = match received.as_deref() {
            Some(bytes) => match Receive::new(Protocol::Udp, from, local, bytes) {
                Ok(receive) => Input::Receive(now, receive),
                Err(_) => Input::Timeout(now),
            },
            None => Input::Timeout(now),
        };
        self.rtc.handle_input(input).unwrap();
        self.drain();
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(until) => return until,
                Output::Transmit(transmit) => {
                    self.way.send(transmit.destination, &transmit.contents);
                }
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(Event::RtpPacket(_)) => self.heard += 1,
                Output::Event(_) => {}
            }
        }
    }

    fn speak(&mut self, now: Instant) {
        if !self.is_connected || now < self.next_frame {
            return;
        }
        self.next_frame = now + Duration::from_millis(20);
        let mut codecs = self.rtc.codec_config().params().iter();
        let opus = codecs.find(|codec| codec.spec().codec == Codec::Opus);
        let pt = opus.unwrap().pt();
        self.seq += 1;
        let time = u32::try_from(self.seq * 960).unwrap();
        let write = RtpWrite::new(pt, self.seq.into(), time, now, vec![7; 60]);
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.microphone, None);
        stream.unwrap().write_rtp(write);
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
    }
}

fn is_offer(event: &RoomEvent) -> bool {
    matches!(event, RoomEvent::Offer { .. })
}

/// The next such event.
fn next(events: &Receiver<RoomEvent>, is_it: impl Fn(&RoomEvent) -> bool) -> RoomEvent {
    let end = Instant::now() + PATIENCE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let event = events.recv_timeout(left).expect("it never came");
        if is_it(&event) {
            return event;
        }
    }
}

/// Everybody lives until this is so.
fn until(guests: &mut [Guest], is_so: impl Fn(&[Guest]) -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so(guests) {
        assert!(Instant::now() < end, "it never was so");
        for guest in &mut *guests {
            guest.live();
        }
    }
}

fn all_hear(guests: &[Guest]) -> bool {
    guests.iter().all(|guest| guest.heard >= 30)
}

#[test]
fn two_who_come_to_the_rooms_port_hear_each_other() {
    let relay = start(with_rooms(loopback())).unwrap();
    let (events, rooms) = (events(&relay), relay.room_addresses()[0]);
    let mut guests = [1, 2].map(|id| Guest::join(&relay, &events, id, Way::direct(rooms)));
    until(&mut guests, all_hear);
    let counters = relay.counters();
    assert_eq!(counters.value(Metric::SfuParticipants), 2);
    assert!(counters.value(Metric::SfuPacketsOut) >= 60);
    let delays: u64 = counters.delays().buckets().map(|(_, count)| count).sum();
    assert!(delays >= 60);

    relay.room_leave(guests[0].id);
    let gone = RoomEvent::Gone {
        participant: guests[0].id,
        reason: GoneReason::Left,
    };
    next(&events, |event| *event == gone);
    relay.room_close(ROOM);
    let closed = RoomEvent::Gone {
        participant: guests[1].id,
        reason: GoneReason::Closed,
    };
    next(&events, |event| *event == closed);
    assert_eq!(counters.value(Metric::SfuParticipants), 0);
}

#[test]
fn over_ipv6_and_ipv4_it_is_one_room() {
    let mut config = with_rooms(loopback());
    config.relays.push(payambar_media::RelayAddress {
        bind: "::1".parse().unwrap(),
        advertise: "::1".parse().unwrap(),
    });
    let relay = start(config).unwrap();
    let events = events(&relay);
    assert_eq!(relay.room_addresses().len(), 2);
    let mut guests = [1, 2].map(|id| {
        let rooms = relay.room_addresses()[usize::try_from(id).unwrap() - 1];
        Guest::join(&relay, &events, id, Way::direct(rooms))
    });
    until(&mut guests, all_hear);
}

#[test]
fn who_comes_through_our_relay_is_met_in_memory() {
    let relay = start(with_rooms(loopback())).unwrap();
    let (events, rooms) = (events(&relay), relay.room_addresses()[0]);
    let ways = [
        Way::relayed(&relay, 7),
        Way::relayed(&relay, 8),
        Way::direct(rooms),
    ];
    let mut guests: Vec<Guest> = (1..)
        .zip(ways)
        .map(|(id, way)| Guest::join(&relay, &events, id, way))
        .collect();
    until(&mut guests, |guests| {
        guests.iter().all(|guest| guest.heard >= 60)
    });
    let counters = relay.counters();
    assert!(counters.value(Metric::PacketsHandedOver) >= 120);
    assert_eq!(counters.value(Metric::PacketsToPeer), 0);
    assert_eq!(counters.value(Metric::PacketsToClient), 0);
}

#[test]
fn beside_the_rooms_no_port_of_ours_is_opened() {
    let relay = start(with_rooms(loopback())).unwrap();
    let rooms = relay.room_addresses()[0];
    let mut phone = Phone::new(relay.local_addresses()[0], 7, 3);
    phone.allocate();
    let spy = UdpSocket::bind("127.0.0.1:0").unwrap();
    let other = spy.local_addr().unwrap();
    assert_ne!(other, rooms);
    // A permission knows no ports, so it is given; the packet goes nowhere.
    let granted = phone.request(CREATE_PERMISSION, &[peer(&other.to_string())]);
    assert_eq!(granted.code(), 0);
    phone.send(&send_indication(&other.to_string(), b"hello"));
    phone.send(&send_indication(&rooms.to_string(), b"hello"));
    // An answer comes behind what was sent before it.
    assert_eq!(phone.request(REFRESH, &[lifetime(600)]).code(), 0);
    let counters = relay.counters();
    assert_eq!(counters.value(Metric::DroppedPeerDenied), 1);
    assert_eq!(counters.value(Metric::PacketsHandedOver), 1);
    assert_eq!(counters.value(Metric::PacketsToPeer), 0);
}

#[test]
fn strangers_who_flood_the_rooms_cost_a_call_less_than_one_packet_in_a_hundred() {
    let relay = start(with_rooms(loopback())).unwrap();
    let (events, rooms) = (events(&relay), relay.room_addresses()[0]);
    let mut guests = [1, 2].map(|id| Guest::join(&relay, &events, id, Way::direct(rooms)));
    until(&mut guests, all_hear);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let counters = relay.counters();
    let (came, first) = (
        counters.value(Metric::SfuPacketsIn),
        guests[0].seq + guests[1].seq,
    );
    let floods: [&[u8]; 4] = [
        &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
        &[
            0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &[0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7],
        &[255; 900],
    ];
    let mut sent = 0_u64;
    while guests[0].seq + guests[1].seq < first + 300 {
        for bytes in floods {
            sent += u64::from(stranger.send_to(bytes, rooms).is_ok());
        }
        for guest in &mut guests {
            guest.live();
        }
    }
    let all = guests[0].seq + guests[1].seq;
    until(&mut guests, |_| {
        counters.value(Metric::SfuPacketsIn) - came >= (all - first) * 99 / 100
    });
    assert!(sent > 1000, "{sent}");
    // Nobody answers a stranger.
    stranger.set_nonblocking(true).unwrap();
    assert!(stranger.recv(&mut [0; 100]).is_err());
}
