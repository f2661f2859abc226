//! Allocate (RFC 8656 §7): what is asked for, whether it may be had, and the
//! relay ports that must open before the client is told.

use std::time::{Duration, Instant};

use super::{Outcome, Server};
use crate::counters::Metric;
use crate::turn::alloc::{
    Allocation, Grants, Opening, Phase, Relay, Traffic, Wanted, granted_lifetime,
};
use crate::turn::auth::{Identity, Owner};
use crate::turn::bandwidth::Bucket;
use crate::turn::codec::{Answer, Code, Request};
use crate::turn::ports::Parity;
use crate::turn::reservation::Token;
use crate::turn::server::Effect;
use crate::turn::table::{Place, Source};
use crate::turn::{ClientId, Family, PerFamily, RelayPort};

/// What an Allocate request asks for.
enum Plan {
    /// Ports that are free.
    Fresh {
        /// Of which families.
        families: PerFamily<bool>,
        /// Which ports will do.
        wanted: Wanted,
        /// The family that is asked for besides and not given here.
        refused: Option<(Family, Code)>,
    },
    /// The port that was kept back.
    Reserved(Token),
}

impl Plan {
    /// How many ports it counts for in quotas, beyond those that count already.
    fn weight(&self) -> usize {
        match self {
            Self::Fresh {
                wanted: Wanted::Pair,
                ..
            } => 2,
            Self::Fresh {
                wanted: Wanted::Single(_),
                ..
            } => 1,
            Self::Reserved(_) => 0,
        }
    }
}

/// The relay ports of an allocation that is to be.
struct Taken {
    relays: PerFamily<Option<RelayPort>>,
    companion: Option<RelayPort>,
    refused: Option<(Family, Code)>,
}

impl Server {
    /// Allocate (RFC 8656 §7.2).
    pub(super) fn allocate(
        &mut self,
        request: &Request,
        client: ClientId,
        identity: Identity,
        now: Instant,
    ) -> Result<Outcome, Code> {
        if let Some(place) = self.table.of_client(&client) {
            return self.allocate_again(request, place, &identity);
        }
        let plan = self.plan(request)?;
        let granted = granted_lifetime(request.lifetime()?);
        if self.draining {
            return Err(Code::NoCapacity);
        }
        let owner = identity.subject.owner();
        if let Plan::Reserved(token) = &plan
            && !self.reservations.holds(token, &owner, now)
        {
            return Err(Code::NoCapacity);
        }
        self.check_quotas(&plan, &client, &identity)?;
        let (taken, phase) = match plan {
            Plan::Reserved(token) => {
                let port = self.reservations.redeem(&token, &owner, now);
                let taken = Taken::one(port.ok_or(Code::NoCapacity)?);
                (taken, Phase::Live)
            }
            Plan::Fresh {
                families,
                wanted,
                refused,
            } => {
                let taken = self.take_ports(families, wanted, refused, now)?;
                let opening = Opening {
                    envelope: request.envelope(),
                    wanted,
                    companion: taken.companion,
                    unopened: taken.ports(),
                    revoked: false,
                };
                (taken, Phase::Opening(opening))
            }
        };
        let is_live = phase == Phase::Live;
        let opens = taken.ports().into_iter().map(Effect::OpenRelay);
        if !is_live {
            self.effects.extend(opens);
        }
        let place = self.insert(request, client, identity, taken, phase, granted, now);
        if !is_live {
            return Ok(Outcome::Later);
        }
        self.counters.count(Metric::AllocationsMade);
        let allocation = self.table.get(place).ok_or(Code::NoCapacity)?;
        Ok(Outcome::Answer(self.allocated(allocation)))
    }

    /// Reads what is asked for. The order of the checks is that of RFC 8656
    /// §7.2.
    fn plan(&self, request: &Request) -> Result<Plan, Code> {
        if !request.wants_udp()?.ok_or(Code::BadRequest)? {
            return Err(Code::TransportNotSupported);
        }
        let requested = request.requested_family()?;
        let additional = request.additional_family()?;
        let even_port = request.even_port()?;
        if let Some(token) = request.reservation_token()? {
            // A token settles port and family, so asking for them is an error.
            let settled = requested.is_none() && additional.is_none() && even_port.is_none();
            return settled
                .then_some(Plan::Reserved(token))
                .ok_or(Code::BadRequest);
        }
        let mut refused = None;
        let mut families = PerFamily {
            v4: false,
            v6: false,
        };
        match (requested, additional) {
            (Some(_), Some(_)) => return Err(Code::BadRequest),
            (Some(family), None) => {
                let family = family.filter(|family| self.relays_family(*family));
                *families.of_mut(family.ok_or(Code::FamilyNotSupported)?) = true;
            }
            (None, None) if !self.relays_family(Family::V4) => {
                return Err(Code::FamilyNotSupported);
            }
            (None, None) => families.v4 = true,
            // IPv6 in addition to IPv4 is all that can be asked for.
            (None, Some(Some(Family::V6))) if even_port != Some(true) => {
                for family in Family::ALL {
                    *families.of_mut(family) = self.relays_family(family);
                    if !self.relays_family(family) {
                        refused = Some((family, Code::FamilyNotSupported));
                    }
                }
            }
            (None, Some(_)) => return Err(Code::BadRequest),
        }
        let wanted = match even_port {
            None => Wanted::Single(Parity::Any),
            Some(false) => Wanted::Single(Parity::Even),
            Some(true) => Wanted::Pair,
        };
        Ok(Plan::Fresh {
            families,
            wanted,
            refused,
        })
    }

    fn check_quotas(
        &self,
        plan: &Plan,
        client: &ClientId,
        identity: &Identity,
    ) -> Result<(), Code> {
        let exceeds = |held: usize, limit: usize| limit > 0 && held > limit;
        let owner = identity.subject.owner();
        let is_person = matches!(owner, Owner::User(_));
        let held = || self.table.held_by(&owner) + self.reservations.of_owner(&owner);
        if is_person && exceeds(held() + plan.weight(), self.quotas.per_owner) {
            return Err(Code::QuotaReached);
        }
        let source = Source::new(client, &identity.subject);
        let per_ip = if source.is_static() {
            self.quotas.per_ip_static
        } else {
            self.quotas.per_ip_session
        };
        if exceeds(self.table.held_from(&source) + 1, per_ip) {
            return Err(Code::QuotaReached);
        }
        let in_all = self.table.held() + self.reservations.len();
        if exceeds(in_all + plan.weight(), self.quotas.in_all) {
            return Err(Code::NoCapacity);
        }
        Ok(())
    }

    fn take_ports(
        &mut self,
        families: PerFamily<bool>,
        wanted: Wanted,
        mut refused: Option<(Family, Code)>,
        now: Instant,
    ) -> Result<Taken, Code> {
        let mut relays = PerFamily::default();
        let mut companion = None;
        for family in Family::ALL {
            if !families.of(family) {
                continue;
            }
            let taken = self.take_port(family, wanted, now);
            match taken {
                Some((port, next)) => {
                    *relays.of_mut(family) = Some(port);
                    companion = next;
                }
                None => refused = Some((family, Code::NoCapacity)),
            }
        }
        let taken = Taken {
            relays,
            companion,
            refused,
        };
        if taken.ports().is_empty() {
            return Err(Code::NoCapacity);
        }
        Ok(taken)
    }

    pub(super) fn take_port(
        &mut self,
        family: Family,
        wanted: Wanted,
        now: Instant,
    ) -> Option<(RelayPort, Option<RelayPort>)> {
        let ports = self.ports.of_mut(family).as_mut()?;
        match wanted {
            Wanted::Single(parity) => {
                let port = ports.take(parity, &mut self.random, now)?;
                Some((port, None))
            }
            Wanted::Pair => {
                let (even, next) = ports.take_pair(&mut self.random, now)?;
                Some((even, Some(next)))
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is one part of the allocation"
    )]
    fn insert(
        &mut self,
        request: &Request,
        client: ClientId,
        identity: Identity,
        taken: Taken,
        phase: Phase,
        granted: Duration,
        now: Instant,
    ) -> Place {
        let relay = |port: RelayPort| Relay {
            port,
            expires: now + granted,
        };
        self.allocations_made += 1;
        let place = self.table.insert(Allocation {
            id: self.allocations_made,
            client,
            identity,
            relays: PerFamily {
                v4: taken.relays.v4.map(relay),
                v6: taken.relays.v6.map(relay),
            },
            refused: taken.refused,
            token: None,
            transaction: request.transaction(),
            granted,
            since: now,
            phase,
            grants: Grants::default(),
            traffic: Traffic::default(),
            up: Bucket::default(),
            down: Bucket::default(),
        });
        self.set_gauges();
        place
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

    pub(super) fn allocated(&self, allocation: &Allocation) -> Answer<'static> {
        Answer::Allocated {
            relayed: allocation
                .relays()
                .filter_map(|relay| self.relayed(relay.port))
                .collect(),
            lifetime: allocation.granted,
            client: allocation.client.address,
            token: allocation.token,
            refused: allocation.refused,
        }
    }
}

impl Taken {
    fn one(port: RelayPort) -> Self {
        let mut relays = PerFamily::default();
        *relays.of_mut(port.family) = Some(port);
        Self {
            relays,
            companion: None,
            refused: None,
        }
    }

    fn ports(&self) -> Vec<RelayPort> {
        let all = [self.relays.v4, self.relays.v6, self.companion];
        all.into_iter().flatten().collect()
    }
}
