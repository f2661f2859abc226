//! One connection of one member over `str0m`: what it sends and what comes
//! back. Most connections only look at the heads of what comes, which SRTP
//! leaves readable; decrypting all of it would cost more than the server does.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};

/// Bytes of 20 ms of Opus.
const PAYLOAD: usize = 100;

/// The payload type of Opus, as everybody numbers it.
const OPUS: u8 = 111;

/// Received datagrams are no longer.
const LARGEST: usize = 2_048;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Sends and hears.
    Both,
    /// Only sends.
    Sends,
    /// Only hears.
    Hears,
}

/// What happened on a connection since it was asked last.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) connected: bool,
    /// Stamps in payloads, if they are looked at.
    pub(super) stamps: Vec<u64>,
}

/// See the module.
pub(super) struct Member {
    rtc: Rtc,
    pub(super) socket: UdpSocket,
    address: SocketAddr,
    pub(super) role: Role,
    /// Who of the room's members this is, and of how many.
    pub(super) place: (usize, usize),
    /// Whether payloads are looked at.
    pub(super) looks: bool,
    voice: Option<Mid>,
    seq: u64,
    /// When it wants to be woken.
    deadline: Instant,
    pub(super) due: Option<Instant>,
    pub(super) connected: bool,
    pub(super) streams: BTreeMap<u32, Stream>,
}

/// A stream that is heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    newest: u64,
    /// Since counting began.
    first: u64,
    received: u64,
}

impl Stream {
    fn begin(seq: u16) -> Self {
        let newest = 65_536 + u64::from(seq);
        Self {
            newest,
            first: newest,
            received: 1,
        }
    }

    fn hear(&mut self, seq: u16) {
        let low = u16::try_from(self.newest & 0xffff).unwrap();
        let ahead = seq.wrapping_sub(low).cast_signed();
        self.newest = self
            .newest
            .max(self.newest.saturating_add_signed(i64::from(ahead)));
        self.received += 1;
    }

    /// Counts anew from the next packet on.
    pub(super) fn restart(&mut self) {
        (self.first, self.received) = (self.newest + 1, 0);
    }

    /// Packets that came, and those that did not.
    pub(super) fn counts(&self) -> (u64, u64) {
        let span = (self.newest + 1).saturating_sub(self.first);
        (self.received, span.saturating_sub(self.received))
    }
}

impl Member {
    /// A connection from this address of the machine.
    pub(super) fn new(from: IpAddr, role: Role, place: (usize, usize)) -> Self {
        let socket = UdpSocket::bind((from, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 1 << 20);
        let address = socket.local_addr().unwrap();
        let now = Instant::now();
        let config = Rtc::builder().set_rtp_mode(true).clear_codecs();
        let config = config.enable_opus(true, false).set_stats_interval(None);
        let mut rtc = config.build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        Self {
            rtc,
            socket,
            address,
            role,
            place,
            looks: place.0 == 0,
            voice: None,
            seq: 0,
            deadline: now,
            due: None,
            connected: false,
            streams: BTreeMap::new(),
        }
    }

    /// Offers to send.
    pub(super) fn offer(&mut self) -> (String, SdpPendingOffer) {
        let mut change = self.rtc.sdp_api();
        let voice = change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        self.voice = Some(voice);
        let (offer, pending) = change.apply().unwrap();
        (offer.to_sdp_string(), pending)
    }

    /// What the server answered to an offer.
    pub(super) fn accept(&mut self, pending: SdpPendingOffer, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    /// Answers an offer of the server. Who sends does so in its first medium.
    pub(super) fn answer(&mut self, offer: &str) -> String {
        let offer = SdpOffer::from_sdp_string(offer).unwrap();
        let answer = self.rtc.sdp_api().accept_offer(offer).unwrap();
        if self.role == Role::Both {
            self.voice = Some(Mid::from("0"));
        }
        answer.to_sdp_string()
    }

    /// Says something at this loudness, in -dBov; the payload begins with the
    /// stamp.
    pub(super) fn say(&mut self, dbov: u8, stamp: u64, now: Instant) {
        let mut payload = [7; PAYLOAD];
        payload[..8].copy_from_slice(&stamp.to_be_bytes());
        let mut direct = self.rtc.direct_api();
        let stream = self
            .voice
            .and_then(|voice| direct.stream_tx_by_mid(voice, None));
        let Some(stream) = stream else {
            return;
        };
        self.seq += 1;
        let levels = ExtensionValues {
            audio_level: Some(-dbov.cast_signed()),
            voice_activity: Some(dbov < 60),
            ..ExtensionValues::default()
        };
        let time = u32::try_from(self.seq * 960 % (1 << 32)).unwrap();
        let packet = RtpWrite::new(OPUS.into(), self.seq.into(), time, now, payload.to_vec());
        stream.write_rtp(packet.ext_vals(levels).nackable(true));
        self.flush(now, &mut News::default());
    }

    /// Sends what waits if it is time to.
    pub(super) fn wake(&mut self, now: Instant, news: &mut News) {
        if self.deadline <= now && self.rtc.is_alive() {
            self.rtc.handle_input(Input::Timeout(now)).unwrap();
            self.flush(now, news);
        }
    }

    /// Reads what came, so much at a time.
    pub(super) fn read(&mut self, news: &mut News) {
        let mut bytes = [0; LARGEST];
        for _ in 0..64 {
            let (length, source) = match self.socket.recv_from(&mut bytes) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // A server that has ended.
                Err(_) => return,
            };
            self.hear(&bytes[..length], source, news);
        }
    }

    fn hear(&mut self, datagram: &[u8], source: SocketAddr, news: &mut News) {
        if let [128..=191, kind, high, low, _, _, _, _, ssrc @ ..] = datagram
            && !(192..=223).contains(kind)
            && let Some(ssrc) = ssrc.first_chunk()
        {
            let (seq, ssrc) = (u16::from_be_bytes([*high, *low]), u32::from_be_bytes(*ssrc));
            let stream = self.streams.entry(ssrc);
            let heard = stream.and_modify(|stream| stream.hear(seq));
            heard.or_insert_with(|| Stream::begin(seq));
            if !self.looks {
                return;
            }
        }
        let (now, destination) = (Instant::now(), self.address);
        if let Ok(receive) = Receive::new(Protocol::Udp, source, destination, datagram)
            && self.rtc.is_alive()
        {
            self.rtc.handle_input(Input::Receive(now, receive)).unwrap();
            self.flush(now, news);
        }
    }

    fn flush(&mut self, now: Instant, news: &mut News) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Transmit(send) => {
                    // What does not fit is lost, as it would be elsewhere.
                    let _ = self.socket.send_to(&send.contents, send.destination);
                }
                Output::Timeout(at) => {
                    self.deadline = at.max(now + Duration::from_millis(1));
                    return;
                }
                Output::Event(Event::Connected) => {
                    (self.connected, news.connected) = (true, true);
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    let stamp = packet.payload.first_chunk().copied();
                    news.stamps.extend(stamp.map(u64::from_be_bytes));
                }
                Output::Event(_) => {}
            }
        }
    }
}
