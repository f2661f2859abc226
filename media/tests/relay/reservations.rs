//! Port pairs: EVEN-PORT with the R bit keeps the next port for whoever shows
//! the token (RFC 8656 §7.2).

use payambar_media::counters::Metric;
use payambar_media::turn::RelayPort;
use payambar_media::turn::auth::Revoked;
use payambar_media::turn::server::RelayFailure;
use rtc_stun::attributes::AttrType;

use crate::common::*;

fn alice(port: u16) -> Caller {
    Caller::session(&format!("192.0.2.1:{port}"), 7, 3)
}

fn pair() -> Vec<Attribute> {
    vec![udp(), (EVEN_PORT, vec![0x80])]
}

fn token_of(reply: &Reply) -> Attribute {
    let kind = AttrType(RESERVATION_TOKEN);
    (RESERVATION_TOKEN, reply.0.get(kind).unwrap())
}

/// A world in which somebody has an even port, and the token of the next.
fn reserved() -> (World, Caller, u16, Attribute) {
    let (mut world, mut caller) = (World::new(), alice(4000));
    let reply = world.request(&mut caller, ALLOCATE, &pair());
    assert!(reply.relayed().port().is_multiple_of(2));
    let token = token_of(&reply);
    (world, caller, reply.relayed().port(), token)
}

#[test]
fn the_token_gives_the_next_port() {
    let (mut world, _, even, token) = reserved();
    assert_eq!(token.1.len(), 8);
    assert_eq!(world.open.len(), 2);
    let reply = world.request(&mut alice(4001), ALLOCATE, &[udp(), token.clone()]);
    assert_eq!(reply.relayed().port(), even + 1);
    assert_eq!(world.count(Metric::Reservations), 0);
    let again = world.request(&mut alice(4002), ALLOCATE, &[udp(), token]);
    assert_eq!(again.code(), 508);
}

#[test]
fn a_retransmission_gets_the_same_token_and_so_does_one_by_token() {
    let (mut world, mut caller) = (World::new(), alice(4000));
    world.challenge(&mut caller);
    let request = caller.signed(ALLOCATE, &pair());
    let [first, second] = [(); 2].map(|()| world.ask(caller.id, &request.raw).unwrap());
    assert_eq!(first.0.raw, second.0.raw);
    let mut other = alice(4001);
    world.challenge(&mut other);
    let request = other.signed(ALLOCATE, &[udp(), token_of(&first)]);
    let [first, second] = [(); 2].map(|()| world.ask(other.id, &request.raw).unwrap());
    assert_eq!((first.code(), first.0.raw), (0, second.0.raw));
}

#[test]
fn a_token_is_worthless_to_others_and_after_30_s() {
    let (mut world, _, even, token) = reserved();
    let mut other = Caller::session("192.0.2.9:1", 8, 1);
    let by_token = [udp(), token];
    assert_eq!(world.request(&mut other, ALLOCATE, &by_token).code(), 508);
    world.wait(30);
    assert_eq!(
        world.request(&mut alice(4001), ALLOCATE, &by_token).code(),
        508
    );
    assert!(!world.open.contains(&RelayPort::v4(even + 1)));
    assert_eq!(world.count(Metric::Reservations), 0);
}

#[test]
fn nothing_passes_a_port_that_is_kept() {
    let (mut world, mut caller, even, _) = reserved();
    world.permit(&mut caller, "1.1.1.1:9");
    assert_eq!(
        world.receive(RelayPort::v4(even + 1), "1.1.1.1:9", b"x"),
        None
    );
    let ours = format!("{ADVERTISED}:{}", even + 1);
    world.permit(&mut caller, &ours);
    assert_eq!(world.send(&caller, &send_indication(&ours, b"x")), None);
    assert_eq!(world.count(Metric::DroppedPeerDenied), 1);
}

#[test]
fn a_kept_port_counts_for_its_person_and_in_all() {
    let mut config = config();
    config.max_allocations_per_user = 2;
    config.max_allocations = 4;
    let mut world = World::with(&config);
    let reply = world.request(&mut alice(1), ALLOCATE, &pair());
    assert_eq!(world.request(&mut alice(2), ALLOCATE, &[udp()]).code(), 486);
    let mut bob = Caller::session("192.0.2.2:1", 8, 1);
    assert_eq!(world.request(&mut bob, ALLOCATE, &pair()).code(), 0);
    let mut carol = Caller::session("192.0.2.3:1", 9, 1);
    assert_eq!(world.request(&mut carol, ALLOCATE, &[udp()]).code(), 508);
    let by_token = [udp(), token_of(&reply)];
    assert_eq!(world.request(&mut alice(3), ALLOCATE, &by_token).code(), 0);
}

#[test]
fn a_pair_of_which_one_port_is_taken_is_another_pair() {
    for taken in 0..2 {
        let (mut world, mut caller) = (World::new(), alice(4000));
        // The kernel answers in the order in which ports are asked for.
        world.failures = vec![RelayFailure::PortTaken];
        world.succeed_first = taken;
        let reply = world.request(&mut caller, ALLOCATE, &pair());
        let even = reply.relayed().port();
        assert!(even.is_multiple_of(2));
        let pair = [even, even + 1].map(RelayPort::v4);
        assert!(world.open.iter().eq(&pair), "{:?}", world.open);
        assert_eq!(world.count(Metric::Reservations), 1);
    }
}

#[test]
fn a_revocation_gives_kept_ports_back() {
    let (mut world, _, _, token) = reserved();
    world.revoke(Revoked::User(7));
    world.drain();
    assert!(world.open.is_empty());
    let mut late = Caller::new("192.0.2.1:4001", &alice(1).username, &alice(1).password);
    let reply = world.request(&mut late, ALLOCATE, &[udp(), token]);
    assert_eq!(reply.code(), 401);
}
