//! The engine over `rtc`, the sans-IO core of webrtc-rs.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::crypto::SignatureScheme;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::interceptor::{
    NackGeneratorBuilder, NackResponderBuilder, ReceiverReportBuilder, Registry,
    SenderReportBuilder, Slot,
};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::event::RTCPeerConnectionEvent;
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{
    CandidateConfig, CandidateHostConfig, RTCDtlsTransportState, RTCIceCandidate,
};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
    RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpSenderId, RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sansio::Protocol as _;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use super::hello::Hellos;
use super::{AnswerError, Engine, EngineError, EngineEvent, Voice};
use crate::sfu::SLOTS;
use crate::sfu::demux::{self, Kind};
use crate::sfu::room::Level;
use crate::sfu::sdp::{self, Credentials};

const OPUS: u8 = 111;
/// What browsers call it themselves.
const RED: u8 = 63;

/// Packets kept in case somebody asks for them again: 1.3 s of voice. A power
/// of two.
const KEPT: u16 = 64;

/// Who is silent for long is removed by the rooms, before this comes to pass.
const GIVE_UP: Duration = Duration::from_secs(600);

/// See the module.
pub struct RtcEngine {
    connection: RTCPeerConnection,
    candidates: Vec<SocketAddr>,
    slots: Vec<(RTCRtpSenderId, u32)>,
    credentials: Credentials,
    /// The offer whose answer is awaited, and whether it is applied already.
    offered: Option<(RTCSessionDescription, bool)>,
    level_id: Option<u8>,
    takes_red: bool,
    is_connected: bool,
    hellos: Hellos,
    /// The client has said that it ends the connection.
    is_over: bool,
    /// Something may have happened since events were looked at.
    is_stirred: bool,
    voices: VecDeque<Voice>,
}

impl std::fmt::Debug for RtcEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RtcEngine").finish_non_exhaustive()
    }
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError(error.to_string())
}

impl Engine for RtcEngine {
    type Shared = RTCCertificate;

    fn shared() -> Result<Self::Shared, EngineError> {
        let provider = rtc::crypto::default_provider().map_err(failed)?;
        let params = CertificateParams::new(vec!["payambar".to_owned()]).map_err(failed)?;
        RTCCertificate::generate(provider.crypto(), SignatureScheme::EcdsaP256Sha256, params)
            .map_err(failed)
    }

    fn new(
        shared: &Self::Shared,
        candidates: &[SocketAddr],
        now: Instant,
    ) -> Result<Self, EngineError> {
        let mut connection = connection(shared, now).map_err(failed)?;
        connection
            .add_transceiver_from_kind(RtpCodecKind::Audio, None)
            .map_err(failed)?;
        let mut slots = Vec::with_capacity(SLOTS);
        for slot in 0..SLOTS {
            slots.push(add_slot(&mut connection, slot).map_err(failed)?);
        }
        let mut engine = Self {
            connection,
            candidates: candidates.to_vec(),
            slots,
            credentials: Credentials {
                ufrag: String::new(),
                pwd: String::new(),
            },
            offered: None,
            level_id: None,
            takes_red: false,
            is_connected: false,
            hellos: Hellos::default(),
            is_over: false,
            is_stirred: false,
            voices: VecDeque::new(),
        };
        engine.add_candidates()?;
        Ok(engine)
    }

    fn offer(&mut self, now: Instant) -> Result<String, EngineError> {
        let offer = self.connection.create_offer(None).map_err(failed)?;
        self.connection
            .set_local_description(now, offer.clone())
            .map_err(failed)?;
        let sdp = offer.sdp.clone();
        self.credentials = sdp::credentials(&sdp).ok_or_else(|| failed("no credentials"))?;
        self.level_id = sdp::extension(&sdp, sdp::AUDIO_LEVEL);
        self.offered = Some((offer, true));
        Ok(sdp)
    }

    fn restart(&mut self, _now: Instant) -> Result<String, EngineError> {
        if self.offered.as_ref().is_some_and(|(_, applied)| *applied) {
            return Err(failed("the first offer is not answered yet"));
        }
        let options = RTCOfferOptions { ice_restart: true };
        let offer = self
            .connection
            .create_offer(Some(options))
            .map_err(failed)?;
        // Later offers repeat what the client answered to the first.
        let sdp = sdp::with_parameter(&offer.sdp, OPUS, "usedtx=1");
        // Applied with the answer: until then the old path carries voice.
        self.offered = Some((offer, false));
        Ok(sdp)
    }

    fn answer(&mut self, sdp: &str, now: Instant) -> Result<(), AnswerError> {
        let unusable = |error: &dyn std::fmt::Display| AnswerError::Unusable(error.to_string());
        if self.offered.is_none() {
            return Err(AnswerError::Unexpected);
        }
        let answer = RTCSessionDescription::answer(sdp::without_candidates(sdp))
            .map_err(|error| unusable(&error))?;
        let (offer, applied) = self.offered.take().ok_or(AnswerError::Unexpected)?;
        if !applied {
            let credentials =
                sdp::credentials(&offer.sdp).ok_or_else(|| unusable(&"no credentials"))?;
            self.connection
                .set_local_description(now, offer)
                .map_err(|error| unusable(&error))?;
            self.add_candidates().map_err(|error| unusable(&error))?;
            self.credentials = credentials;
        }
        self.connection
            .set_remote_description(now, answer)
            .map_err(|error| unusable(&error))?;
        self.level_id = sdp::extension(sdp, sdp::AUDIO_LEVEL);
        self.takes_red = sdp::takes_red(sdp);
        self.is_stirred = true;
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
        let is_dtls = demux::kind(bytes) == Some(Kind::Dtls);
        if is_dtls && !self.is_connected && self.hellos.are_known(bytes) {
            return;
        }
        let read = self.connection.handle_read(TaggedBytesMut {
            now,
            transport: TransportContext {
                local_addr: local,
                peer_addr: source,
                transport_protocol: TransportProtocol::UDP,
                ecn: None,
            },
            message: BytesMut::from(bytes),
        });
        if let Err(error) = read {
            tracing::trace!(%error, "a datagram was not understood");
        }
        self.is_stirred = true;
        if is_dtls && self.is_connected {
            self.is_over = self.is_over || self.dtls_is_over();
        }
    }

    fn write(&mut self, slot: u8, voice: &Voice, now: Instant) {
        if !self.is_connected {
            return;
        }
        let Some(&(sender, ssrc)) = self.slots.get(usize::from(slot)) else {
            return;
        };
        let mut header = rtp::Header {
            version: 2,
            marker: voice.marker,
            payload_type: if voice.red { RED } else { OPUS },
            sequence_number: voice.seq,
            timestamp: voice.timestamp,
            ssrc,
            ..rtp::Header::default()
        };
        if let (Some(id), Some(level)) = (self.level_id, voice.level) {
            let byte = u8::from(level.voice) << 7 | level.dbov.min(127);
            // Only an id that no packet can carry fails; then none is sent.
            let _ = header.set_extension(id, Bytes::copy_from_slice(&[byte]));
        }
        let packet = rtp::Packet {
            header,
            payload: voice.payload.clone(),
        };
        let Some(mut sender) = self.connection.rtp_sender(sender) else {
            return;
        };
        if let Err(error) = sender.write_rtp(now, packet) {
            tracing::trace!(%error, "a voice packet was not sent");
        }
    }

    fn takes_red(&self) -> bool {
        self.takes_red
    }

    fn poll_transmit(&mut self, _now: Instant) -> Option<(SocketAddr, Bytes)> {
        let transmit = self.connection.poll_write()?;
        Some((transmit.transport.peer_addr, transmit.message.freeze()))
    }

    fn poll_event(&mut self, _now: Instant) -> Option<EngineEvent> {
        if !std::mem::take(&mut self.is_stirred) && self.voices.is_empty() {
            return None;
        }
        while let Some(event) = self.connection.poll_event() {
            let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) = event else {
                continue;
            };
            match state {
                RTCPeerConnectionState::Connected if !self.is_connected => {
                    self.is_connected = true;
                    self.is_stirred = true;
                    return Some(EngineEvent::Connected);
                }
                RTCPeerConnectionState::Closed => return Some(EngineEvent::Closed),
                RTCPeerConnectionState::Failed => return Some(EngineEvent::Failed),
                // A restart of ICE passes through these.
                RTCPeerConnectionState::Unspecified
                | RTCPeerConnectionState::New
                | RTCPeerConnectionState::Connecting
                | RTCPeerConnectionState::Connected
                | RTCPeerConnectionState::Disconnected
                | _ => {}
            }
        }
        while let Some(message) = self.connection.poll_read() {
            if let RTCMessage::RtpPacket(_, packet) = message.message {
                self.voices.extend(self.voice(packet));
            }
        }
        let voice = self.voices.pop_front().map(EngineEvent::Voice);
        voice.or_else(|| std::mem::take(&mut self.is_over).then_some(EngineEvent::Closed))
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Err(error) = self.connection.handle_timeout(now) {
            tracing::trace!(%error, "a timer of a connection failed");
        }
        self.is_stirred = true;
    }

    fn close(&mut self, _now: Instant) {
        if let Err(error) = self.connection.close() {
            tracing::trace!(%error, "a connection did not end cleanly");
        }
    }
}

impl RtcEngine {
    /// The end of DTLS is no event: the state of the whole stays connected.
    fn dtls_is_over(&mut self) -> bool {
        let Some(&(sender, _)) = self.slots.first() else {
            return false;
        };
        // The state changes as events are taken out.
        let sender = self.connection.rtp_sender(sender);
        let transport = sender.as_ref().and_then(|sender| sender.transport());
        transport.is_some_and(|transport| transport.state() == RTCDtlsTransportState::Closed)
    }

    /// What the rooms need of a packet, if it is voice.
    fn voice(&self, packet: rtp::Packet) -> Option<Voice> {
        let header = packet.header;
        let red = match header.payload_type {
            OPUS => false,
            RED => true,
            _ => return None,
        };
        let level = self
            .level_id
            .and_then(|id| header.get_extension(id))
            .and_then(|value| value.first().copied())
            .map(|byte| Level {
                dbov: byte & 0x7F,
                voice: byte & 0x80 != 0,
            });
        Some(Voice {
            seq: header.sequence_number,
            timestamp: header.timestamp,
            marker: header.marker,
            red,
            level,
            payload: packet.payload,
        })
    }

    fn add_candidates(&mut self) -> Result<(), EngineError> {
        for address in &self.candidates {
            let candidate = CandidateHostConfig {
                base_config: CandidateConfig {
                    network: "udp".to_owned(),
                    address: address.ip().to_string(),
                    port: address.port(),
                    component: 1,
                    ..CandidateConfig::default()
                },
                ..CandidateHostConfig::default()
            }
            .new_candidate_host()
            .map_err(failed)?;
            let candidate = RTCIceCandidate::from(&candidate)
                .to_json()
                .map_err(failed)?;
            self.connection
                .add_local_candidate(candidate)
                .map_err(failed)?;
        }
        Ok(())
    }
}

fn connection(
    certificate: &RTCCertificate,
    now: Instant,
) -> rtc::shared::error::Result<RTCPeerConnection> {
    let mut media = MediaEngine::default();
    for codec in codecs() {
        media.register_codec(codec, RtpCodecKind::Audio)?;
    }
    for uri in [sdp::AUDIO_LEVEL, sdp::MID] {
        let uri = uri.to_owned();
        let extension = RTCRtpHeaderExtensionCapability { uri };
        media.register_header_extension(extension, RtpCodecKind::Audio, None)?;
    }
    let interceptors = Registry::new()
        .with(
            Slot::NackResponder,
            NackResponderBuilder::new().with_size(KEPT).build(),
        )
        .with(
            Slot::NackGenerator,
            NackGeneratorBuilder::new().with_size(KEPT).build(),
        )
        .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
        .with(Slot::SenderReport, SenderReportBuilder::new().build());
    let settings = SettingEngineBuilder::new()
        .with_lite(true)
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ])
        .with_ice_timeouts(Some(GIVE_UP), Some(GIVE_UP), None)
        .with_include_loopback_candidate(true)
        .with_discard_local_candidates_during_ice_restart(true)
        .build();
    let configuration = RTCConfigurationBuilder::new()
        .with_certificates(vec![certificate.clone()])
        .build();
    RTCPeerConnectionBuilder::new()
        .with_configuration(configuration)
        .with_setting_engine(settings)
        .with_media_engine(media)
        .with_interceptor_registry(interceptors)
        .build(now)
}

/// RED first: it is what a client sends then.
fn codecs() -> [RTCRtpCodecParameters; 2] {
    let codec = |mime_type: &str, fmtp: &str, payload_type| RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: mime_type.to_owned(),
            clock_rate: 48_000,
            channels: 2,
            sdp_fmtp_line: fmtp.to_owned(),
            rtcp_feedback: vec![RTCPFeedback {
                typ: "nack".to_owned(),
                parameter: String::new(),
            }],
        },
        payload_type,
    };
    [
        codec("audio/red", "111/111", RED),
        codec("audio/opus", "minptime=10;useinbandfec=1;usedtx=1", OPUS),
    ]
}

/// A section of its own for a slot: `add_track` would take the one that the
/// microphone is to come by.
fn add_slot(
    connection: &mut RTCPeerConnection,
    slot: usize,
) -> rtc::shared::error::Result<(RTCRtpSenderId, u32)> {
    let name = format!("slot-{slot}");
    let track = MediaStreamTrack::new(
        name.clone(),
        name.clone(),
        name,
        RtpCodecKind::Audio,
        vec![RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters::default(),
            active: true,
            ..RTCRtpEncodingParameters::default()
        }],
    );
    let init = RTCRtpTransceiverInit {
        direction: RTCRtpTransceiverDirection::Sendonly,
        ..RTCRtpTransceiverInit::default()
    };
    let id = connection.add_transceiver_from_track(track, Some(init))?;
    let sender = connection
        .rtp_transceiver(id)
        .and_then(|transceiver| transceiver.sender())
        .ok_or(rtc::shared::error::Error::ErrRTPSenderNotExisted)?;
    let ssrc = connection
        .rtp_sender(sender)
        .and_then(|sender| sender.track().ssrcs().next())
        .ok_or(rtc::shared::error::Error::ErrSenderWithNoSSRCs)?;
    Ok((sender, ssrc))
}
