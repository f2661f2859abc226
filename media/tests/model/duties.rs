//! What the model asks of an allocation that lives: requests about it, data
//! through it, and what operators do to it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use payambar_media::Kick;
use payambar_media::turn::auth::{Owner, Revoked, Subject};
use payambar_media::turn::{ClientId, Family, RelayPort};

use crate::model::{Allocation, Model, Moment, RELAYS, Told, Way, Who, granted, relayed};
use crate::steps::PEERS;

fn is_ours(peer: SocketAddr) -> bool {
    RELAYS.contains(&peer.ip().to_string().as_str())
}

fn is_closed(peer: SocketAddr) -> bool {
    let mut closed = PEERS.iter().filter(|(_, open)| !open);
    closed.any(|(text, _)| text.parse() == Ok(peer))
}

/// What the operator's list says of an allocation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) id: u64,
    pub(crate) subject: Subject,
    pub(crate) client: SocketAddr,
    pub(crate) relayed: Vec<SocketAddr>,
    pub(crate) age: u64,
    pub(crate) expires_in: u64,
    pub(crate) permissions: usize,
    pub(crate) channels: usize,
}

impl Model {
    /// The error that a request about an allocation gets before it is read.
    fn own(&mut self, who: &Who) -> Result<&mut Allocation, Told> {
        let own = self.of_mut(who.client);
        let own = own.filter(|allocation| !allocation.opening);
        let own = own.ok_or(Told::Error(437))?;
        let is_his = own.who.username == who.username;
        is_his.then_some(own).ok_or(Told::Error(441))
    }

    pub(crate) fn refresh(
        &mut self,
        who: &Who,
        lifetime: Option<u32>,
        family: Option<Family>,
    ) -> Told {
        let now = self.now;
        let own = match self.own(who) {
            Ok(own) => own,
            Err(told) => return told,
        };
        let is_meant = |port: RelayPort| family.is_none_or(|family| port.family == family);
        let meant: Vec<RelayPort> = own
            .ports()
            .into_iter()
            .filter(|port| is_meant(*port))
            .collect();
        if meant.is_empty() {
            return Told::Error(443);
        }
        if lifetime != Some(0) {
            let seconds = granted(lifetime);
            for (port, until) in &mut own.relays {
                if is_meant(*port) {
                    *until = now + seconds;
                }
            }
            return Told::Refreshed(seconds);
        }
        if meant.len() == own.relays.len() {
            self.end(who.client);
            self.tally.released += 1;
        } else {
            meant.iter().for_each(|port| own.lose(*port));
            meant.iter().for_each(|port| self.rest(*port));
        }
        Told::Refreshed(0)
    }

    fn may_have(own: &Allocation, peers: &[SocketAddr]) -> Option<Told> {
        let unreachable = |peer: &SocketAddr| own.port(Family::of(peer.ip())).is_none();
        if peers.iter().any(unreachable) {
            return Some(Told::Error(443));
        }
        let closed = peers.iter().any(|peer| is_closed(*peer));
        closed.then_some(Told::Error(403))
    }

    pub(crate) fn permit(&mut self, who: &Who, peers: &[SocketAddr]) -> Told {
        let now = self.now;
        let own = match self.own(who) {
            Ok(own) => own,
            Err(told) => return told,
        };
        if peers.is_empty() {
            return Told::Error(400);
        }
        if let Some(told) = Self::may_have(own, peers) {
            return told;
        }
        peers.iter().for_each(|peer| own.permit(*peer, now));
        Told::Done
    }

    pub(crate) fn bind(&mut self, who: &Who, number: u16, peer: SocketAddr) -> Told {
        let now = self.now;
        let own = match self.own(who) {
            Ok(own) => own,
            Err(told) => return told,
        };
        if !(0x4000..=0x4FFF).contains(&number) {
            return Told::Error(400);
        }
        if let Some(told) = Self::may_have(own, &[peer]) {
            return told;
        }
        own.channels.retain(|(_, _, until)| now < *until + 300);
        let mut others = own.channels.iter();
        if others.any(|(other, at, _)| (*other == number) != (*at == peer)) {
            return Told::Error(400);
        }
        own.channels.retain(|(other, _, _)| *other != number);
        own.channels.push((number, peer, now + 600));
        own.permit(peer, now);
        Told::Done
    }

    /// Where data of this client for `peer` goes.
    pub(crate) fn way_up(&self, client: ClientId, peer: SocketAddr) -> Option<Way> {
        let own = self.of(client).filter(|allocation| !allocation.opening)?;
        let port = own.port(Family::of(peer.ip()))?;
        if !own.permits(peer, self.now) {
            return None;
        }
        if !is_ours(peer) {
            return Some(Way::ToPeer(port, peer));
        }
        let family = Family::of(peer.ip());
        let receiver = self.holder(RelayPort {
            family,
            port: peer.port(),
        })?;
        self.heard(receiver, relayed(port))
    }

    /// The peer of a channel that lives.
    pub(crate) fn peer_of(&self, client: ClientId, number: u16) -> Option<SocketAddr> {
        let own = self.of(client).filter(|allocation| !allocation.opening)?;
        let mut channels = own.channels.iter();
        let (_, peer, _) =
            channels.find(|(other, _, until)| *other == number && self.now < *until)?;
        Some(*peer)
    }

    /// Where data of `peer` for a relay port goes.
    pub(crate) fn way_down(&self, port: RelayPort, peer: SocketAddr) -> Option<Way> {
        let receiver = self.holder(port)?;
        if is_ours(peer) {
            return None;
        }
        self.heard(receiver, peer)
    }

    fn heard(&self, receiver: &Allocation, from: SocketAddr) -> Option<Way> {
        let mut channels = receiver.channels.iter();
        let channel = channels.find(|(_, peer, until)| *peer == from && self.now < *until);
        receiver.permits(from, self.now).then_some(Way::ToClient {
            client: receiver.who.client,
            from,
            channel: channel.map(|(number, _, _)| *number),
        })
    }

    /// Ends what is meant and lives; what is being opened is marked, or left.
    fn end_all(&mut self, marks: bool, is_meant: impl Fn(&Allocation) -> bool) -> u64 {
        let meant: Vec<ClientId> = self
            .allocations
            .iter_mut()
            .filter(|allocation| is_meant(allocation))
            .filter_map(|allocation| {
                allocation.revoked |= marks && allocation.opening;
                (!allocation.opening).then_some(allocation.who.client)
            })
            .collect();
        meant.iter().for_each(|client| self.end(*client));
        meant.len() as u64
    }

    fn forget_reservations(&mut self, owner: &Owner) {
        let ports = self.reservations.iter().filter(|kept| kept.owner == *owner);
        let ports: Vec<RelayPort> = ports.map(|kept| kept.port).collect();
        self.reservations.retain(|kept| kept.owner != *owner);
        ports.into_iter().for_each(|port| self.rest(port));
    }

    pub(crate) fn revoke(&mut self, whom: Revoked, unix: u64) {
        self.revocations.retain(|(_, until)| unix <= *until);
        self.revocations.push((whom, unix + 3600));
        self.tally.revoked +=
            self.end_all(true, |allocation| allocation.who.subject.is_meant_by(whom));
        let (Revoked::User(user) | Revoked::Session(user, _)) = whom;
        self.forget_reservations(&Owner::User(user));
    }

    pub(crate) fn remove_static(&mut self) {
        self.static_is_gone = true;
        let owner = Owner::Static("static".to_owned());
        self.tally.revoked +=
            self.end_all(true, |allocation| allocation.who.subject.owner() == owner);
        self.forget_reservations(&owner);
    }

    pub(crate) fn kick(&mut self, whom: &Kick) -> u64 {
        let kicked = self.end_all(false, |allocation| match whom {
            Kick::Allocation(id) => allocation.id == *id,
            Kick::Owner(owner) => allocation.who.subject.owner() == *owner,
            Kick::Session { user, session } => {
                allocation.who.subject
                    == Subject::Session {
                        user: *user,
                        session: *session,
                    }
            }
            Kick::All => true,
        });
        self.tally.kicked += kicked;
        kicked
    }

    /// The connection of that client has ended.
    pub(crate) fn disconnect(&mut self, client: ClientId) {
        self.tally.disconnected += self.end_all(true, |it| it.who.client == client);
    }

    /// Whether a port is being opened for that client.
    pub(crate) fn opens(&self, client: ClientId) -> bool {
        let mut opening = self.allocations.iter().filter(|it| it.opening);
        opening.any(|it| it.who.client == client)
    }

    /// Every port that somebody has.
    pub(crate) fn ports_taken(&self) -> BTreeSet<RelayPort> {
        let allocations = self.allocations.iter().flat_map(Allocation::ports);
        allocations
            .chain(self.reservations.iter().map(|kept| kept.port))
            .collect()
    }

    /// The operator's list.
    pub(crate) fn infos(&self) -> Vec<Info> {
        let now = self.now;
        let lives = |until: &Moment| now < *until;
        let live = self
            .allocations
            .iter()
            .filter(|allocation| !allocation.opening);
        live.map(|allocation| {
            let permissions = allocation.permissions.iter().map(|(_, until)| until);
            let channels = allocation.channels.iter().map(|(_, _, until)| until);
            let last = allocation.relays.iter().map(|(_, until)| *until).max();
            let mut relayed: Vec<SocketAddr> = allocation
                .relays
                .iter()
                .map(|(port, _)| relayed(*port))
                .collect();
            relayed.sort_unstable();
            Info {
                id: allocation.id,
                subject: allocation.who.subject.clone(),
                client: allocation.who.client.address,
                relayed,
                age: now - allocation.since,
                expires_in: last.unwrap_or(now) - now,
                permissions: permissions.filter(|until| lives(until)).count(),
                channels: channels.filter(|until| lives(until)).count(),
            }
        })
        .collect()
    }
}
