//! Allocate in the model: what may be had, the ports that the relay chooses for
//! it, and what the client is told once they are open.

use std::net::SocketAddr;

use payambar_media::turn::auth::Subject;
use payambar_media::turn::server::RelayFailure;
use payambar_media::turn::{Family, RelayPort};

use crate::model::{
    Allocation, IN_ALL, Model, PER_IP_SESSION, PER_IP_STATIC, PER_OWNER, PORTS, Reservation, Told,
    Wanted, Who, granted,
};
use crate::steps::Wish;

/// Where a quota per address counts it: IPv6 by its first half.
fn source(who: &Who) -> (String, bool) {
    let place = match who.client.address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("{:x?}", &address.ip().segments()[..4]),
    };
    (place, matches!(who.subject, Subject::Static(_)))
}
impl Model {
    pub(crate) fn allocate(&mut self, who: &Who, wish: &Wish, transaction: u32) -> Told {
        if let Some(held) = self.of(who.client) {
            return match (
                held.transaction == transaction && held.who.username == who.username,
                held.opening,
            ) {
                (false, _) => Told::Error(437),
                (true, true) => Told::Nothing,
                (true, false) => held.told(),
            };
        }
        let asks = wish.family.is_some() || wish.additional || wish.even.is_some();
        if wish.token.is_some() && asks {
            return Told::Error(400);
        }
        if wish.additional && (wish.family.is_some() || wish.even == Some(true)) {
            return Told::Error(400);
        }
        let owner = who.subject.owner();
        let kept = wish.token.map(|token| {
            let mut kept = self.reservations.iter();
            kept.position(|kept| kept.token == token && kept.owner == owner)
        });
        if self.draining || kept == Some(None) {
            return Told::Error(508);
        }
        let wanted = match wish.even {
            None => Wanted::Any,
            Some(false) => Wanted::Even,
            Some(true) => Wanted::Pair,
        };
        let more = match (kept, wanted) {
            (Some(_), _) => 0,
            (None, Wanted::Pair) => 2,
            (None, Wanted::Any | Wanted::Even) => 1,
        };
        if let Some(code) = self.over_quota(who, more) {
            return Told::Error(code);
        }
        let mut allocation = Allocation {
            id: self.begun + 1,
            who: who.clone(),
            transaction,
            granted: granted(wish.lifetime),
            since: self.now,
            relays: Vec::new(),
            refused: None,
            token: None,
            opening: true,
            wanted,
            companion: None,
            unopened: Vec::new(),
            awaited: Vec::new(),
            revoked: false,
            permissions: Vec::new(),
            channels: Vec::new(),
        };
        if let Some(kept) = kept.flatten() {
            let kept = self.reservations.remove(kept);
            allocation
                .relays
                .push((kept.port, self.now + allocation.granted));
            allocation.opening = false;
            let told = allocation.told();
            self.begun += 1;
            self.allocations.push(allocation);
            self.tally.made += 1;
            return told;
        }
        let families = match (wish.family, wish.additional) {
            (Some(family), _) => vec![family],
            (None, true) => Family::ALL.to_vec(),
            (None, false) => vec![Family::V4],
        };
        for family in families {
            if self.could_have(family, wanted) {
                allocation.awaited.push(family);
            } else {
                allocation.refused = Some((family, 508));
            }
        }
        if allocation.awaited.is_empty() {
            return Told::Error(508);
        }
        self.begun += 1;
        self.allocations.push(allocation);
        Told::Nothing
    }

    fn over_quota(&self, who: &Who, more: usize) -> Option<u16> {
        let count = |allocation: &Allocation| 1 + usize::from(allocation.companion.is_some());
        let owner = who.subject.owner();
        let owned = self
            .allocations
            .iter()
            .filter(|other| other.who.subject.owner() == owner);
        let kept = self.reservations.iter().filter(|kept| kept.owner == owner);
        let of_owner = owned.map(count).sum::<usize>() + kept.count();
        let (place, is_static) = source(who);
        let here = self
            .allocations
            .iter()
            .filter(|other| source(&other.who) == (place.clone(), is_static));
        let limit = if is_static {
            PER_IP_STATIC
        } else {
            PER_IP_SESSION
        };
        let in_all = self.allocations.iter().map(count).sum::<usize>() + self.reservations.len();
        if !is_static && of_owner + more > PER_OWNER {
            return Some(486);
        }
        if here.count() + 1 > limit {
            return Some(486);
        }
        (in_all + more > IN_ALL).then_some(508)
    }

    /// The relay wants this port opened, for the allocation that still waits
    /// for one.
    pub(crate) fn name_port(&mut self, port: RelayPort) {
        let waits = |allocation: &Allocation| allocation.awaited.contains(&port.family);
        let at = self.allocations.iter().position(waits);
        let at = at.unwrap_or_else(|| panic!("nobody waits for {port:?}"));
        let (wanted, first) = (
            self.allocations[at].wanted,
            self.allocations[at].port(port.family),
        );
        match (wanted, first) {
            (Wanted::Pair, Some(first)) => {
                assert_eq!(port.port, first.port + 1, "the other half");
                assert!(self.is_free(port), "{port:?} is not free");
                self.allocations[at].companion = Some(port);
            }
            (_, _) => {
                assert!(
                    self.suits(port, wanted),
                    "{port:?} does not suit {wanted:?}"
                );
                let until = self.now + self.allocations[at].granted;
                self.allocations[at].relays.push((port, until));
            }
        }
        let allocation = &mut self.allocations[at];
        allocation.unopened.push(port);
        if wanted != Wanted::Pair || first.is_some() {
            allocation.awaited.retain(|family| *family != port.family);
        }
    }

    /// Nobody may be left waiting for a port to be named.
    pub(crate) fn all_are_named(&self) -> bool {
        self.allocations
            .iter()
            .all(|allocation| allocation.awaited.is_empty())
    }

    /// A relay socket opened; returns whose, and what the client must be told.
    pub(crate) fn opened(&mut self, port: RelayPort) -> Option<(Who, u32, Told)> {
        let at = self
            .allocations
            .iter()
            .position(|other| other.unopened.contains(&port))?;
        self.allocations[at].unopened.retain(|other| *other != port);
        self.finish(at)
    }

    pub(crate) fn failed(
        &mut self,
        port: RelayPort,
        failure: RelayFailure,
    ) -> Option<(Who, u32, Told)> {
        let at = self
            .allocations
            .iter()
            .position(|other| other.unopened.contains(&port))?;
        self.allocations[at].lose(port);
        if failure == RelayFailure::PortTaken {
            self.rest(port);
        }
        if self.allocations[at].wanted == Wanted::Pair {
            for half in self.allocations[at].ports() {
                self.allocations[at].lose(half);
                self.rest(half);
            }
        }
        let another = failure == RelayFailure::PortTaken
            && !self.allocations[at].revoked
            && self.could_have(port.family, self.allocations[at].wanted);
        if another {
            self.allocations[at].awaited.push(port.family);
        } else {
            self.allocations[at].refused = Some((port.family, 508));
        }
        self.finish(at)
    }

    fn finish(&mut self, at: usize) -> Option<(Who, u32, Told)> {
        let (now, tokens) = (self.now, self.tokens);
        let allocation = &mut self.allocations[at];
        if !allocation.unopened.is_empty() || !allocation.awaited.is_empty() {
            return None;
        }
        let (who, transaction) = (allocation.who.clone(), allocation.transaction);
        let refusal = match (allocation.revoked, allocation.relays.is_empty()) {
            (true, _) => Some(401),
            (false, true) => Some(508),
            (false, false) => None,
        };
        if let Some(code) = refusal {
            self.end(who.client);
            return Some((who, transaction, Told::Error(code)));
        }
        allocation.opening = false;
        for (_, until) in &mut allocation.relays {
            *until = now + allocation.granted;
        }
        if let Some(port) = allocation.companion.take() {
            allocation.token = Some(tokens);
            self.tokens += 1;
            self.reservations.push(Reservation {
                token: tokens,
                owner: who.subject.owner(),
                port,
                until: now + 30,
            });
        }
        self.tally.made += 1;
        let told = self.allocations[at].told();
        Some((who, transaction, told))
    }

    fn is_free(&self, port: RelayPort) -> bool {
        let used = self
            .allocations
            .iter()
            .any(|allocation| allocation.ports().contains(&port));
        let kept = self.reservations.iter().any(|kept| kept.port == port);
        let rests = self
            .resting
            .iter()
            .any(|(other, until)| *other == port && self.now < *until);
        PORTS.contains(&port.port) && !used && !kept && !rests
    }

    fn suits(&self, port: RelayPort, wanted: Wanted) -> bool {
        let next = RelayPort {
            port: port.port + 1,
            ..port
        };
        self.is_free(port)
            && match wanted {
                Wanted::Any => true,
                Wanted::Even => port.port.is_multiple_of(2),
                Wanted::Pair => port.port.is_multiple_of(2) && self.is_free(next),
            }
    }

    fn could_have(&self, family: Family, wanted: Wanted) -> bool {
        PORTS
            .into_iter()
            .any(|port| self.suits(RelayPort { family, port }, wanted))
    }
}
