//! What is asked of an allocation that lives: Refresh, CreatePermission,
//! ChannelBind.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::{Outcome, Server};
use crate::counters::Metric;
use crate::turn::alloc::{Allocation, Phase, granted_lifetime};
use crate::turn::auth::Identity;
use crate::turn::codec::{Answer, Code, Request};
use crate::turn::frame::ChannelNumber;
use crate::turn::table::Place;
use crate::turn::{ClientId, Family, PeerAddr};

impl Server {
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

    /// Refresh (RFC 8656 §8.2), of one relayed transport address or of all.
    pub(super) fn refresh(
        &mut self,
        request: &Request,
        client: &ClientId,
        identity: &Identity,
        now: Instant,
    ) -> Result<Outcome, Code> {
        let place = self.own(client, identity)?;
        let requested = request.lifetime()?;
        let allocation = self.table.get_mut(place).ok_or(Code::AllocationMismatch)?;
        let family = match request.requested_family()? {
            None => None,
            Some(family) => {
                let held = family.filter(|family| allocation.relays.of(*family).is_some());
                Some(held.ok_or(Code::PeerFamilyMismatch)?)
            }
        };
        if requested == Some(Duration::ZERO) {
            self.release(place, family, now);
            return Ok(Outcome::Answer(Answer::Refreshed {
                lifetime: Duration::ZERO,
            }));
        }
        let lifetime = granted_lifetime(requested);
        allocation.refresh(family, now + lifetime);
        self.table.rearm(place, false);
        Ok(Outcome::Answer(Answer::Refreshed { lifetime }))
    }

    fn release(&mut self, place: Place, family: Option<Family>, now: Instant) {
        if let Some(family) = family {
            self.release_family(place, family, now, |_| true);
        }
        let is_left = |allocation: &Allocation| allocation.relays().next().is_some();
        if family.is_none() || !self.table.get(place).is_some_and(is_left) {
            self.end(place, Metric::EndedReleased, now);
        }
    }

    /// CreatePermission (RFC 8656 §10.2): for all peers, or for none.
    pub(super) fn create_permission(
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
        self.check_peers(place, &peers)?;
        let mut peers: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
        peers.sort_unstable();
        peers.dedup();
        let allocation = self.table.get_mut(place).ok_or(Code::AllocationMismatch)?;
        allocation.grants.permit(&peers, now)?;
        self.table.rearm(place, false);
        Ok(Outcome::Answer(Answer::Done))
    }

    /// ChannelBind (RFC 8656 §12.2).
    pub(super) fn channel_bind(
        &mut self,
        request: &Request,
        client: &ClientId,
        identity: &Identity,
        now: Instant,
    ) -> Result<Outcome, Code> {
        let place = self.own(client, identity)?;
        let number = request.channel_number()?.ok_or(Code::BadRequest)?;
        let number = ChannelNumber::new(number)
            .filter(|number| number.is_current() || self.legacy_channels)
            .ok_or(Code::BadRequest)?;
        let peers = request.peers()?;
        let &[peer] = peers.as_slice() else {
            return Err(Code::BadRequest);
        };
        self.check_peers(place, &peers)?;
        let allocation = self.table.get_mut(place).ok_or(Code::AllocationMismatch)?;
        allocation.grants.bind(number, PeerAddr(peer), now)?;
        self.table.rearm(place, false);
        Ok(Outcome::Answer(Answer::Done))
    }

    fn check_peers(&self, place: Place, peers: &[SocketAddr]) -> Result<(), Code> {
        let allocation = self.table.get(place).ok_or(Code::AllocationMismatch)?;
        if !peers.iter().all(|peer| allocation.reaches(peer.ip())) {
            return Err(Code::PeerFamilyMismatch);
        }
        if !peers.iter().all(|peer| self.policy.permits(peer.ip())) {
            return Err(Code::Forbidden);
        }
        Ok(())
    }
}
