//! Requests and their answers: Binding, Allocate, Refresh, CreatePermission,
//! ChannelBind. Authentication comes first, so that a stranger learns nothing;
//! then unknown attributes; then what the method asks.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::alloc::{Allocation, GrantError, Grants, Opening, Phase, granted_lifetime};
use super::auth::{Identity, Owner, Refusal, Revoked};
use super::codec::{Answer, BadAttribute, Code, Envelope, Method, Request};
use super::frame::{ChannelNumber, Stun};
use super::ports::Parity;
use super::server::{Effect, RelayFailure, Server};
use super::table::Place;
use super::{ClientId, Key, PeerAddr, RelayPort};
use crate::counters::Metric;

/// How many ports are tried for one allocation before 508.
const MAX_TRIES: u32 = 16;

/// A request shorter than this has no attribute worth the name, and no client
/// begins with one: where a long realm makes the challenge more than 3.5 times
/// as large, it gets a 400 instead, so that it is no lever for a flood.
const SHORTEST_CHALLENGED: usize = 28;

/// What becomes of a request that was understood.
enum Outcome {
    /// It is answered now.
    Answer(Answer<'static>),
    /// It is answered once its relay port is open.
    Later,
    /// It repeats a request that is answered later.
    Repeated,
}

impl From<BadAttribute> for Code {
    fn from(_: BadAttribute) -> Self {
        Self::BadRequest
    }
}

impl From<GrantError> for Code {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Bound => Self::BadRequest,
            GrantError::Full => Self::NoCapacity,
        }
    }
}

impl Server {
    pub(super) fn handle_request(
        &mut self,
        client: ClientId,
        bytes: &[u8],
        stun: &Stun,
        now: Instant,
        unix: u64,
    ) -> Result<(), Metric> {
        let mut request = Request::decode(bytes, stun).ok_or(Metric::DroppedMalformed)?;
        let envelope = request.envelope();
        if request.method() == Method::Binding {
            let unknown = request.unknown_attributes();
            let answer = match unknown.as_slice() {
                [] => Answer::Bound {
                    client: client.address,
                },
                unknown => Answer::Unknown(unknown),
            };
            return self.answer(client, &envelope, &answer, None);
        }
        let holder = self
            .table
            .of_client(&client)
            .and_then(|place| self.table.get(place));
        let holder = holder.map(|Allocation { identity, .. }| {
            (identity.username.as_str(), &identity.key, &identity.subject)
        });
        let identity = match self
            .authority
            .identify(&mut request, &client, holder, now, unix)
        {
            Ok(identity) => identity,
            Err(refusal) => return self.turn_away(client, &request, refusal, now),
        };
        let key = identity.key.clone();
        let unknown = request.unknown_attributes();
        if !unknown.is_empty() {
            return self.answer(client, &envelope, &Answer::Unknown(&unknown), Some(&key));
        }
        let outcome = match request.method() {
            Method::Allocate => self.allocate(&request, client, identity, now),
            Method::Refresh => self.refresh(&request, &client, &identity, now),
            Method::CreatePermission => self.create_permission(&request, &client, &identity, now),
            Method::ChannelBind => self.channel_bind(&request, &client, &identity, now),
            Method::Binding | Method::Other => Err(Code::BadRequest),
        };
        match outcome {
            Ok(Outcome::Answer(answer)) => self.answer(client, &envelope, &answer, Some(&key)),
            Ok(Outcome::Later) => Ok(()),
            Ok(Outcome::Repeated) => Err(Metric::DroppedRetransmission),
            Err(code) => self.answer(client, &envelope, &Answer::Refused(code), Some(&key)),
        }
    }

    fn turn_away(
        &mut self,
        client: ClientId,
        request: &Request,
        refusal: Refusal,
        now: Instant,
    ) -> Result<(), Metric> {
        let envelope = request.envelope();
        let code = match refusal {
            Refusal::Challenge => Code::Unauthenticated,
            Refusal::Stale => Code::StaleNonce,
            Refusal::Bad => {
                return self.answer(client, &envelope, &Answer::Refused(Code::BadRequest), None);
            }
        };
        let nonce = self.authority.nonce(&client, now);
        let challenge = Answer::Challenge {
            code,
            realm: self.authority.realm(),
            nonce: &nonce,
        };
        let bytes = challenge.encode(&envelope, None, self.authority.crypto());
        let length = bytes.as_ref().map_or(0, Vec::len);
        if request.length() < SHORTEST_CHALLENGED && 2 * length > 7 * request.length() {
            return self.answer(client, &envelope, &Answer::Refused(Code::BadRequest), None);
        }
        self.push_answer(client, Some(code), bytes)
    }

    fn answer(
        &mut self,
        client: ClientId,
        to: &Envelope,
        answer: &Answer<'_>,
        key: Option<&Key>,
    ) -> Result<(), Metric> {
        let bytes = answer.encode(to, key, self.authority.crypto());
        self.push_answer(client, answer.code(), bytes)
    }

    fn push_answer(
        &mut self,
        client: ClientId,
        code: Option<Code>,
        bytes: Option<Vec<u8>>,
    ) -> Result<(), Metric> {
        let bytes = bytes.ok_or(Metric::DroppedUnanswerable)?;
        self.effects.push_back(Effect::Answer { client, bytes });
        self.counters.count(metric_of(code));
        Ok(())
    }

    /// Allocate (RFC 8656 §7.2).
    fn allocate(
        &mut self,
        request: &Request,
        client: ClientId,
        identity: Identity,
        now: Instant,
    ) -> Result<Outcome, Code> {
        if let Some(place) = self.table.of_client(&client) {
            return self.allocate_again(request, place, &identity);
        }
        if !request.wants_udp()?.ok_or(Code::BadRequest)? {
            return Err(Code::TransportNotSupported);
        }
        let wants_ipv4 = request.wants_ipv4()?;
        let even_port = request.even_port()?;
        if request.has_reservation_token() {
            // A token settles port and family, so asking for them is an error.
            let settled = wants_ipv4.is_none() && even_port.is_none();
            return Err(if settled {
                Code::NoCapacity
            } else {
                Code::BadRequest
            });
        }
        if wants_ipv4 == Some(false) {
            return Err(Code::FamilyNotSupported);
        }
        let parity = match even_port {
            None => Parity::Any,
            Some(false) => Parity::Even,
            // No port is reserved here yet.
            Some(true) => return Err(Code::NoCapacity),
        };
        let granted = granted_lifetime(request.lifetime()?);
        let owner = identity.subject.owner();
        if self.max_per_owner > 0 && self.table.held_by(&owner) >= self.max_per_owner {
            return Err(Code::QuotaReached);
        }
        let port = self
            .ports
            .take(parity, &mut self.random, now)
            .ok_or(Code::NoCapacity)?;
        self.table.insert(Allocation {
            client,
            identity,
            port,
            transaction: request.transaction(),
            granted,
            expires: now + granted,
            phase: Phase::Opening(Opening {
                envelope: request.envelope(),
                parity,
                tries: 1,
                revoked: false,
            }),
            grants: Grants::default(),
        });
        self.effects.push_back(Effect::OpenRelay(port));
        Ok(Outcome::Later)
    }

    /// An Allocate where there is an allocation already: a retransmission gets
    /// the same success, anything else 437.
    fn allocate_again(
        &self,
        request: &Request,
        place: Place,
        identity: &Identity,
    ) -> Result<Outcome, Code> {
        let allocation = self.table.get(place).ok_or(Code::AllocationMismatch)?;
        if allocation.transaction != request.transaction()
            || allocation.identity.username != identity.username
        {
            return Err(Code::AllocationMismatch);
        }
        match allocation.phase {
            Phase::Opening(_) => Ok(Outcome::Repeated),
            Phase::Live => Ok(Outcome::Answer(self.allocated(allocation))),
        }
    }

    fn allocated(&self, allocation: &Allocation) -> Answer<'static> {
        Answer::Allocated {
            relayed: allocation.relayed(self.advertise),
            lifetime: allocation.granted,
            client: allocation.client.address,
        }
    }

    /// The relay socket on `port` is open: now the client is told.
    pub fn handle_relay_opened(&mut self, port: RelayPort, now: Instant) {
        self.handle_timeout(now);
        let Some((place, opening)) = self.opening(port) else {
            // Its allocation ended while it was being opened.
            if self.table.of_port(port).is_none() {
                self.effects.push_back(Effect::CloseRelay(port));
            }
            return;
        };
        if opening.revoked {
            self.ports.give_back(port, now);
            self.effects.push_back(Effect::CloseRelay(port));
            return self.give_up(place, &opening.envelope, Code::Unauthenticated);
        }
        let Some(allocation) = self.table.get_mut(place) else {
            return;
        };
        allocation.phase = Phase::Live;
        allocation.expires = now + allocation.granted;
        let (client, key) = (allocation.client, allocation.identity.key.clone());
        let Some(answer) = self
            .table
            .get(place)
            .map(|allocation| self.allocated(allocation))
        else {
            return;
        };
        self.counters.count(Metric::AllocationsMade);
        self.count_allocations();
        self.answer_late(client, &opening.envelope, &answer, &key);
    }

    /// The relay socket on `port` did not open. If somebody else has the port,
    /// the next one is tried.
    pub fn handle_relay_failed(&mut self, port: RelayPort, failure: RelayFailure, now: Instant) {
        self.handle_timeout(now);
        self.counters.count(match failure {
            RelayFailure::PortTaken => Metric::RelayPortsTaken,
            RelayFailure::Other => Metric::RelayOpenErrors,
        });
        let Some((place, opening)) = self.opening(port) else {
            return;
        };
        let another = match failure {
            RelayFailure::PortTaken if opening.tries < MAX_TRIES && !opening.revoked => {
                self.ports.take(opening.parity, &mut self.random, now)
            }
            RelayFailure::PortTaken | RelayFailure::Other => None,
        };
        match failure {
            RelayFailure::PortTaken => self.ports.give_back(port, now),
            RelayFailure::Other => self.ports.put_back(port),
        }
        let Some(another) = another else {
            let code = if opening.revoked {
                Code::Unauthenticated
            } else {
                Code::NoCapacity
            };
            return self.give_up(place, &opening.envelope, code);
        };
        self.table.move_to(place, another);
        if let Some(allocation) = self.table.get_mut(place) {
            let tries = opening.tries + 1;
            allocation.phase = Phase::Opening(Opening { tries, ..opening });
        }
        self.effects.push_back(Effect::OpenRelay(another));
    }

    fn opening(&self, port: RelayPort) -> Option<(Place, Opening)> {
        let place = self.table.of_port(port)?;
        match self.table.get(place)?.phase {
            Phase::Opening(opening) => Some((place, opening)),
            Phase::Live => None,
        }
    }

    /// An allocation that does not come to be.
    fn give_up(&mut self, place: Place, envelope: &Envelope, code: Code) {
        let Some(allocation) = self.table.remove(place) else {
            return;
        };
        self.count_allocations();
        let key = &allocation.identity.key;
        self.answer_late(allocation.client, envelope, &Answer::Refused(code), key);
    }

    fn answer_late(&mut self, client: ClientId, to: &Envelope, answer: &Answer<'_>, key: &Key) {
        if let Err(metric) = self.answer(client, to, answer, Some(key)) {
            self.counters.count(metric);
        }
    }

    /// The allocation a request is about: 437 without one, 441 if it is
    /// another's (RFC 8656 §5).
    fn own(&self, client: &ClientId, identity: &Identity) -> Result<Place, Code> {
        let place = self
            .table
            .of_client(client)
            .ok_or(Code::AllocationMismatch)?;
        match self.table.get(place) {
            Some(allocation) if allocation.phase != Phase::Live => Err(Code::AllocationMismatch),
            Some(allocation) if allocation.identity.username != identity.username => {
                Err(Code::WrongCredentials)
            }
            Some(_) => Ok(place),
            None => Err(Code::AllocationMismatch),
        }
    }

    /// Refresh (RFC 8656 §8.2).
    fn refresh(
        &mut self,
        request: &Request,
        client: &ClientId,
        identity: &Identity,
        now: Instant,
    ) -> Result<Outcome, Code> {
        let place = self.own(client, identity)?;
        if request.wants_ipv4()? == Some(false) {
            return Err(Code::PeerFamilyMismatch);
        }
        let requested = request.lifetime()?;
        if requested == Some(Duration::ZERO) {
            self.end(place, Metric::EndedReleased, now);
            return Ok(Outcome::Answer(Answer::Refreshed {
                lifetime: Duration::ZERO,
            }));
        }
        let lifetime = granted_lifetime(requested);
        if let Some(allocation) = self.table.get_mut(place) {
            allocation.expires = now + lifetime;
        }
        self.table.rearm(place, false);
        Ok(Outcome::Answer(Answer::Refreshed { lifetime }))
    }

    /// CreatePermission (RFC 8656 §10.2): for all peers, or for none.
    fn create_permission(
        &mut self,
        request: &Request,
        client: &ClientId,
        identity: &Identity,
        now: Instant,
    ) -> Result<Outcome, Code> {
        let place = self.own(client, identity)?;
        let peers = request.peers()?;
        if peers.is_empty() {
            return Err(Code::BadRequest);
        }
        self.check_peers(&peers)?;
        let mut peers: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
        peers.sort_unstable();
        peers.dedup();
        let allocation = self.table.get_mut(place).ok_or(Code::AllocationMismatch)?;
        allocation.grants.permit(&peers, now)?;
        self.table.rearm(place, false);
        Ok(Outcome::Answer(Answer::Done))
    }

    /// ChannelBind (RFC 8656 §12.2).
    fn channel_bind(
        &mut self,
        request: &Request,
        client: &ClientId,
        identity: &Identity,
        now: Instant,
    ) -> Result<Outcome, Code> {
        let place = self.own(client, identity)?;
        let number = request.channel_number()?.ok_or(Code::BadRequest)?;
        let number = ChannelNumber::new(number).ok_or(Code::BadRequest)?;
        let peers = request.peers()?;
        let &[peer] = peers.as_slice() else {
            return Err(Code::BadRequest);
        };
        self.check_peers(&peers)?;
        let allocation = self.table.get_mut(place).ok_or(Code::AllocationMismatch)?;
        allocation.grants.bind(number, PeerAddr(peer), now)?;
        self.table.rearm(place, false);
        Ok(Outcome::Answer(Answer::Done))
    }

    fn check_peers(&self, peers: &[SocketAddr]) -> Result<(), Code> {
        if peers.iter().any(SocketAddr::is_ipv6) {
            return Err(Code::PeerFamilyMismatch);
        }
        if !peers.iter().all(|peer| self.policy.permits(peer.ip())) {
            return Err(Code::Forbidden);
        }
        Ok(())
    }

    /// Ends what `whom` holds. What is being opened ends when it is open.
    pub(super) fn end_all_of(&mut self, whom: Revoked, now: Instant) {
        let (Revoked::User(user) | Revoked::Session(user, _)) = whom;
        for place in self.table.of_owner(&Owner::User(user)) {
            let Some(allocation) = self.table.get_mut(place) else {
                continue;
            };
            if !allocation.identity.subject.is_meant_by(whom) {
                continue;
            }
            match &mut allocation.phase {
                Phase::Opening(opening) => opening.revoked = true,
                Phase::Live => self.end(place, Metric::EndedRevoked, now),
            }
        }
    }
}

fn metric_of(code: Option<Code>) -> Metric {
    match code {
        None => Metric::AnswersSuccess,
        Some(Code::BadRequest) => Metric::Answers400,
        Some(Code::Unauthenticated) => Metric::Answers401,
        Some(Code::Forbidden) => Metric::Answers403,
        Some(Code::UnknownAttribute) => Metric::Answers420,
        Some(Code::AllocationMismatch) => Metric::Answers437,
        Some(Code::StaleNonce) => Metric::Answers438,
        Some(Code::FamilyNotSupported) => Metric::Answers440,
        Some(Code::WrongCredentials) => Metric::Answers441,
        Some(Code::TransportNotSupported) => Metric::Answers442,
        Some(Code::PeerFamilyMismatch) => Metric::Answers443,
        Some(Code::QuotaReached) => Metric::Answers486,
        Some(Code::NoCapacity) => Metric::Answers508,
    }
}
