//! The engine over `str0m`: a second implementation by other people, to see
//! that the rooms and their tests depend on no engine's ways.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::config::CryptoProvider;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcError};

use super::{AnswerError, Engine, EngineError, EngineEvent, Voice};
use crate::sfu::SLOTS;
use crate::sfu::room::Level;
use crate::sfu::sdp::{self, Credentials};

/// See the module.
pub(crate) struct Str0mEngine {
    rtc: Rtc,
    slots: Vec<Mid>,
    credentials: Credentials,
    pending: Option<(SdpPendingOffer, Credentials)>,
    takes_red: bool,
    timeout: Instant,
    transmits: VecDeque<(SocketAddr, Bytes)>,
    events: VecDeque<EngineEvent>,
    /// The extended sequence number of each slot.
    sent: [u64; SLOTS],
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError(error.to_string())
}

impl Engine for Str0mEngine {
    type Shared = Arc<CryptoProvider>;

    fn shared() -> Result<Self::Shared, EngineError> {
        Ok(Arc::new(str0m::crypto::from_feature_flags()))
    }

    fn new(
        shared: &Self::Shared,
        candidates: &[SocketAddr],
        now: Instant,
    ) -> Result<Self, EngineError> {
        let mut rtc = Rtc::builder()
            .set_crypto_provider(Arc::clone(shared))
            .set_ice_lite(true)
            .clear_extension_map()
            .set_extension(1, Extension::AudioLevel)
            .set_extension(2, Extension::RtpMid)
            .clear_codecs()
            .enable_opus(true, true)
            .set_rtp_mode(true)
            .build(now);
        for address in candidates {
            rtc.add_local_candidate(Candidate::host(*address, "udp").map_err(failed)?);
        }
        Ok(Self {
            rtc,
            slots: Vec::new(),
            credentials: Credentials {
                ufrag: String::new(),
                pwd: String::new(),
            },
            pending: None,
            takes_red: false,
            timeout: now,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            sent: [0; SLOTS],
        })
    }

    fn offer(&mut self, _now: Instant) -> Result<String, EngineError> {
        let mut api = self.rtc.sdp_api();
        api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        for slot in 0..SLOTS {
            let name = Some(format!("slot-{slot}"));
            let (kind, direction) = (MediaKind::Audio, Direction::SendOnly);
            let mid = api.add_media(kind, direction, name.clone(), name, None);
            self.slots.push(mid);
        }
        let (offer, pending) = api.apply().ok_or_else(|| failed("nothing to offer"))?;
        let sdp = offer.to_sdp_string();
        self.credentials = sdp::credentials(&sdp).ok_or_else(|| failed("no credentials"))?;
        self.pending = Some((pending, self.credentials.clone()));
        // The stack has no switch for this line.
        let lines = sdp.split_inclusive('\n');
        Ok(lines
            .filter(|line| !line.contains("transport-cc"))
            .collect())
    }

    fn restart(&mut self, _now: Instant) -> Result<String, EngineError> {
        if self.pending.is_some() {
            return Err(failed("the last offer is not answered yet"));
        }
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().ok_or_else(|| failed("nothing to offer"))?;
        let sdp = offer.to_sdp_string();
        let credentials = sdp::credentials(&sdp).ok_or_else(|| failed("no credentials"))?;
        self.pending = Some((pending, credentials));
        Ok(sdp)
    }

    fn answer(&mut self, sdp: &str, now: Instant) -> Result<(), AnswerError> {
        let unusable = |error: &dyn std::fmt::Display| AnswerError::Unusable(error.to_string());
        let (pending, credentials) = self.pending.take().ok_or(AnswerError::Unexpected)?;
        let answer = SdpAnswer::from_sdp_string(&sdp::without_candidates(sdp))
            .map_err(|error| unusable(&error))?;
        self.rtc
            .sdp_api()
            .accept_answer(pending, answer)
            .map_err(|error| unusable(&error))?;
        self.credentials = credentials;
        self.takes_red = sdp::takes_red(sdp);
        self.pump(now);
        Ok(())
    }

    fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    fn handle_datagram(
        &mut self,
        source: SocketAddr,
        local: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) {
        if let Ok(receive) = Receive::new(Protocol::Udp, source, local, bytes) {
            let taken = self.rtc.handle_input(Input::Receive(now, receive));
            self.note(taken.err());
            self.pump(now);
        }
    }

    fn write(&mut self, slot: u8, voice: &Voice, now: Instant) {
        let slot = usize::from(slot);
        let Some(pt) = self.params().map(|params| match params.red() {
            Some(red) if voice.red => red,
            Some(_) | None => params.pt(),
        }) else {
            return;
        };
        let levels = ExtensionValues {
            audio_level: voice
                .level
                .map(|level| -i8::try_from(level.dbov).unwrap_or(127)),
            voice_activity: voice.level.map(|level| level.voice),
            ..ExtensionValues::default()
        };
        // The stack wants numbers that do not wrap.
        let last = self.sent[slot];
        let ahead = voice.seq.wrapping_sub(last as u16) as i16;
        let seq = last.wrapping_add_signed(i64::from(ahead));
        self.sent[slot] = if last == 0 { u64::from(voice.seq) } else { seq };
        let write = RtpWrite::new(
            pt,
            self.sent[slot].into(),
            voice.timestamp,
            now,
            voice.payload.as_ref(),
        )
        .marker(voice.marker)
        .ext_vals(levels);
        let mut api = self.rtc.direct_api();
        if let Some(stream) = api.stream_tx_by_mid(self.slots[slot], None) {
            stream.write_rtp(write);
        }
        let taken = self.rtc.handle_input(Input::Timeout(now));
        self.note(taken.err());
        self.pump(now);
    }

    fn takes_red(&self) -> bool {
        self.takes_red
    }

    fn poll_transmit(&mut self, _now: Instant) -> Option<(SocketAddr, Bytes)> {
        self.transmits.pop_front()
    }

    fn poll_event(&mut self, _now: Instant) -> Option<EngineEvent> {
        self.events.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        Some(self.timeout)
    }

    fn handle_timeout(&mut self, now: Instant) {
        let taken = self.rtc.handle_input(Input::Timeout(now));
        self.note(taken.err());
        self.pump(now);
    }

    fn close(&mut self, now: Instant) {
        let closed = self.rtc.close();
        self.note(closed.err());
        self.pump(now);
    }
}

impl Str0mEngine {
    fn params(&self) -> Option<&PayloadParams> {
        let mut params = self.rtc.codec_config().params().iter();
        params.find(|params| params.spec().codec == Codec::Opus)
    }

    fn note(&mut self, error: Option<RtcError>) {
        if error.is_some() {
            self.events.push_back(EngineEvent::Failed);
        }
    }

    fn pump(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.timeout = at.max(now);
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    let bytes = Bytes::copy_from_slice(&transmit.contents);
                    self.transmits.push_back((transmit.destination, bytes));
                }
                Ok(Output::Event(Event::Connected)) => {
                    self.events.push_back(EngineEvent::Connected);
                }
                Ok(Output::Event(Event::Closed)) => self.events.push_back(EngineEvent::Closed),
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    self.events.push_back(EngineEvent::Voice(voice(&packet)));
                }
                Ok(Output::Event(_)) => {}
                Err(error) => return self.note(Some(error)),
            }
        }
    }
}

fn voice(packet: &RtpPacket) -> Voice {
    let header = &packet.header;
    let level = header.ext_vals.audio_level.map(|level| Level {
        dbov: level.unsigned_abs(),
        voice: header.ext_vals.voice_activity.unwrap_or(true),
    });
    Voice {
        seq: header.sequence_number,
        timestamp: header.timestamp,
        marker: header.marker,
        red: *header.payload_type == 63,
        level,
        payload: Bytes::copy_from_slice(&packet.payload),
    }
}
