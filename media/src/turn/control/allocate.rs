//! Allocate (RFC 8656 §7): what is asked for, whether it may be had, and the
//! relay ports that must open before the client is told.

use std::time::Instant;

use super::{Outcome, Server};
use crate::turn::alloc::{
    Allocation, Grants, Opening, Phase, Relay, Traffic, Wanted, granted_lifetime,
};
use crate::turn::auth::{Identity, Owner};
use crate::turn::bandwidth::Bucket;
use crate::turn::codec::{Answer, Code, Request};
use crate::turn::ledger::Books;
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
            Self::Fresh {
                wanted: Wanted::Kept,
                ..
            }
            | Self::Reserved(_) => 0,
        }
    }

    fn wanted(&self) -> Wanted {
        match self {
            Self::Fresh { wanted, .. } => *wanted,
            Self::Reserved(_) => Wanted::Kept,
        }
    }

    /// Takes the ports it is about.
    fn take(&self, books: &mut Books, owner: &Owner, now: Instant) -> Result<Taken, Code> {
        let mut taken = Taken::default();
        let (families, wanted) = match self {
            Self::Reserved(token) => {
                let port = books.redeem(token, owner, now).ok_or(Code::NoCapacity)?;
                *taken.relays.of_mut(port.family) = Some(port);
                return Ok(taken);
            }
            Self::Fresh {
                families,
                wanted,
                refused,
            } => {
                taken.refused = *refused;
                (families, *wanted)
            }
        };
        for family in Family::ALL {
            if !families.of(family) {
                continue;
            }
            match books.take_port(family, wanted, now) {
                Some((port, next)) => {
                    *taken.relays.of_mut(family) = Some(port);
                    taken.companion = next;
                }
                None => taken.refused = Some((family, Code::NoCapacity)),
            }
        }
        if taken.ports().is_empty() {
            return Err(Code::NoCapacity);
        }
        Ok(taken)
    }
}

/// The relay ports of an allocation that is to be.
#[derive(Default)]
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
        let source = Source::new(&client, &identity.subject);
        let (id, weight, taken) = self.ledger.change(|books| {
            if let Plan::Reserved(token) = &plan
                && !books.holds(token, &owner, now)
            {
                return Err(Code::NoCapacity);
            }
            books.check(&owner, &source, plan.weight())?;
            let taken = plan.take(books, &owner, now)?;
            let id = books.enter(owner, source, plan.weight());
            Ok((id, plan.weight().max(1), taken))
        })?;
        let wanted = plan.wanted();
        let open = match wanted {
            Wanted::Kept => Effect::TakeRelay,
            Wanted::Single(_) | Wanted::Pair => Effect::OpenRelay,
        };
        self.effects.extend(taken.ports().into_iter().map(open));
        let relay = |port: RelayPort| Relay {
            port,
            expires: now + granted,
        };
        self.table.insert(Allocation {
            id,
            client,
            identity,
            relays: PerFamily {
                v4: taken.relays.v4.map(relay),
                v6: taken.relays.v6.map(relay),
            },
            weight,
            refused: taken.refused,
            token: None,
            transaction: request.transaction(),
            granted,
            since: now,
            phase: Phase::Opening(Opening {
                envelope: request.envelope(),
                wanted,
                companion: taken.companion,
                unopened: taken.ports(),
                revoked: false,
            }),
            grants: Grants::default(),
            traffic: Traffic::default(),
            up: Bucket::default(),
            down: Bucket::default(),
        });
        self.set_gauges();
        Ok(Outcome::Later)
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
    fn ports(&self) -> Vec<RelayPort> {
        let all = [self.relays.v4, self.relays.v6, self.companion];
        all.into_iter().flatten().collect()
    }
}
