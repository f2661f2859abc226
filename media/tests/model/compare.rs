//! What the relay says and shows, held against the model.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use payambar_media::counters::Metric;
use payambar_media::turn::server::Forward;
use payambar_media::turn::{ClientId, Family, PeerAddr, RelayPort};
use payambar_media_fuzz::wire::{Reading, Writer, attribute, channel_data, kind};

use crate::callers::transaction;
use crate::duties::Info;
use crate::model::{PORTS, Tally, Told, Way};
use crate::world::World;

impl World {
    pub(crate) fn compare_answers(&mut self) {
        let (told, due) = (
            std::mem::take(&mut self.told),
            std::mem::take(&mut self.due),
        );
        let clients: Vec<ClientId> = told.iter().map(|(client, _)| *client).collect();
        let expected: Vec<ClientId> = due.iter().map(|(who, ..)| who.client).collect();
        assert_eq!(clients, expected, "{due:?}");
        for ((client, bytes), (who, number, expected)) in told.into_iter().zip(due) {
            let reading = Reading::of(&bytes).expect("an answer that holds together");
            assert_eq!(reading.transaction, transaction(number));
            let is_stranger = !reading.has(attribute::INTEGRITY);
            assert!(
                is_stranger || reading.is_signed_with(&who.key),
                "not signed for {who:?}"
            );
            assert_eq!(
                is_stranger,
                matches!(expected, Told::Error(401 | 438)) && reading.has(attribute::NONCE)
            );
            if is_stranger {
                self.nonce = reading.value(attribute::NONCE).map(<[u8]>::to_vec);
            }
            let said = self.said(&reading, client, &expected);
            assert_eq!(said, expected, "{who:?}");
        }
    }

    /// What an answer says, in the model's words.
    fn said(&mut self, reading: &Reading<'_>, client: ClientId, expected: &Told) -> Told {
        let code = reading.code().expect("an answer");
        let lifetime = reading.lifetime().map(u64::from);
        match (code, reading.kind & !kind::ERROR) {
            (0, kind::ALLOCATE) => {
                assert_eq!(reading.addresses(attribute::MAPPED), [Some(client.address)]);
                let relayed = reading.addresses(attribute::RELAYED);
                let mut relayed: Vec<SocketAddr> = relayed.into_iter().flatten().collect();
                relayed.sort_unstable();
                let token = reading
                    .value(attribute::TOKEN)
                    .map(|token| self.place_of(token, expected));
                let refused = reading.value(attribute::ADDRESS_ERROR).map(|value| {
                    let family = if value[0] == 1 {
                        Family::V4
                    } else {
                        Family::V6
                    };
                    (family, u16::from(value[2]) * 100 + u16::from(value[3]))
                });
                Told::Allocated {
                    relayed,
                    lifetime: lifetime.expect("a lifetime"),
                    token,
                    refused,
                }
            }
            (0, kind::REFRESH) => Told::Refreshed(lifetime.expect("a lifetime")),
            (0, _) => Told::Done,
            (code, _) => Told::Error(code),
        }
    }

    /// The number of a token; a new one gets the next.
    fn place_of(&mut self, token: &[u8], expected: &Told) -> usize {
        if let Some(place) = self.tokens.iter().position(|other| other == token) {
            return place;
        }
        assert!(
            matches!(expected, Told::Allocated { token: Some(n), .. } if *n == self.tokens.len()),
            "a token for nothing"
        );
        self.tokens.push(token.to_vec());
        self.tokens.len() - 1
    }

    /// Compares everything that can be seen, once the clock was told.
    pub(crate) fn compare(&mut self) {
        if self.is_behind {
            return;
        }
        let now = self.now();
        let infos = self.server.allocations(now).into_iter().map(|info| {
            let mut relayed = info.relayed;
            relayed.sort_unstable();
            Info {
                id: info.id,
                subject: info.subject,
                client: info.client,
                relayed,
                age: info.age.as_secs(),
                expires_in: info.expires_in.as_secs(),
                permissions: info.permissions,
                channels: info.channels,
            }
        });
        assert_eq!(infos.collect::<Vec<_>>(), self.model.infos());
        let count = |metric| self.counters.value(metric);
        let ports = self.model.ports_taken();
        assert_eq!(
            count(Metric::Allocations),
            self.model.allocations.len() as u64
        );
        assert_eq!(
            count(Metric::Reservations),
            self.model.reservations.len() as u64
        );
        let known = count(Metric::PortsFree) + count(Metric::PortsResting) + ports.len() as u64;
        assert_eq!(known, 2 * PORTS.len() as u64, "a port is lost or doubled");
        let held: BTreeSet<RelayPort> = self.held.iter().copied().collect();
        assert_eq!(&self.open | &held, ports);
        let tally = Tally {
            made: count(Metric::AllocationsMade),
            expired: count(Metric::EndedExpired),
            released: count(Metric::EndedReleased),
            revoked: count(Metric::EndedRevoked),
            kicked: count(Metric::EndedKicked),
            disconnected: count(Metric::EndedDisconnected),
        };
        assert_eq!(tally, self.model.tally);
        let wake = self.server.poll_timeout();
        assert!(wake.is_none_or(|wake| wake > now), "a timer that stays due");
        if let Some(latest) = self.model.next_wake() {
            let latest = self.began + Duration::from_secs(latest);
            assert!(
                wake.is_some_and(|wake| wake <= latest),
                "the relay sleeps too long"
            );
        }
    }
}

/// Data went where the model says, and as that.
pub(crate) fn went(forward: Option<Forward>, datagram: &[u8], way: Option<Way>, whole: bool) {
    let Some(forward) = forward else {
        assert_eq!(way, None, "data is dropped");
        return;
    };
    let way = way.unwrap_or_else(|| panic!("data goes where it may not: {forward:?}"));
    let (expected, bytes) = match way {
        Way::ToPeer(port, peer) if whole => (
            Forward::ToPeerWhole(port, PeerAddr(peer)),
            b"hello".to_vec(),
        ),
        Way::ToPeer(port, peer) => (Forward::ToPeer(port, PeerAddr(peer)), b"hello".to_vec()),
        Way::ToClient {
            client,
            channel: Some(number),
            ..
        } => (Forward::ToClient(client), channel_data(number, b"hello")),
        Way::ToClient { client, from, .. } => {
            let told = Reading::of(datagram).expect("a Data indication");
            let written = Writer::new(kind::DATA, told.transaction)
                .address(attribute::PEER, from)
                .add(attribute::DATA, b"hello");
            (Forward::ToClient(client), written.done())
        }
    };
    assert_eq!((forward, datagram), (expected, bytes.as_slice()));
}
