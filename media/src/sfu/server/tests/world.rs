//! Rooms and their clients in one thread, under a clock that is moved by hand
//! and on a network that delays and loses. The clients are `str0m`, whichever
//! engine the rooms have.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::counters::{Counters, Metric};
use crate::sfu::demux::{self, Kind};
use crate::sfu::engine::Engine;
use crate::sfu::server::{Limits, Rooms};
use crate::sfu::{GoneReason, ParticipantId, RoomEvent, RoomId, SLOTS};
use crate::turn::test_now;

pub(super) const ROOM: RoomId = RoomId(1);
pub(super) const SERVER: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 49_152);

/// The clock moves by this much.
const STEP: Duration = Duration::from_millis(5);

pub(super) const LIMITS: Limits = Limits {
    room: 50,
    all: 200,
    half_open_room: 50,
    half_open: 100,
};

/// A voice packet that a client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) slot: usize,
    pub(super) ssrc: u32,
    pub(super) seq: u16,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) red: bool,
    pub(super) level: Option<i8>,
    pub(super) payload: Vec<u8>,
    pub(super) at: Instant,
}

impl Heard {
    /// Whose microphone it comes from: clients write it into each packet.
    pub(super) fn speaker(&self) -> u64 {
        u64::from(*self.payload.last().unwrap())
    }
}

pub(super) struct Client {
    pub(super) rtc: Rtc,
    pub(super) address: SocketAddr,
    pub(super) heard: Vec<Heard>,
    pub(super) offers: usize,
    pub(super) is_connected: bool,
    pub(super) is_alive: bool,
    /// How loud it speaks, in -dBov; none: it does not.
    pub(super) speaks: Option<i8>,
    pub(super) sends_red: bool,
    mids: Vec<Mid>,
    seq: u64,
    timestamp: u32,
    timeout: Instant,
}

struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

pub(super) struct World<E: Engine> {
    pub(super) rooms: Rooms<E>,
    pub(super) counters: Arc<Counters>,
    pub(super) now: Instant,
    pub(super) clients: BTreeMap<u64, Client>,
    pub(super) events: Vec<RoomEvent>,
    /// Whom a participant's slots carry, as was told last.
    pub(super) slots: BTreeMap<u64, [Option<ParticipantId>; SLOTS]>,
    /// Offers whose answer the test gives itself.
    pub(super) kept_offers: VecDeque<(u64, String)>,
    pub(super) keeps_offers: bool,
    /// Whether who comes from now on takes RED.
    pub(super) takes_red: bool,
    /// Datagrams of a thousand that are lost.
    pub(super) loss: u32,
    /// Certain datagrams of each handshake are lost, and none by chance: the
    /// clients give up after four attempts.
    pub(super) disturbs_handshakes: bool,
    /// How many datagrams of a handshake were sent on each way.
    handshakes: BTreeMap<(SocketAddr, SocketAddr), u64>,
    /// Where everything that was sent came from and went to.
    pub(super) ways: BTreeSet<(SocketAddr, SocketAddr)>,
    /// The last binding request of each client.
    pub(super) requests: BTreeMap<SocketAddr, Vec<u8>>,
    /// In which room a client sits, and since when it does not any more.
    seats: BTreeMap<u64, (RoomId, Option<Instant>)>,
    random: u64,
    network: BTreeMap<(Instant, u64), Datagram>,
    sent: u64,
    next_frame: Instant,
}

impl<E: Engine> World<E> {
    pub(super) fn new() -> Self {
        Self::with(LIMITS)
    }

    pub(super) fn with(limits: Limits) -> Self {
        let counters = Arc::new(Counters::new());
        let rooms = Rooms::new(vec![SERVER], limits, Arc::clone(&counters)).unwrap();
        let now = test_now();
        Self {
            rooms,
            counters,
            now,
            clients: BTreeMap::new(),
            events: Vec::new(),
            slots: BTreeMap::new(),
            kept_offers: VecDeque::new(),
            keeps_offers: false,
            takes_red: true,
            loss: 0,
            disturbs_handshakes: false,
            handshakes: BTreeMap::new(),
            ways: BTreeSet::new(),
            requests: BTreeMap::new(),
            seats: BTreeMap::new(),
            random: 0x9E37_79B9_7F4A_7C15,
            network: BTreeMap::new(),
            sent: 0,
            next_frame: now,
        }
    }

    /// Takes a seat for a new client.
    pub(super) fn join(&mut self, id: u64, room: RoomId) {
        let last = u8::try_from(id).unwrap();
        let address = SocketAddr::from(([198, 51, 100, last], 5000));
        let client = Client::new(address, self.takes_red, self.now);
        self.clients.insert(id, client);
        self.seats.insert(id, (room, None));
        self.rooms.handle_join(room, ParticipantId(id), self.now);
        self.settle();
    }

    /// The same for all of these, until all are connected.
    pub(super) fn gather(&mut self, ids: impl IntoIterator<Item = u64>) {
        let ids: Vec<u64> = ids.into_iter().collect();
        for id in &ids {
            self.join(*id, ROOM);
        }
        let all = |world: &Self| ids.iter().all(|id| world.clients[id].is_connected);
        self.until(all);
    }

    pub(super) fn leave(&mut self, id: u64) {
        self.rooms.handle_leave(ParticipantId(id), self.now);
        self.settle();
    }

    /// Lets this much time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// Lets time pass until this is so.
    pub(super) fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs(90);
        while !is_so(self) {
            assert!(self.now < end, "it never was so: {:?}", self.events);
            self.step();
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        while let Some(entry) = self.network.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let datagram = entry.remove();
            self.arrive(datagram);
        }
        if self.next_frame <= self.now {
            self.next_frame = self.now + Duration::from_millis(20);
            let ids: Vec<u64> = self.clients.keys().copied().collect();
            for id in ids {
                let client = self.clients.get_mut(&id).unwrap();
                client.speak(id, self.now);
                self.pump(id);
            }
        }
        let due: Vec<u64> = self.clients.keys().copied().collect();
        for id in due {
            let client = self.clients.get_mut(&id).unwrap();
            if client.timeout <= self.now && client.is_alive {
                client.rtc.handle_input(Input::Timeout(self.now)).unwrap();
                self.pump(id);
            }
        }
        self.rooms.handle_timeout(self.now);
        self.settle();
    }

    fn arrive(&mut self, datagram: Datagram) {
        let Datagram { from, to, bytes } = datagram;
        if to == SERVER {
            self.rooms.handle_datagram(from, &bytes, self.now);
            return self.settle();
        }
        let found = self
            .clients
            .iter_mut()
            .find(|(_, client)| client.address == to);
        let Some((id, client)) = found else {
            return;
        };
        let id = *id;
        let receive = Receive::new(Protocol::Udp, from, to, &bytes);
        if let (Ok(receive), true) = (receive, client.is_alive) {
            let input = Input::Receive(self.now, receive);
            client.rtc.handle_input(input).unwrap();
            self.pump(id);
        }
    }

    /// Sends a datagram on the way, or loses it.
    pub(super) fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.ways.insert((from, to));
        if to == SERVER && bytes.starts_with(&[0, 1]) {
            self.requests.insert(from, bytes.clone());
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let by_chance = self.random % 1000 < u64::from(self.loss);
        let is_lost = match demux::kind(&bytes) {
            Some(Kind::Dtls) if self.disturbs_handshakes => self.is_to_be_lost(from, to),
            _ => by_chance,
        };
        if is_lost {
            return;
        }
        self.sent += 1;
        let arrives = self.now + Duration::from_millis(10 + self.random % 3);
        let datagram = Datagram { from, to, bytes };
        self.network.insert((arrives, self.sent), datagram);
    }

    /// Whether this datagram of a handshake is one that its way loses:
    /// others for each client.
    fn is_to_be_lost(&mut self, from: SocketAddr, to: SocketAddr) -> bool {
        let sent = self.handshakes.entry((from, to)).or_default();
        *sent += 1;
        let last_byte = |address: SocketAddr| match address.ip() {
            IpAddr::V4(ip) => u64::from(ip.octets()[3]),
            IpAddr::V6(_) => 0,
        };
        if to == SERVER {
            *sent == 2 + last_byte(from) % 3
        } else {
            // The longest flight is lost again and again, so that its repetition must
            // not end with the client's.
            matches!((last_byte(to) % 3, *sent), (0, 1) | (1, 2..=4) | (2, 3))
        }
    }

    /// Takes out of the rooms what they have to say, and does it.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some(event) = self.rooms.poll_event() {
                if let RoomEvent::Offer { participant, sdp } = &event {
                    self.offered(participant.0, sdp);
                }
                if let RoomEvent::Slots { participant, slots } = &event {
                    self.slots.insert(participant.0, *slots);
                }
                if let RoomEvent::Gone { participant, .. } = &event
                    && let Some((_, left)) = self.seats.get_mut(&participant.0)
                {
                    *left = Some(self.now);
                }
                self.events.push(event);
            } else if let Some(transmit) = self.rooms.poll_transmit() {
                self.send(SERVER, transmit.to, transmit.bytes.to_vec());
            } else {
                return;
            }
        }
    }

    fn offered(&mut self, id: u64, sdp: &str) {
        if self.keeps_offers {
            return self.kept_offers.push_back((id, sdp.to_owned()));
        }
        let answer = self.answer_of(id, sdp);
        self.rooms
            .handle_answer(ParticipantId(id), &answer, self.now);
    }

    /// What a client answers.
    pub(super) fn answer_of(&mut self, id: u64, sdp: &str) -> String {
        let client = self.clients.get_mut(&id).unwrap();
        client.offers += 1;
        let answer = client.answer(sdp);
        self.pump(id);
        answer
    }

    /// Takes out of a client what it has to say.
    pub(super) fn pump(&mut self, id: u64) {
        loop {
            let client = self.clients.get_mut(&id).unwrap();
            if !client.is_alive {
                return;
            }
            match client.rtc.poll_output().unwrap() {
                Output::Timeout(at) => {
                    client.timeout = at;
                    client.is_alive = client.rtc.is_alive();
                    return;
                }
                Output::Transmit(transmit) => {
                    let (from, to) = (transmit.source, transmit.destination);
                    self.send(from, to, transmit.contents.to_vec());
                }
                Output::Event(event) => {
                    let before = client.heard.len();
                    client.take(event, self.now);
                    let heard = client.heard.get(before).map(Heard::speaker);
                    self.check(id, heard);
                }
            }
        }
    }

    /// Whoever is heard sits in the listener's room, or did when it was sent.
    fn check(&self, listener: u64, speaker: Option<u64>) {
        let Some(speaker) = speaker else {
            return;
        };
        let (here, _) = self.seats[&listener];
        let (there, left) = self.seats[&speaker];
        assert_ne!(speaker, listener, "somebody hears themselves");
        assert_eq!(here, there, "{speaker} is heard in another room");
        let flight = Duration::from_millis(20);
        assert!(
            left.is_none_or(|left| self.now <= left + flight),
            "{speaker} has left"
        );
    }

    pub(super) fn client(&mut self, id: u64) -> &mut Client {
        self.clients.get_mut(&id).unwrap()
    }

    pub(super) fn gone(&self, id: u64) -> Option<GoneReason> {
        let gone = |event: &RoomEvent| {
            let RoomEvent::Gone {
                participant,
                reason,
            } = event
            else {
                return None;
            };
            (participant.0 == id).then_some(*reason)
        };
        self.events.iter().find_map(gone)
    }

    pub(super) fn told(&self, event: &RoomEvent) -> usize {
        self.events.iter().filter(|told| *told == event).count()
    }

    pub(super) fn value(&self, metric: Metric) -> u64 {
        self.counters.value(metric)
    }

    /// Forgets what was heard.
    pub(super) fn forget(&mut self) {
        for client in self.clients.values_mut() {
            client.heard.clear();
        }
        self.events.clear();
    }
}

impl Client {
    fn new(address: SocketAddr, takes_red: bool, now: Instant) -> Self {
        let provider = Arc::new(str0m::crypto::from_feature_flags());
        let mut rtc = Rtc::builder()
            .set_crypto_provider(provider)
            .clear_codecs()
            .enable_opus(true, takes_red)
            .set_rtp_mode(true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        Self {
            rtc,
            address,
            heard: Vec::new(),
            offers: 0,
            is_connected: false,
            is_alive: true,
            speaks: None,
            sends_red: false,
            mids: Vec::new(),
            seq: 100,
            timestamp: 1_000_000,
            timeout: now,
        }
    }

    fn answer(&mut self, sdp: &str) -> String {
        // A browser begins with DTLS; this stack does if it has no choice.
        let sdp = sdp.replace("a=setup:actpass", "a=setup:passive");
        let offer = SdpOffer::from_sdp_string(&sdp).unwrap();
        let answer = self.rtc.sdp_api().accept_offer(offer).unwrap();
        self.mids = sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a=mid:"))
            .map(Mid::from)
            .collect();
        answer.to_sdp_string()
    }

    /// The client's network has changed: it is somewhere else now.
    pub(super) fn move_to(&mut self, address: SocketAddr) {
        let old = Candidate::host(self.address, "udp").unwrap();
        self.rtc.direct_api().invalidate_candidate(&old);
        self.address = address;
        self.rtc
            .add_local_candidate(Candidate::host(address, "udp").unwrap());
    }

    fn speak(&mut self, id: u64, now: Instant) {
        self.timestamp = self.timestamp.wrapping_add(960);
        let (Some(level), true) = (self.speaks, self.is_connected && self.is_alive) else {
            return;
        };
        let find = |params: &&str0m::format::PayloadParams| params.spec().codec == Codec::Opus;
        let params = self.rtc.codec_config().params().iter().find(find).unwrap();
        let pt = if self.sends_red {
            params.red().unwrap()
        } else {
            params.pt()
        };
        let frame = [1, 2, 3, u8::try_from(id).unwrap()];
        let payload: Vec<u8> = if self.sends_red {
            // One older frame of two bytes, then this one.
            let header = [0x80 | 111, 0x0F, 0x00, 0x02, 111];
            [&header[..], &[9, 9], &frame].concat()
        } else {
            frame.to_vec()
        };
        self.seq += 1;
        let levels = ExtensionValues {
            audio_level: Some(-level),
            voice_activity: Some(level < 60),
            ..ExtensionValues::default()
        };
        let write =
            RtpWrite::new(pt, self.seq.into(), self.timestamp, now, payload).ext_vals(levels);
        let mut api = self.rtc.direct_api();
        api.stream_tx_by_mid(self.mids[0], None)
            .unwrap()
            .write_rtp(write);
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
    }

    fn take(&mut self, event: Event, now: Instant) {
        self.is_connected |= matches!(event, Event::Connected);
        self.is_alive &= !matches!(event, Event::Closed);
        let Event::RtpPacket(packet) = event else {
            return;
        };
        let header = &packet.header;
        let mut api = self.rtc.direct_api();
        let mid = api.stream_rx(&header.ssrc).map(|stream| stream.mid());
        let place = self.mids.iter().position(|known| Some(*known) == mid);
        self.heard.push(Heard {
            slot: place.expect("voice of no section") - 1,
            ssrc: *header.ssrc,
            seq: header.sequence_number,
            timestamp: header.timestamp,
            marker: header.marker,
            red: *header.payload_type == 63,
            level: header.ext_vals.audio_level,
            payload: packet.payload.to_vec(),
            at: now,
        });
    }
}
