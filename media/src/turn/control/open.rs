//! Relay ports on their way to being open: each effect that asks for one is
//! answered here, and the client is told when nothing is asked for any more.

use std::time::Instant;

use super::Server;
use crate::counters::Metric;
use crate::turn::RelayPort;
use crate::turn::alloc::{Opening, Phase, Relay, Wanted};
use crate::turn::codec::{Answer, Code};
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
        match (self.ports.of_mut(port.family), failure) {
            (Some(ports), RelayFailure::PortTaken) => ports.give_back(port, now),
            (Some(ports), RelayFailure::Other) => ports.put_back(port),
            (None, _) => {}
        }
        if wanted == Wanted::Pair {
            self.lose_other_half(place, now);
        }
        let another = match failure {
            RelayFailure::PortTaken if !revoked => self.take_port(port.family, wanted, now),
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
            self.give_up(place, now);
            return self.answer_late(client, &envelope, &Answer::Refused(code), &key);
        }
        let token = companion.map(|_| (self.random)().to_be_bytes());
        self.table.change_ports(place, |allocation| {
            allocation.phase = Phase::Live;
            allocation.token = token;
            allocation.refresh(None, now + allocation.granted);
        });
        if let (Some(token), Some(companion)) = (token, companion) {
            self.reservations.keep(token, owner, companion, now);
        }
        self.counters.count(Metric::AllocationsMade);
        self.set_gauges();
        let answer = self.table.get(place).map(|made| self.allocated(made));
        if let Some(answer) = answer {
            self.answer_late(client, &envelope, &answer, &key);
        }
    }

    /// An allocation that does not come to be.
    fn give_up(&mut self, place: Place, now: Instant) {
        let Some(allocation) = self.table.remove(place) else {
            return;
        };
        for port in allocation.ports() {
            self.close(port, now);
        }
        self.set_gauges();
    }
}
