//! Who is let in, and what the others are told (RFC 8489 §9.2).

use rtc_stun::attributes::{ATTR_MESSAGE_INTEGRITY, ATTR_NONCE, ATTR_REALM, ATTR_SOFTWARE};

use crate::common::*;

fn alice() -> Caller {
    Caller::session("192.0.2.1:4000", 7, 3)
}

#[test]
fn a_request_without_a_credential_gets_401_with_realm_and_nonce() {
    let (mut world, mut caller) = (World::new(), alice());
    for kind in [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND, CONNECT] {
        let reply = world.ask_plainly(&mut caller, kind, &[udp()]);
        assert_eq!(reply.code(), 401);
        assert_eq!(reply.0.get(ATTR_REALM).unwrap(), REALM.as_bytes());
        assert!(reply.has(ATTR_NONCE));
        assert!(!reply.has(ATTR_MESSAGE_INTEGRITY) && !reply.has(ATTR_SOFTWARE));
    }
}

#[test]
fn a_stranger_is_answered_with_at_most_3_5_times_the_bytes() {
    for realm in ["r", "a-rather-long-name.of-some-relay.example.org"] {
        let mut config = config();
        config.realm = realm.to_owned();
        let (mut world, mut caller) = (World::with(&config), alice());
        for (kind, attributes) in [
            (ALLOCATE, vec![]),
            (ALLOCATE, vec![udp()]),
            (REFRESH, vec![]),
            (BINDING, vec![]),
        ] {
            let request = message(kind, caller.transaction(), &attributes);
            let reply = world.ask(caller.id, &request.raw).unwrap();
            assert!(
                reply.0.raw.len() * 2 <= request.raw.len() * 7,
                "{kind:#x} {realm}"
            );
        }
    }
}

#[test]
fn a_wrong_password_or_an_unknown_user_gets_401() {
    let mut world = World::new();
    let (name, _) = payambar_media::mint_credential(SECRET, UNIX + HOUR, 7, 3);
    for (name, password) in [
        (name.as_str(), "wrong"),
        ("nobody", "pass"),
        ("static", "wrong"),
    ] {
        let mut caller = Caller::new("192.0.2.1:4000", name, password);
        let reply = world.request(&mut caller, ALLOCATE, &[udp()]);
        assert_eq!(reply.code(), 401);
        assert!(reply.has(ATTR_NONCE) && !reply.has(ATTR_MESSAGE_INTEGRITY));
    }
    assert!(world.open.is_empty());
}

#[test]
fn another_realm_gets_401() {
    let (mut world, mut caller) = (World::new(), alice());
    world.challenge(&mut caller);
    caller.realm = "elsewhere".to_owned();
    assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), 401);
}

#[test]
fn integrity_without_user_realm_or_nonce_gets_400() {
    let (mut world, mut caller) = (World::new(), alice());
    world.challenge(&mut caller);
    let parts = [
        (USERNAME, caller.username.clone().into_bytes()),
        (ATTR_REALM.0, REALM.as_bytes().to_vec()),
        (ATTR_NONCE.0, caller.nonce.clone()),
    ];
    for missing in 0..parts.len() {
        let mut attributes = parts.to_vec();
        attributes.remove(missing);
        let mut request = message(ALLOCATE, caller.transaction(), &attributes);
        caller.sign(&mut request);
        let reply = world.ask(caller.id, &request.raw).unwrap();
        assert_eq!(reply.code(), 400);
        assert!(!reply.has(ATTR_MESSAGE_INTEGRITY));
    }
}

#[test]
fn a_user_name_or_realm_over_508_bytes_gets_400() {
    let (mut world, mut caller) = (World::new(), alice());
    world.challenge(&mut caller);
    caller.username = "u".repeat(508);
    assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), 401);
    caller.username = "u".repeat(509);
    assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), 400);
    caller.username = "u".to_owned();
    caller.realm = "r".repeat(509);
    assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), 400);
}

#[test]
fn another_clients_nonce_gets_438() {
    let (mut world, mut caller) = (World::new(), alice());
    world.challenge(&mut caller);
    caller.id.address.set_port(4001);
    assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), 438);
}

#[test]
fn a_nonce_over_ten_minutes_old_gets_438_and_a_new_one() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    world.wait(599);
    assert_eq!(world.request(&mut caller, REFRESH, &[]).code(), 0);
    world.wait(2);
    let reply = world.request(&mut caller, REFRESH, &[]);
    assert_eq!(reply.code(), 438);
    assert_eq!(reply.0.get(ATTR_REALM).unwrap(), REALM.as_bytes());
    caller.nonce = reply.0.get(ATTR_NONCE).unwrap();
    assert_eq!(world.request(&mut caller, REFRESH, &[]).code(), 0);
}

#[test]
fn another_users_requests_for_an_allocation_get_441() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    let mut other = Caller::new("192.0.2.1:4000", "static", "pass");
    for (kind, attributes) in [
        (REFRESH, vec![lifetime(0)]),
        (CREATE_PERMISSION, vec![peer("1.1.1.1:9")]),
        (CHANNEL_BIND, vec![channel(0x4000), peer("1.1.1.1:9")]),
    ] {
        let reply = world.request(&mut other, kind, &attributes);
        assert_eq!(reply.code(), 441);
        assert!(other.trusts(&reply));
    }
    assert_eq!(world.open.len(), 1);
}
