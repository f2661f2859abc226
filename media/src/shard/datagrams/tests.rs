use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};

use super::*;
use crate::shard::outbox::{Exit, Outbox};
use crate::shard::socket;
use crate::turn::packet::MAX_DATAGRAM;

/// A socket, its own address, and the calls that serve it.
struct End {
    socket: OwnedFd,
    address: SocketAddr,
}

impl End {
    fn new(family: Family) -> Self {
        let ip = match family {
            Family::V4 => Ipv4Addr::LOCALHOST.into(),
            Family::V6 => Ipv6Addr::LOCALHOST.into(),
        };
        let (mut sockets, address) = socket::listeners(SocketAddr::new(ip, 0), 1).unwrap();
        let socket = sockets.remove(0);
        Self { socket, address }
    }

    fn with_family(&self) -> (BorrowedFd<'_>, Family) {
        (self.socket.as_fd(), Family::of(self.address.ip()))
    }
}

/// The calls under test, and what they work on.
struct Stage {
    io: Io,
    slots: Slots,
    counters: Counters,
}

/// Both kinds of calls must pass.
fn on_both(test: impl Fn(Stage)) {
    for calls in [Calls::Batched, Calls::Portable] {
        test(Stage {
            io: Io::new(calls),
            slots: Slots::new(),
            counters: Counters::new(),
        });
    }
}

impl Stage {
    /// Sends each of these to its address with one call of [`Io::send`].
    fn send(&mut self, from: &End, datagrams: &[(SocketAddr, Vec<u8>)]) {
        let mut hold = |bytes: &[u8]| self.slots.hold(bytes).unwrap();
        let outgoing: Vec<Outgoing> = datagrams
            .iter()
            .map(|(to, bytes)| Outgoing {
                slot: hold(bytes),
                to: *to,
            })
            .collect();
        let socket = from.socket.as_fd();
        self.io.send(socket, &outgoing, &self.slots, &self.counters);
        self.slots.clear();
    }

    /// What one call of [`Io::receive`] brings.
    fn receive(&mut self, at: &End, most: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        self.io
            .receive(at.with_family(), most, &mut self.slots, &self.counters);
        let received = self.slots.received.iter();
        received
            .map(|(slot, from)| (*from, self.slots.packet(*slot).unwrap().datagram().to_vec()))
            .collect()
    }
}

#[test]
fn what_is_sent_together_arrives_whole_and_in_order() {
    on_both(|mut stage| {
        // 1, 7 and 100 datagrams go by different calls.
        for (family, count) in [
            (Family::V4, 1),
            (Family::V6, 7),
            (Family::V4, 100),
            (Family::V6, 100),
            (Family::V4, 7),
        ] {
            let (a, b) = (End::new(family), End::new(family));
            let bytes = |nth: u8| vec![nth; usize::from(nth) * 10];
            let sent: Vec<_> = (0..count).map(|nth| (b.address, bytes(nth))).collect();
            stage.send(&a, &sent);
            let mut received = Vec::new();
            for most in [64, 64, 8] {
                let batch = stage.receive(&b, most);
                assert!(batch.len() <= most);
                received.extend(batch);
            }
            let expected: Vec<_> = (0..count).map(|nth| (a.address, bytes(nth))).collect();
            assert_eq!(received, expected);
            stage.slots.clear();
        }
    });
}

#[test]
fn a_turn_takes_no_memory() {
    on_both(|mut stage| {
        let (client, relay, peer) = (
            End::new(Family::V4),
            End::new(Family::V4),
            End::new(Family::V4),
        );
        let mut outbox = Outbox::new();
        let mut turn = |stage: &mut Stage| {
            let socket = relay.with_family();
            stage
                .io
                .receive(socket, BATCH, &mut stage.slots, &stage.counters);
            for (slot, _) in &stage.slots.received {
                let (slot, to) = (*slot, peer.address);
                outbox.put(Exit::Client(0), Outgoing { slot, to }, false);
            }
            let find = |_| Some(relay.with_family());
            outbox.flush(find, &mut stage.io, &stage.slots, &stage.counters);
            stage.slots.clear();
        };
        for count in [1, 7, 40] {
            let sent = vec![(relay.address, vec![7; 172]); count];
            stage.send(&client, &sent);
            let taken = allocation_counter::measure(|| turn(&mut stage));
            assert_eq!(stage.receive(&peer, BATCH).len(), count);
            assert_eq!(taken.count_total, 0, "{count}");
            stage.slots.clear();
        }
    });
}

#[test]
fn one_that_cannot_be_sent_costs_itself_alone() {
    on_both(|mut stage| {
        let (a, b) = (End::new(Family::V4), End::new(Family::V4));
        // A socket without SO_BROADCAST may not send there.
        let refused: SocketAddr = "255.255.255.255:9".parse().unwrap();
        let to = |place| (place, b"x".to_vec());
        stage.send(
            &a,
            &[
                to(refused),
                to(b.address),
                to(refused),
                to(refused),
                to(b.address),
            ],
        );
        assert_eq!(stage.receive(&b, 8).len(), 2);
        assert_eq!(stage.counters.value(Metric::DroppedSendFailed), 3);
    });
}

#[test]
fn one_that_is_too_large_is_counted_and_its_neighbours_stay() {
    on_both(|mut stage| {
        let (a, b) = (End::new(Family::V4), End::new(Family::V4));
        let send = |bytes: &[u8]| {
            rustix::net::sendto(
                &a.socket,
                bytes,
                rustix::net::SendFlags::empty(),
                &b.address,
            )
        };
        for size in [3, MAX_DATAGRAM, MAX_DATAGRAM + 1, 9000, 0, 5] {
            send(&vec![7; size]).unwrap();
        }
        let sizes = |received: Vec<(_, Vec<u8>)>| -> Vec<usize> {
            received.iter().map(|(_, bytes)| bytes.len()).collect()
        };
        assert_eq!(sizes(stage.receive(&b, 8)), [3, MAX_DATAGRAM, 0, 5]);
        assert_eq!(stage.counters.value(Metric::DroppedTooLarge), 2);
    });
}

#[test]
fn what_has_no_room_waits_in_the_kernel() {
    on_both(|mut stage| {
        let (a, b) = (End::new(Family::V4), End::new(Family::V4));
        stage.send(
            &a,
            &[(b.address, b"1".to_vec()), (b.address, b"2".to_vec())],
        );
        while stage.slots.left() > 1 {
            stage.slots.hold(b"").unwrap();
        }
        assert_eq!(stage.receive(&b, 64), [(a.address, b"1".to_vec())]);
        assert_eq!(stage.receive(&b, 64), []);
        stage.slots.clear();
        assert_eq!(stage.receive(&b, 64), [(a.address, b"2".to_vec())]);
    });
}
