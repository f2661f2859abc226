//! A client's half of a voice room: WebRTC over `str0m`, on a thread of its own.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::sync::watch;

use crate::client::Socket;
use crate::server::PATIENCE;

/// One frame of Opus.
const FRAME: Duration = Duration::from_millis(20);

/// A voice that speaks and listens until it is dropped. What it says is its
/// word, one byte, again and again.
pub(crate) struct Voice {
    pub(crate) seat: u64,
    word: Arc<AtomicU8>,
    /// How often each word was heard.
    heard: watch::Receiver<HashMap<u8, usize>>,
    offers: Sender<(String, Sender<String>)>,
    /// Dropped to end the thread.
    alive: Option<Arc<Mutex<()>>>,
    thread: Option<JoinHandle<()>>,
}

impl Voice {
    /// Takes a seat and answers the offer.
    pub(crate) async fn join(socket: &mut Socket, room: i64, word: u8) -> Self {
        socket
            .send(&json!({ "type": "room_join", "conversation_id": room }))
            .await;
        let joined = socket.frame_of("room_joined").await;
        Self::answer(socket, &joined, word).await
    }

    /// Answers the offer of a seat.
    pub(crate) async fn answer(socket: &mut Socket, joined: &Value, word: u8) -> Self {
        let seat = joined["participant_id"].as_u64().unwrap();
        let offer = joined["payload"]["offer"]["sdp"].as_str().unwrap();
        let word = Arc::new(AtomicU8::new(word));
        let (tell, heard) = watch::channel(HashMap::new());
        let (offers, offers_in) = channel();
        let alive = Arc::new(Mutex::new(()));
        let line = Line {
            offers: offers_in,
            word: Arc::clone(&word),
            tell,
            alive: Arc::downgrade(&alive),
        };
        let thread = std::thread::spawn(move || line.run());
        let voice = Self {
            seat,
            word,
            heard,
            offers,
            alive: Some(alive),
            thread: Some(thread),
        };
        let (answer_to, answer) = channel();
        voice.offers.send((offer.to_owned(), answer_to)).unwrap();
        let answer = answer.recv_timeout(PATIENCE).unwrap();
        socket
            .send(&json!({
                "type": "room_answer",
                "conversation_id": joined["conversation_id"],
                "participant_id": seat,
                "payload": { "answer": { "type": "answer", "sdp": answer } },
            }))
            .await;
        voice
    }

    /// Says something else from now on.
    pub(crate) fn say(&self, word: u8) {
        self.word.store(word, Ordering::Relaxed);
    }

    /// How often this word was heard.
    pub(crate) fn heard(&self, word: u8) -> usize {
        self.heard.borrow().get(&word).copied().unwrap_or_default()
    }

    /// Waits until this word was heard so many times more.
    pub(crate) async fn hears(&mut self, word: u8, more: usize) {
        let wanted = self.heard(word) + more;
        let enough = |heard: &HashMap<u8, usize>| heard.get(&word).is_some_and(|n| *n >= wanted);
        let heard = tokio::time::timeout(PATIENCE, self.heard.wait_for(enough)).await;
        heard
            .unwrap_or_else(|_| panic!("{word} is not heard"))
            .unwrap();
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.alive.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's half.
struct Line {
    offers: Receiver<(String, Sender<String>)>,
    word: Arc<AtomicU8>,
    tell: watch::Sender<HashMap<u8, usize>>,
    alive: std::sync::Weak<Mutex<()>>,
}

impl Line {
    fn run(self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let local = socket.local_addr().unwrap();
        let mut rtc = Rtc::builder()
            .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
            .clear_codecs()
            .enable_opus(true, true)
            .set_rtp_mode(true)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        let mut spoken = Spoken {
            connected: false,
            seq: 1,
            next: Instant::now(),
        };
        while self.alive.strong_count() > 0 && rtc.is_alive() {
            if let Ok((offer, answer)) = self.offers.try_recv() {
                let offer = SdpOffer::from_sdp_string(&offer).unwrap();
                let made = rtc.sdp_api().accept_offer(offer).unwrap();
                answer.send(made.to_sdp_string()).unwrap();
            }
            spoken.speak(&mut rtc, self.word.load(Ordering::Relaxed));
            self.drain(&mut rtc, &socket, &mut spoken);
            self.receive(&mut rtc, &socket, local);
            self.drain(&mut rtc, &socket, &mut spoken);
        }
    }

    fn drain(&self, rtc: &mut Rtc, socket: &UdpSocket, spoken: &mut Spoken) {
        loop {
            match rtc.poll_output() {
                Ok(Output::Timeout(_)) | Err(_) => return,
                Ok(Output::Transmit(transmit)) => {
                    let _ = socket.send_to(&transmit.contents, transmit.destination);
                }
                Ok(Output::Event(Event::Connected)) => spoken.connected = true,
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    if let Some(&word) = packet.payload.first() {
                        self.tell
                            .send_modify(|heard| *heard.entry(word).or_default() += 1);
                    }
                }
                Ok(Output::Event(_)) => {}
            }
        }
    }

    fn receive(&self, rtc: &mut Rtc, socket: &UdpSocket, local: SocketAddr) {
        socket
            .set_read_timeout(Some(Duration::from_millis(3)))
            .unwrap();
        let mut bytes = [0; 2048];
        let received = socket.recv_from(&mut bytes);
        let now = Instant::now();
        let input = match received {
            Ok((length, from)) => {
                match Receive::new(Protocol::Udp, from, local, &bytes[..length]) {
                    Ok(receive) => Input::Receive(now, receive),
                    Err(_) => Input::Timeout(now),
                }
            }
            Err(_) => Input::Timeout(now),
        };
        let _ = rtc.handle_input(input);
    }
}

/// What this voice has said.
struct Spoken {
    connected: bool,
    seq: u64,
    next: Instant,
}

impl Spoken {
    fn speak(&mut self, rtc: &mut Rtc, word: u8) {
        let now = Instant::now();
        if !self.connected || now < self.next {
            return;
        }
        self.next = now + FRAME;
        let mut params = rtc.codec_config().params().iter();
        let Some(pt) = params
            .find(|params| params.spec().codec == Codec::Opus)
            .map(|params| params.pt())
        else {
            return;
        };
        self.seq += 1;
        let time = u32::try_from(self.seq).unwrap_or(0).wrapping_mul(960);
        let payload = vec![word; 60];
        let write = RtpWrite::new(pt, self.seq.into(), time, now, payload.as_slice());
        if let Some(stream) = rtc.direct_api().stream_tx_by_mid(Mid::from("0"), None) {
            stream.write_rtp(write);
        }
    }
}
