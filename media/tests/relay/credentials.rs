//! Credentials that expire and that are taken back.

use payambar_media::counters::Metric;
use payambar_media::turn::auth::Revoked;

use crate::common::*;

#[test]
fn an_expired_credential_gets_401_at_allocate() {
    let (mut world, mut caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
    world.wait(HOUR);
    assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), 401);
}

#[test]
fn a_living_allocation_goes_on_after_its_credential_expired() {
    let (mut world, mut caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
    world.request(&mut caller, ALLOCATE, &[udp(), lifetime(3600)]);
    world.wait(3599);
    caller.nonce.clear();
    assert_eq!(
        world
            .request(&mut caller, REFRESH, &[lifetime(3600)])
            .code(),
        0
    );
    world.wait(500);
    assert_eq!(world.request(&mut caller, REFRESH, &[]).code(), 0);
    world.permit(&mut caller, "1.1.1.1:9");
    world.bind(&mut caller, 0x4000, "1.1.1.1:9");
}

#[test]
fn a_static_pair_allocates_at_any_time() {
    let (mut world, mut caller) = (
        World::new(),
        Caller::new("192.0.2.1:4000", "static", "pass"),
    );
    world.wait(1_000_000_000);
    world.allocate(&mut caller);
}

#[test]
fn without_a_secret_no_time_limited_credential_is_good() {
    let mut config = config();
    config.secret = vec![];
    let mut world = World::with(&config);
    let (name, password) = payambar_media::mint_credential(&[], UNIX + HOUR, 7, 3);
    let mut caller = Caller::new("192.0.2.1:4000", &name, &password);
    assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), 401);
}

#[test]
fn a_revoked_sessions_allocations_end_at_once_and_stay_ended() {
    let mut world = World::new();
    let mut gone = Caller::session("192.0.2.1:4000", 7, 3);
    let mut other = Caller::session("192.0.2.1:4001", 7, 4);
    let (port, _) = (world.allocate(&mut gone), world.allocate(&mut other));
    world.permit(&mut gone, "1.1.1.1:9");
    world.revoke(Revoked::Session(7, 3));
    world.drain();
    assert!(!world.open.contains(&port));
    assert_eq!(
        (world.open.len(), world.count(Metric::EndedRevoked)),
        (1, 1)
    );
    assert!(world.receive(port, "1.1.1.1:9", b"x").is_none());
    assert_eq!(world.request(&mut gone, REFRESH, &[]).code(), 401);
    assert_eq!(world.request(&mut gone, ALLOCATE, &[udp()]).code(), 401);
    assert_eq!(world.request(&mut other, REFRESH, &[]).code(), 0);
}

#[test]
fn a_revoked_person_loses_every_session() {
    let mut world = World::new();
    let mut callers = [
        ("192.0.2.1:1", 7, 3),
        ("192.0.2.1:2", 7, 4),
        ("192.0.2.1:3", 8, 3),
    ]
    .map(|(a, u, s)| Caller::session(a, u, s));
    for caller in &mut callers {
        world.allocate(caller);
    }
    world.revoke(Revoked::User(7));
    world.drain();
    let codes = callers
        .each_mut()
        .map(|caller| world.request(caller, REFRESH, &[]).code());
    assert_eq!(codes, [401, 401, 0]);
}

#[test]
fn an_allocation_revoked_while_it_opens_is_closed_and_gets_401() {
    let (mut world, mut caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
    world.challenge(&mut caller);
    world.hold = Some(vec![]);
    let request = caller.signed(ALLOCATE, &[udp()]);
    assert!(world.ask(caller.id, &request.raw).is_none());
    world.revoke(Revoked::Session(7, 3));
    let port = world.hold.take().unwrap()[0];
    world.open.insert(port);
    world.server.handle_relay_opened(port, world.now);
    let told = world.drain();
    assert_eq!(told[0].1.code(), 401);
    assert!(world.open.is_empty());
    assert_eq!(world.count(Metric::Allocations), 0);
}
