//! Relay ports on their way to being open: each effect that asks for one is
//! answered here, and the client is told when nothing is asked for any more.

use std::time::Instant;

use super::Server;
use crate::counters::Metric;
use crate::turn::RelayPort;
use crate::turn::alloc::{Opening, Phase, Relay, Wanted};
use crate::turn::auth::Owner;
use crate::turn::codec::{Answer, Code};
use crate::turn::reservation::{KEPT, Token};
use crate::turn::server::{Effect, RelayFailure};
use crate::turn::table::Place;

impl Server {
    /// The relay socket on `port` is open. When all of the allocation's are,
    /// the client is told.
    pub fn handle_relay_opened(&mut self, port: RelayPort, now: Instant) {
        self.handle_timeout(now);
        let Some((place, opening)) = self.opening(port) else {
            // Its allocation ended while it was being opened.
            if self.table.of_port(port).is_none() {
                self.effects.push_back(Effect::CloseRelay(port));
            }
            return;
        };
        opening.unopened.retain(|unopened| *unopened != port);
        self.go_live(place, now);
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
        let (wanted, revoked) = (opening.wanted, opening.revoked);
        self.table.change_ports(place, |allocation| {
            allocation.lose(port);
        });
        self.ledger.change(|books| match failure {
            RelayFailure::PortTaken => books.give_back(port, now),
            RelayFailure::Other => books.put_back(port),
        });
        if wanted == Wanted::Pair {
            self.lose_other_half(place, now);
        }
        let another = match failure {
            RelayFailure::PortTaken if !revoked => self
                .ledger
                .change(|books| books.take_port(port.family, wanted, now)),
            RelayFailure::PortTaken | RelayFailure::Other => None,
        };
        match another {
            Some((another, companion)) => self.try_another(place, another, companion, now),
            None => {
                if let Some(allocation) = self.table.get_mut(place) {
                    allocation.refused = Some((port.family, Code::NoCapacity));
                }
                self.go_live(place, now);
            }
        }
    }

    fn try_another(
        &mut self,
        place: Place,
        another: RelayPort,
        companion: Option<RelayPort>,
        now: Instant,
    ) {
        let fresh = || std::iter::once(another).chain(companion);
        self.table.change_ports(place, |allocation| {
            *allocation.relays.of_mut(another.family) = Some(Relay {
                port: another,
                expires: now + allocation.granted,
            });
            if let Phase::Opening(opening) = &mut allocation.phase {
                opening.companion = companion;
                opening.unopened.extend(fresh());
            }
        });
        self.effects.extend(fresh().map(Effect::OpenRelay));
    }

    /// Half a pair is of no use.
    fn lose_other_half(&mut self, place: Place, now: Instant) {
        let ports = self.table.get(place).map(|allocation| allocation.ports());
        let others: Vec<RelayPort> = ports.into_iter().flatten().collect();
        for other in others {
            self.table.change_ports(place, |allocation| {
                allocation.lose(other);
            });
            self.close(other, now);
        }
    }

    fn opening(&mut self, port: RelayPort) -> Option<(Place, &mut Opening)> {
        let place = self.table.of_port(port)?;
        match &mut self.table.get_mut(place)?.phase {
            Phase::Opening(opening) => Some((place, opening)),
            Phase::Live => None,
        }
    }

    /// Tells the client, once nothing is to be opened any more.
    fn go_live(&mut self, place: Place, now: Instant) {
        let Some(allocation) = self.table.get(place) else {
            return;
        };
        let Phase::Opening(opening) = &allocation.phase else {
            return;
        };
        if !opening.unopened.is_empty() {
            return;
        }
        let (envelope, companion, revoked) = (opening.envelope, opening.companion, opening.revoked);
        let (client, key) = (allocation.client, allocation.identity.key.clone());
        let owner = allocation.identity.subject.owner();
        let refusal = if revoked {
            Some(Code::Unauthenticated)
        } else if allocation.relays().next().is_none() {
            Some(Code::NoCapacity)
        } else {
            None
        };
        if let Some(code) = refusal {
            self.forget(place, now);
            return self.answer_late(client, &envelope, &Answer::Refused(code), &key);
        }
        let token = companion.map(|companion| self.keep(companion, owner, now));
        self.table.change_ports(place, |allocation| {
            allocation.phase = Phase::Live;
            allocation.token = token;
            // A port that is kept counts for itself.
            allocation.weight -= usize::from(token.is_some());
            allocation.refresh(None, now + allocation.granted);
        });
        let made = self.table.get(place);
        for relay in made.into_iter().flat_map(|made| made.relays()) {
            self.ledger.settle(relay.port, self.shard);
        }
        self.counters.count(Metric::AllocationsMade);
        self.set_gauges();
        let answer = self.table.get(place).map(|made| self.allocated(made));
        if let Some(answer) = answer {
            self.answer_late(client, &envelope, &answer, &key);
        }
    }

    /// Has a port kept that is open; returns the token for it.
    fn keep(&mut self, port: RelayPort, owner: Owner, now: Instant) -> Token {
        let token = self.ledger.change(|books| books.keep(owner, port, now));
        self.kept.push_back((now + KEPT, token));
        self.effects.push_back(Effect::KeepRelay(port));
        token
    }
}
