//! Requests and their answers: Binding, Allocate, Refresh, CreatePermission,
//! ChannelBind. Authentication comes first, so that a stranger learns nothing;
//! then unknown attributes; then what the method asks.

mod allocate;
mod grant;
mod open;

use std::time::Instant;

use super::alloc::{Allocation, GrantError};
use super::auth::Refusal;
use super::codec::{Answer, BadAttribute, Code, Envelope, Method, Request};
use super::frame::Stun;
use super::server::{Effect, Server};
use super::{ClientId, Key};
use crate::counters::Metric;

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
            self.spend_answer(client, now)?;
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
        self.spend_answer(client, now)?;
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

    /// Takes one of the answers that a source without a right credential may
    /// get. Who holds an allocation has shown where it is.
    fn spend_answer(&mut self, client: ClientId, now: Instant) -> Result<(), Metric> {
        if self.holds_allocation(&client) {
            return Ok(());
        }
        // Whoever forges sources must not use up the answers of those who
        // have connected from there.
        let limit = if self.transport_of(&client).is_stream() {
            &self.ledger.stream_answers
        } else {
            &self.ledger.answers
        };
        if limit.admits(client.address.ip(), now) {
            return Ok(());
        }
        Err(Metric::DroppedUnauthenticated)
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

    fn answer_late(&mut self, client: ClientId, to: &Envelope, answer: &Answer<'_>, key: &Key) {
        if let Err(metric) = self.answer(client, to, answer, Some(key)) {
            self.counters.count(metric);
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
