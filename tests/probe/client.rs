//! A client of either server: one socket, one user, and what came.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::line::Line;
use crate::target::{REALM, Target};
use crate::wire::{
    ADDRESS_ERROR, ALLOCATE, Attribute, BINDING, CHANNEL_BIND, CREATE_PERMISSION, DATA,
    DATA_INDICATION, LIFETIME, Message, NONCE, PEER, REALM as REALM_ATTRIBUTE, RELAYED, Reply,
    SEND, USERNAME, channel, channel_data, long_term_key, raw, udp,
};

/// How long the next answer may take before the question is repeated, and how
/// often it is.
const TURN: Duration = Duration::from_secs(1);
const TURNS: usize = 10;

/// How long what must come is waited for.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// How long a late answer or packet is waited for, after a later question was
/// answered already.
pub(crate) const GRACE: Duration = Duration::from_millis(100);

/// What became of a question.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Reply(Reply),
    /// Something that is no response.
    Noise,
    /// The next question was answered, this one was not.
    Silence,
    /// Nothing is answered any more.
    Dead,
}

impl Answer {
    /// `success`, the code of the error, or what else it was.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Reply(reply) => match reply.error() {
                Some(code) => code.to_string(),
                None if reply.kind & 0x0110 == 0x0100 => "success".to_owned(),
                None => format!("kind {:#06x}", reply.kind),
            },
            Self::Noise => "noise".to_owned(),
            Self::Silence => "silence".to_owned(),
            Self::Dead => "dead".to_owned(),
        }
    }

    /// The reply, if it is a success.
    pub(crate) fn success(self, what: &str) -> Result<Reply, String> {
        match self {
            Self::Reply(reply) if reply.error().is_none() => Ok(reply),
            Self::Reply(_) | Self::Noise | Self::Silence | Self::Dead => {
                Err(format!("{what}: {}", self.word()))
            }
        }
    }

    pub(crate) fn reply(self, what: &str) -> Result<Reply, String> {
        match self {
            Self::Reply(reply) => Ok(reply),
            Self::Noise | Self::Silence | Self::Dead => Err(format!("{what}: {}", self.word())),
        }
    }
}

/// A datagram from the server.
enum Came {
    Response(Reply),
    Data(Data),
    /// Neither.
    Noise,
}

impl Came {
    fn read(bytes: &[u8]) -> Self {
        if let &[n0 @ 0x40..=0x7F, n1, l0, l1, ref rest @ ..] = bytes {
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            // What was cut shows as a shorter payload.
            let data = rest[..length.min(rest.len())].to_vec();
            return Self::Data(Data::Channel(u16::from_be_bytes([n0, n1]), data));
        }
        let Some(reply) = Reply::read(bytes) else {
            return Self::Noise;
        };
        if reply.is_response() {
            return Self::Response(reply);
        }
        let (from, data) = (reply.addresses(PEER), reply.get(DATA));
        match (reply.kind, from.as_slice(), data) {
            (DATA_INDICATION, &[from], Some(data)) => {
                Self::Data(Data::Indication(from, data.to_vec()))
            }
            (_, _, _) => Self::Noise,
        }
    }
}

/// Data that came from a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Indication(SocketAddr, Vec<u8>),
    Channel(u16, Vec<u8>),
}

impl Data {
    pub(crate) fn payload(&self) -> &[u8] {
        match self {
            Self::Indication(_, payload) | Self::Channel(_, payload) => payload,
        }
    }
}

pub(crate) struct Client<'a> {
    pub(crate) target: &'a Target,
    line: RefCell<Line>,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) realm: String,
    pub(crate) nonce: Vec<u8>,
    inbox: VecDeque<Data>,
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        if let Line::Datagrams(socket) = &*self.line.borrow() {
            self.target.keep(socket);
        }
    }
}

impl<'a> Client<'a> {
    pub(crate) fn new(target: &'a Target) -> Self {
        Self::of(target, 0, "127.0.0.1")
    }

    /// The user of that number, at that address.
    pub(crate) fn of(target: &'a Target, number: usize, address: &str) -> Self {
        let mut client = Self {
            target,
            line: RefCell::new(Line::new(target, address)),
            username: String::new(),
            password: String::new(),
            realm: REALM.to_owned(),
            nonce: Vec::new(),
            inbox: VecDeque::new(),
        };
        client.become_user(number);
        client
    }

    pub(crate) fn become_user(&mut self, number: usize) {
        let (name, password) = self.target.user(number).clone();
        (self.username, self.password) = (name, password);
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.line.borrow().local()
    }

    /// Sends bytes that are not answered.
    pub(crate) fn tell(&self, bytes: &[u8]) {
        // A dead server shows where something is asked.
        let _ = self.line.borrow_mut().send(bytes);
    }

    /// Asks, and then asks for a Binding: who answers that and not this, is
    /// silent.
    pub(crate) fn ask(&mut self, bytes: &[u8]) -> Answer {
        self.tell(bytes);
        let next = Message::new(BINDING, &[]).bytes;
        let mut answer = None;
        for _ in 0..TURNS {
            self.tell(&next);
            while let Some(came) = self.receive(TURN) {
                match came {
                    Answer::Reply(reply) if reply.id == next[8..20] => return self.late(answer),
                    // A late answer to an earlier question is none to this one.
                    Answer::Reply(reply) if bytes.get(8..20).is_some_and(|id| id != reply.id) => {}
                    other @ (Answer::Reply(_) | Answer::Noise | Answer::Silence | Answer::Dead) => {
                        answer = answer.or(Some(other));
                    }
                }
            }
        }
        answer.unwrap_or(Answer::Dead)
    }

    /// Asks until there is an answer, as clients do; says what it is.
    pub(crate) fn plain(&mut self, bytes: &[u8]) -> String {
        for _ in 0..TURNS {
            self.tell(bytes);
            if let Some(answer) = self.receive(TURN) {
                return answer.word();
            }
        }
        "silence".to_owned()
    }

    /// Forgets what came so far.
    pub(crate) fn drain(&mut self) {
        while self.line.get_mut().receive(GRACE).is_some() {}
        self.inbox.clear();
    }

    fn late(&mut self, answer: Option<Answer>) -> Answer {
        let answer = answer.or_else(|| self.receive(GRACE));
        if let Some(Answer::Reply(reply)) = &answer {
            self.target.manners.note(reply);
        }
        answer.unwrap_or(Answer::Silence)
    }

    /// The next answer; data goes into the inbox.
    fn receive(&mut self, patience: Duration) -> Option<Answer> {
        loop {
            match self.take_in(patience)? {
                Came::Data(data) => self.inbox.push_back(data),
                Came::Response(reply) => return Some(Answer::Reply(reply)),
                Came::Noise => return Some(Answer::Noise),
            }
        }
    }

    fn take_in(&mut self, patience: Duration) -> Option<Came> {
        let bytes = self.line.get_mut().receive(patience)?;
        Some(Came::read(&bytes))
    }

    /// The next data from a peer.
    pub(crate) fn data(&mut self) -> Option<Data> {
        if let Some(data) = self.inbox.pop_front() {
            return Some(data);
        }
        loop {
            match self.take_in(LONG)? {
                Came::Data(data) => return Some(data),
                // What is answered now was asked before.
                Came::Response(_) | Came::Noise => {}
            }
        }
    }

    /// Data that came although none was due.
    pub(crate) fn stray_data(&mut self) -> Option<Data> {
        let _ = self.ask(&Message::new(BINDING, &[]).bytes);
        let _ = self.receive(GRACE);
        self.inbox.pop_front()
    }

    /// Gets realm and nonce as a client begins.
    pub(crate) fn challenge(&mut self) -> Result<(), String> {
        let asked = Message::new(ALLOCATE, &[udp()]).bytes;
        let reply = self.ask(&asked).reply("challenge")?;
        let nonce = reply.get(NONCE);
        self.nonce = nonce.ok_or("challenge: no nonce")?.to_vec();
        Ok(())
    }

    pub(crate) fn key(&self) -> Vec<u8> {
        long_term_key(&self.username, &self.realm, &self.password)
    }

    /// A request with this client's credential.
    pub(crate) fn signed(&self, kind: u16, attributes: &[Attribute]) -> Message {
        Message::new(kind, attributes)
            .add(USERNAME, self.username.as_bytes())
            .add(REALM_ATTRIBUTE, self.realm.as_bytes())
            .add(NONCE, &self.nonce)
            .signed(&self.key())
    }

    /// Asks with the credential; takes a new nonce when it is given one.
    pub(crate) fn request(&mut self, kind: u16, attributes: &[Attribute]) -> Answer {
        if self.nonce.is_empty()
            && let Err(cause) = self.challenge()
        {
            return if cause.ends_with("dead") {
                Answer::Dead
            } else {
                Answer::Silence
            };
        }
        let asked = self.signed(kind, attributes).bytes;
        let answer = self.ask(&asked);
        let Answer::Reply(reply) = &answer else {
            return answer;
        };
        match (reply.error(), reply.get(NONCE)) {
            (Some(438), Some(nonce)) => {
                self.nonce = nonce.to_vec();
                let asked = self.signed(kind, attributes).bytes;
                self.ask(&asked)
            }
            (_, _) => answer,
        }
    }

    pub(crate) fn word(&mut self, kind: u16, attributes: &[Attribute]) -> String {
        self.request(kind, attributes).word()
    }

    /// Allocates with these attributes besides the transport.
    pub(crate) fn allocate_with(&mut self, more: &[Attribute]) -> Result<Reply, String> {
        let attributes = [&[udp()], more].concat();
        let reply = self.request(ALLOCATE, &attributes).success("Allocate")?;
        if reply.is_signed_with(&self.key()) {
            Ok(reply)
        } else {
            Err("Allocate: a success without integrity".to_owned())
        }
    }

    /// Allocates; says the relayed address.
    pub(crate) fn allocate(&mut self) -> Result<SocketAddr, String> {
        relayed(&self.allocate_with(&[])?)
    }

    pub(crate) fn permit(&mut self, peer: SocketAddr) -> Result<(), String> {
        let answer = self.request(CREATE_PERMISSION, &[Attribute::Peer(peer)]);
        answer.success("CreatePermission").map(drop)
    }

    pub(crate) fn bind(&mut self, number: u16, peer: SocketAddr) -> Result<(), String> {
        let answer = self.request(CHANNEL_BIND, &[channel(number), Attribute::Peer(peer)]);
        answer.success("ChannelBind").map(drop)
    }

    /// Sends in a Send indication.
    pub(crate) fn send(&self, peer: SocketAddr, data: &[u8]) {
        self.send_with(peer, data, &[]);
    }

    pub(crate) fn send_with(&self, peer: SocketAddr, data: &[u8], more: &[Attribute]) {
        let attributes = [&[Attribute::Peer(peer), raw(DATA, data)], more].concat();
        self.tell(&Message::new(SEND, &attributes).bytes);
    }

    pub(crate) fn send_on(&self, number: u16, data: &[u8]) {
        self.tell(&channel_data(number, data));
    }
}

/// The first relayed address of a success.
pub(crate) fn relayed(reply: &Reply) -> Result<SocketAddr, String> {
    let all = reply.addresses(RELAYED);
    all.first()
        .copied()
        .ok_or_else(|| "no relayed address".to_owned())
}

/// The granted lifetime.
pub(crate) fn lifetime_of(reply: &Reply) -> Result<String, String> {
    let value = reply.get(LIFETIME).and_then(|value| value.try_into().ok());
    let value = value.ok_or("no lifetime")?;
    Ok(u32::from_be_bytes(value).to_string())
}

/// The code in ADDRESS-ERROR-CODE (RFC 8656 §18.12).
pub(crate) fn address_error(reply: &Reply) -> Option<u16> {
    let value = reply.get(ADDRESS_ERROR)?;
    Some(u16::from(*value.get(2)? & 7) * 100 + u16::from(*value.get(3)?))
}
