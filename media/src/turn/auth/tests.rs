use super::*;
use crate::config::{Plane, RelayAddress};
use crate::turn::frame::{Frame, classify};
use crate::turn::test_now;

const SECRET: &[u8] = b"a secret of the operator";
const HOUR: u64 = 3600;
const NOW: u64 = 1_900_000_000;

fn authority(now: Instant) -> Authority {
    let config = RelayConfig {
        listen: vec![],
        listen_tcp: vec![],
        listen_tls: vec![],
        tls: None,
        relays: vec![RelayAddress {
            bind: [127, 0, 0, 1].into(),
            advertise: [127, 0, 0, 1].into(),
        }],
        ports: 1..=1,
        excluded_ports: vec![],
        realm: "test".to_owned(),
        secret: SECRET.to_vec(),
        static_users: vec![(
            "static".to_owned(),
            long_term_key("static", "test", "pass").unwrap(),
        )],
        own_addresses: vec![],
        allow_peers: vec![],
        max_allocations_per_user: 0,
        max_allocations_per_ip_static: 0,
        max_allocations_per_ip_session: 0,
        max_allocations: 0,
        max_bytes_per_second_each: 0,
        max_bytes_per_second: 0,
        max_unauthenticated_answers: 0,
        max_streams: 0,
        max_streams_per_network: 0,
        legacy_channels: false,
        max_credential_lifetime: Duration::from_secs(HOUR),
        plane: Plane::default(),
        rooms: None,
    };
    Authority::new(&config, Crypto::new().unwrap(), &[7; 32], now)
}

fn client(port: u16) -> ClientId {
    ClientId {
        listener: 0,
        address: ([192, 0, 2, 1], port).into(),
    }
}

/// Whether an Allocate with this credential would be let in.
fn lets_in(authority: &Authority, expires: u64, user: i64, session: i64, unix: u64) -> bool {
    let (username, _) = mint_credential(SECRET, expires, user, session);
    let identity = authority.look_up(username).unwrap();
    authority.may_begin(&identity, Method::Allocate, unix)
}

#[test]
fn a_credential_is_what_the_turn_rest_convention_says() {
    // printf '1900000000:7.3' | openssl dgst -sha1 -hmac 'north' -binary | base64
    let (username, password) = mint_credential(b"north", 1_900_000_000, 7, 3);
    assert_eq!(username, "1900000000:7.3");
    assert_eq!(password, "dhGrJrI7rZj+9tK53M2FMNWavWI=");
}

#[test]
fn a_nonce_is_good_for_ten_minutes() {
    let start = test_now();
    let authority = authority(start);
    let nonce = authority.nonce(&client(1), start + Duration::from_secs(5));
    let good = |seconds| {
        let now = start + Duration::from_secs(seconds);
        authority.nonce_is_good(nonce.as_bytes(), &client(1), now)
    };
    assert!(good(5) && good(605));
    assert!(!good(606));
    assert!(!good(4), "a nonce from the future");
}

#[test]
fn a_nonce_is_good_for_its_5_tuple_only() {
    let now = test_now();
    let authority = authority(now);
    let nonce = authority.nonce(&client(1), now);
    let elsewhere = ClientId {
        listener: 1,
        ..client(1)
    };
    assert!(authority.nonce_is_good(nonce.as_bytes(), &client(1), now));
    assert!(!authority.nonce_is_good(nonce.as_bytes(), &client(2), now));
    assert!(!authority.nonce_is_good(nonce.as_bytes(), &elsewhere, now));
}

#[test]
fn a_nonce_with_any_character_changed_is_not_good() {
    let now = test_now();
    let authority = authority(now);
    let nonce = authority.nonce(&client(1), now).into_bytes();
    for place in 0..nonce.len() {
        let mut changed = nonce.clone();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        assert!(
            !authority.nonce_is_good(&changed, &client(1), now),
            "{place}"
        );
    }
    for odd in [&b""[..], b"x", &[b'A'; 500], &[0xFF; 16]] {
        assert!(!authority.nonce_is_good(odd, &client(1), now));
    }
}

#[test]
fn a_credential_is_let_in_before_it_expires_and_not_after() {
    let authority = authority(test_now());
    assert!(lets_in(&authority, NOW + 1, 7, 3, NOW));
    assert!(!lets_in(&authority, NOW, 7, 3, NOW));
}

#[test]
fn a_credential_that_outlives_the_longest_lifetime_is_refused() {
    let authority = authority(test_now());
    assert!(lets_in(&authority, NOW + HOUR, 7, 3, NOW));
    assert!(!lets_in(&authority, NOW + HOUR + 1, 7, 3, NOW));
}

#[test]
fn a_revoked_session_is_refused_and_the_persons_others_are_not() {
    let mut authority = authority(test_now());
    authority.revoke(Revoked::Session(7, 3), NOW);
    assert!(!lets_in(&authority, NOW + HOUR, 7, 3, NOW));
    assert!(lets_in(&authority, NOW + HOUR, 7, 4, NOW));
    assert!(lets_in(&authority, NOW + HOUR, 8, 3, NOW));
}

#[test]
fn a_revoked_person_gets_in_again_with_a_later_credential_only() {
    let mut authority = authority(test_now());
    authority.revoke(Revoked::User(7), NOW);
    assert!(!lets_in(&authority, NOW + HOUR, 7, 4, NOW));
    assert!(lets_in(&authority, NOW + HOUR + 1, 7, 5, NOW + 1));
}

#[test]
fn a_clock_that_goes_back_does_not_shorten_a_revocation() {
    let mut authority = authority(test_now());
    authority.revoke(Revoked::User(7), NOW);
    authority.revoke(Revoked::User(7), NOW - 100);
    assert!(!lets_in(&authority, NOW + HOUR, 7, 4, NOW));
    assert_eq!(authority.revoked_until.len(), 1);
}

#[test]
fn what_an_earlier_run_took_back_is_refused_as_long_as_it_said() {
    let mut authority = authority(test_now());
    authority.refuse(Revoked::User(7), NOW + 60);
    assert!(!lets_in(&authority, NOW + 60, 7, 4, NOW));
    assert!(lets_in(&authority, NOW + 61, 7, 4, NOW));
    authority.refuse(Revoked::User(7), NOW + 30);
    assert!(!lets_in(&authority, NOW + 60, 7, 4, NOW), "not shortened");
    assert_eq!(authority.revoked_until.len(), 1);
}

#[test]
fn revocations_are_forgotten_once_all_they_refuse_has_expired() {
    let mut authority = authority(test_now());
    for session in 0..100 {
        authority.revoke(Revoked::Session(7, session), NOW);
    }
    authority.forget(NOW + HOUR);
    assert_eq!(authority.remembered_revocations(), 100);
    authority.forget(NOW + HOUR + 1);
    assert_eq!(authority.remembered_revocations(), 0);
    assert!(authority.revoked_until.is_empty());
}

#[test]
fn a_name_that_is_no_credential_is_nobody() {
    let authority = authority(test_now());
    for name in [
        "", ":", "1:", "1:2", "1:2.", "1:.2", "x:1.2", "1:1.2.3", "-1:1.2", "stati",
    ] {
        assert!(authority.look_up(name.to_owned()).is_none(), "{name}");
    }
    assert!(authority.look_up("static".to_owned()).is_some());
}

#[test]
fn debug_shows_no_secret() {
    let identity = authority(test_now()).look_up("static".to_owned()).unwrap();
    assert!(format!("{identity:?}").contains("redacted"));
}

#[test]
fn a_request_with_parts_of_a_credential_is_bad() {
    let now = test_now();
    let authority = authority(now);
    let mut bytes = b"\x00\x03\x00\x18\x21\x12\xA4\x42abcdefghijkl\x00\x08\x00\x14".to_vec();
    bytes.extend_from_slice(&[0; 20]);
    let Ok(Frame::Stun(stun)) = classify(&bytes) else {
        panic!("not STUN")
    };
    let mut request = Request::decode(&bytes, &stun).unwrap();
    let refusal = authority
        .identify(&mut request, &client(1), None, now, NOW)
        .unwrap_err();
    assert_eq!(refusal, Refusal::Bad);
}
