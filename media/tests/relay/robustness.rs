//! Bytes that nobody should send, and who must not be answered.

use payambar_media::counters::Metric;
use payambar_media::turn::packet::Packet;
use payambar_media::turn::{PeerAddr, RelayPort};
use proptest::prelude::*;

use crate::common::*;

#[test]
fn responses_indications_and_noise_from_strangers_are_never_answered() {
    let (mut world, caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
    let mut silent = vec![vec![], vec![0], vec![0xFF; 100], channel_data(0x4000, b"x")];
    for kind in [
        0x0101, 0x0111, 0x0103, 0x0113, 0x0011, 0x0013, 0x0016, 0x0017,
    ] {
        silent.push(message(kind, [1; 12], &[udp()]).raw);
    }
    for bytes in silent {
        assert!(world.ask(caller.id, &bytes).is_none(), "{bytes:?}");
    }
    assert_eq!(world.count(Metric::DroppedUnexpected), 7);
}

#[test]
fn unauthenticated_requests_leave_nothing_behind() {
    let mut world = World::new();
    for n in 0..2000_u32 {
        let address = format!("192.0.2.{}:{}", n % 250, 1000 + n);
        let mut caller = Caller::session(&address, 7, 3);
        world.challenge(&mut caller);
    }
    assert_eq!(world.server.poll_timeout(), None);
    assert_eq!(world.count(Metric::Allocations), 0);
}

/// Valid messages of an allocation that lives, to be spoiled.
fn valid(caller: &mut Caller) -> Vec<Vec<u8>> {
    let at = "1.1.1.1:9";
    vec![
        caller.signed(REFRESH, &[lifetime(700)]).raw,
        caller
            .signed(CREATE_PERMISSION, &[peer(at), peer("1.0.0.1:9")])
            .raw,
        caller
            .signed(CHANNEL_BIND, &[channel(0x4001), peer(at)])
            .raw,
        caller
            .signed(
                ALLOCATE,
                &[udp(), (EVEN_PORT, vec![0]), (FAMILY, vec![1, 0, 0, 0])],
            )
            .raw,
        message(BINDING, [2; 12], &[]).raw,
        send_indication(at, b"some data"),
        channel_data(0x4001, b"some data"),
    ]
}

/// Changes to a datagram: bytes set, and the end cut off or drawn out.
#[derive(Clone, Debug)]
struct Damage {
    which: prop::sample::Index,
    bytes: Vec<(prop::sample::Index, u8)>,
    length: Option<prop::sample::Index>,
    mend: bool,
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    let length = prop::option::of(any::<prop::sample::Index>());
    (any::<prop::sample::Index>(), bytes, length, any::<bool>()).prop_map(
        |(which, bytes, length, mend)| Damage {
            which,
            bytes,
            length,
            mend,
        },
    )
}

impl Damage {
    fn apply(&self, messages: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.which.get(messages).clone();
        for (place, value) in &self.bytes {
            let place = place.index(bytes.len());
            bytes[place] = *value;
        }
        if let Some(length) = &self.length {
            bytes.resize(length.index(300), 0x20);
        }
        // Half of them get past the first look at the length.
        if self.mend && bytes.len() >= 20 && bytes[0] < 0x40 {
            bytes.truncate(bytes.len() / 4 * 4);
            let length = (bytes.len() - 20) as u16;
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
        }
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_the_server_panic(
        damages in prop::collection::vec(damage(), 0..200),
        noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 0..50),
    ) {
        let (mut world, mut caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
        let port = world.allocate(&mut caller);
        world.bind(&mut caller, 0x4001, "1.1.1.1:9");
        let messages = valid(&mut caller);
        let spoiled = damages.iter().map(|damage| damage.apply(&messages));
        for bytes in spoiled.chain(noise) {
            for client in [caller.id, Caller::session("192.0.2.9:1", 7, 3).id] {
                let mut packet = Packet::holding(&bytes).unwrap();
                world.server.handle_client(client, &mut packet, world.now, world.unix);
                world.drain();
            }
            for (relay, from) in [(port, "1.1.1.1:9"), (RelayPort::v4(1), "[::1]:9")] {
                let mut packet = Packet::holding(&bytes).unwrap();
                let from = PeerAddr(from.parse().unwrap());
                world.server.handle_peer(relay, from, &mut packet, world.now);
            }
        }
    }

    #[test]
    fn no_spoiled_message_of_a_stranger_opens_a_port(
        damages in prop::collection::vec(damage(), 0..200),
    ) {
        let (mut world, mut caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
        world.challenge(&mut caller);
        caller.password = "wrong".to_owned();
        let messages = valid(&mut caller);
        for damage in damages {
            let mut packet = Packet::holding(&damage.apply(&messages)).unwrap();
            world.server.handle_client(caller.id, &mut packet, world.now, world.unix);
            world.drain();
            prop_assert!(world.open.is_empty());
        }
    }
}
