//! What an operator does to a relay while it runs.

use payambar_media::counters::Metric;
use payambar_media::{Kick, Owner, Subject, long_term_key};

use crate::common::*;

fn alice() -> Caller {
    Caller::session("192.0.2.1:4000", 7, 3)
}

#[test]
fn the_list_shows_who_holds_what_and_what_passed() {
    let (mut world, mut caller) = (World::with(&dual_config()), alice());
    world.request(&mut caller, ALLOCATE, &[udp(), additional(2)]);
    world.bind(&mut caller, 0x4000, "1.1.1.1:9");
    world.permit(&mut caller, "1.0.0.1:9");
    world.send(&caller, &channel_data(0x4000, &[0; 100]));
    world.wait(60);
    let mut shared = Caller::new("192.0.2.2:1", "static", "pass");
    world.allocate(&mut shared);
    let [first, second] = &world.server.allocations(world.now)[..] else {
        panic!("two allocations");
    };
    assert_eq!(
        first.subject,
        Subject::Session {
            user: 7,
            session: 3
        }
    );
    assert_eq!(first.client, caller.id.address);
    assert_eq!(first.relayed.len(), 2);
    assert_eq!((first.age.as_secs(), first.expires_in.as_secs()), (60, 540));
    assert_eq!((first.permissions, first.channels), (2, 1));
    let traffic = first.traffic;
    assert_eq!((traffic.packets_to_peers, traffic.bytes_to_peers), (1, 100));
    assert_eq!(second.subject, Subject::Static("static".to_owned()));
    assert!(second.id > first.id);
}

#[test]
fn a_kick_ends_what_it_names_and_the_credential_stays_good() {
    for (whom, ended) in [
        (Kick::Allocation(2), vec![2]),
        (Kick::Allocation(99), vec![]),
        (Kick::Owner(Owner::User(7)), vec![1, 2]),
        (
            Kick::Session {
                user: 7,
                session: 4,
            },
            vec![2],
        ),
        (Kick::Owner(Owner::Static("static".to_owned())), vec![3]),
        (Kick::All, vec![1, 2, 3]),
    ] {
        let mut world = World::new();
        let mut callers = [
            alice(),
            Caller::session("192.0.2.1:4001", 7, 4),
            Caller::new("192.0.2.1:4002", "static", "pass"),
        ];
        for caller in &mut callers {
            world.allocate(caller);
        }
        assert_eq!(world.server.handle_kick(&whom, world.now), ended.len());
        world.drain();
        let left = world.server.allocations(world.now);
        let gone = (1..=3).filter(|id| left.iter().all(|info| info.id != *id));
        assert_eq!(gone.collect::<Vec<u64>>(), ended, "{whom:?}");
        assert_eq!(world.open.len(), 3 - ended.len());
        for id in ended {
            world.allocate(&mut callers[id as usize - 1]);
        }
    }
}

#[test]
fn a_static_pair_comes_and_goes() {
    let (mut world, mut caller) = (World::new(), Caller::new("192.0.2.1:1", "new", "secret"));
    let code =
        |world: &mut World, caller: &mut Caller| world.request(caller, ALLOCATE, &[udp()]).code();
    assert_eq!(code(&mut world, &mut caller), 401);
    let key = |password| long_term_key("new", REALM, password).unwrap();
    let now = world.now;
    world
        .server
        .handle_add_static("new".to_owned(), key("secret"), now);
    assert_eq!(code(&mut world, &mut caller), 0);
    world
        .server
        .handle_add_static("new".to_owned(), key("other"), now);
    world.drain();
    assert!(world.open.is_empty(), "the old password's allocation");
    assert_eq!(code(&mut world, &mut caller), 401);
    let mut other = Caller::new("192.0.2.1:1", "new", "other");
    assert_eq!(code(&mut world, &mut other), 0);
    world.server.handle_remove_static("new", now);
    world.drain();
    assert_eq!(world.count(Metric::EndedRevoked), 2);
    assert_eq!(code(&mut world, &mut other), 401);
}

#[test]
fn a_relay_that_runs_dry_keeps_what_lives_and_makes_no_more() {
    let (mut world, mut caller) = (World::new(), alice());
    world.challenge(&mut caller);
    let request = caller.signed(ALLOCATE, &[udp()]);
    world.ask(caller.id, &request.raw);
    world.server.handle_drain();
    assert_eq!(world.ask(caller.id, &request.raw).unwrap().code(), 0);
    world.bind(&mut caller, 0x4000, "1.1.1.1:9");
    assert!(world.send(&caller, &channel_data(0x4000, b"x")).is_some());
    assert_eq!(world.request(&mut caller, REFRESH, &[]).code(), 0);
    let mut other = Caller::session("192.0.2.2:1", 8, 1);
    assert_eq!(world.request(&mut other, ALLOCATE, &[udp()]).code(), 508);
    world.request(&mut caller, REFRESH, &[lifetime(0)]);
    assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), 508);
    let gauges = [Metric::Allocations, Metric::Draining].map(|gauge| world.count(gauge));
    assert_eq!(gauges, [0, 1]);
}

#[test]
fn the_gauges_follow_the_ports() {
    let (mut world, mut caller) = (World::new(), alice());
    let ports =
        |world: &World| [Metric::PortsFree, Metric::PortsResting].map(|gauge| world.count(gauge));
    assert_eq!(ports(&world), [99, 0]);
    world.allocate(&mut caller);
    assert_eq!(ports(&world), [98, 0]);
    world.request(&mut caller, REFRESH, &[lifetime(0)]);
    assert_eq!(ports(&world), [98, 1]);
}
