//! CreatePermission and ChannelBind (RFC 8656 §10, 12).

use crate::common::*;

fn alice() -> Caller {
    Caller::session("192.0.2.1:4000", 7, 3)
}

#[test]
fn one_create_permission_permits_all_its_peers() {
    let (mut world, mut caller) = (World::new(), alice());
    let port = world.allocate(&mut caller);
    let peers = [peer("1.1.1.1:9"), peer("1.0.0.1:9")];
    assert_eq!(
        world.request(&mut caller, CREATE_PERMISSION, &peers).code(),
        0
    );
    assert!(world.receive(port, "1.1.1.1:7", b"x").is_some());
    assert!(world.receive(port, "1.0.0.1:7", b"x").is_some());
    assert!(world.receive(port, "1.0.0.2:7", b"x").is_none());
}

#[test]
fn one_forbidden_peer_forbids_all_of_them() {
    let (mut world, mut caller) = (World::new(), alice());
    let port = world.allocate(&mut caller);
    let peers = [peer("1.1.1.1:9"), peer("10.0.0.1:9")];
    assert_eq!(
        world.request(&mut caller, CREATE_PERMISSION, &peers).code(),
        403
    );
    assert!(world.receive(port, "1.1.1.1:7", b"x").is_none());
}

#[test]
fn a_create_permission_without_a_peer_or_with_a_broken_one_gets_400() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    for attributes in [
        vec![],
        vec![(PEER, vec![0, 1, 2])],
        vec![(PEER, vec![0, 7, 0, 0, 1, 1, 1, 1])],
    ] {
        assert_eq!(
            world
                .request(&mut caller, CREATE_PERMISSION, &attributes)
                .code(),
            400
        );
    }
}

#[test]
fn a_peer_of_the_other_family_gets_443() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    for address in ["[2a00:1450::1]:9", "[::ffff:1.1.1.1]:9"] {
        let peers = [peer("1.1.1.1:9"), peer(address)];
        assert_eq!(
            world.request(&mut caller, CREATE_PERMISSION, &peers).code(),
            443
        );
        let bind = [channel(0x4000), peer(address)];
        assert_eq!(world.request(&mut caller, CHANNEL_BIND, &bind).code(), 443);
    }
}

#[test]
fn closed_peers_get_403() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    for ip in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "8.8.4.4",
    ] {
        let peer = peer(&format!("{ip}:9"));
        let reply = world.request(&mut caller, CREATE_PERMISSION, std::slice::from_ref(&peer));
        assert_eq!(reply.code(), 403, "{ip}");
        let reply = world.request(&mut caller, CHANNEL_BIND, &[channel(0x4000), peer]);
        assert_eq!(reply.code(), 403, "{ip}");
    }
}

#[test]
fn channels_end_at_0x4fff_or_at_0x7fff_where_old_clients_are_let_in() {
    for (legacy, beyond) in [(false, 400), (true, 0)] {
        let mut config = config();
        config.legacy_channels = legacy;
        let (mut world, mut caller) = (World::with(&config), alice());
        world.allocate(&mut caller);
        for (number, code) in [
            (0x3FFF, 400),
            (0x4000, 0),
            (0x4FFF, 0),
            (0x5000, beyond),
            (0x7FFF, beyond),
            (0x8000, 400),
            (0xFFFF, 400),
        ] {
            let attributes = [channel(number), peer(&format!("1.1.1.1:{number}"))];
            let reply = world.request(&mut caller, CHANNEL_BIND, &attributes);
            assert_eq!(reply.code(), code, "{number:#x} {legacy}");
        }
    }
}

#[test]
fn a_channel_bind_without_number_or_with_not_one_peer_gets_400() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    for attributes in [
        vec![peer("1.1.1.1:9")],
        vec![channel(0x4000)],
        vec![channel(0x4000), peer("1.1.1.1:9"), peer("1.0.0.1:9")],
        vec![(CHANNEL_NUMBER, vec![0x40]), peer("1.1.1.1:9")],
    ] {
        assert_eq!(
            world.request(&mut caller, CHANNEL_BIND, &attributes).code(),
            400
        );
    }
}

#[test]
fn a_channel_is_not_rebound_and_a_peer_has_one_channel() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    world.bind(&mut caller, 0x4000, "1.1.1.1:9");
    let code = |world: &mut World, caller: &mut Caller, number, address: &str| {
        world
            .request(caller, CHANNEL_BIND, &[channel(number), peer(address)])
            .code()
    };
    assert_eq!(code(&mut world, &mut caller, 0x4000, "1.1.1.1:10"), 400);
    assert_eq!(code(&mut world, &mut caller, 0x4001, "1.1.1.1:9"), 400);
    assert_eq!(code(&mut world, &mut caller, 0x4000, "1.1.1.1:9"), 0);
    assert_eq!(code(&mut world, &mut caller, 0x4001, "1.1.1.1:10"), 0);
}

#[test]
fn an_ended_channel_is_free_five_minutes_later() {
    let (mut world, mut caller) = (World::new(), alice());
    world.request(&mut caller, ALLOCATE, &[udp(), lifetime(3600)]);
    world.bind(&mut caller, 0x4000, "1.1.1.1:9");
    let rebind = [channel(0x4000), peer("1.1.1.1:10")];
    world.wait(899);
    caller.nonce.clear();
    assert_eq!(
        world.request(&mut caller, CHANNEL_BIND, &rebind).code(),
        400
    );
    world.wait(1);
    assert_eq!(world.request(&mut caller, CHANNEL_BIND, &rebind).code(), 0);
}
