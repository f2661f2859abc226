#![expect(
    clippy::disallowed_types,
    reason = "these tests are the clients of a real relay"
)]
//! A relay that listens on all addresses of a host that has several.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use payambar_media::{RelayConfig, RelayHandle, StartError, start};

use crate::common::*;
use crate::phone::{Line, Phone, echo, loopback};

fn on_all_addresses() -> RelayConfig {
    let mut config = loopback();
    config.listen = vec!["0.0.0.0:0".parse().unwrap(), "[::]:0".parse().unwrap()];
    config
}

/// Where this relay is reached at one of its addresses.
fn at(relay: &RelayHandle, ip: &str) -> SocketAddr {
    let ip: IpAddr = ip.parse().unwrap();
    let mut all = relay.local_addresses().iter();
    let listener = all.find(|all| all.is_ipv4() == ip.is_ipv4()).unwrap();
    SocketAddr::new(ip, listener.port())
}

#[test]
fn answers_and_data_come_from_the_address_that_was_asked() {
    let relay = start(on_all_addresses()).unwrap();
    for (user, ip) in (1..).zip(["127.0.0.1", "127.0.0.2", "::1", "127.0.0.2"]) {
        // Its socket is connected: it hears nobody but whom it asked.
        let (mut phone, peer_socket) = (Phone::new(at(&relay, ip), user, 3), echo());
        let peer_address = peer_socket.local_addr().unwrap().to_string();
        let relayed = phone.allocate();
        phone.request(CHANNEL_BIND, &[channel(0x4001), peer(&peer_address)]);
        phone.line.send(&channel_data(0x4001, b"up"));
        assert_eq!(peer_socket.recv_from(&mut [0; 9]).unwrap(), (2, relayed));
        peer_socket.send_to(b"down", relayed).unwrap();
        assert_eq!(phone.receive(), channel_data(0x4001, b"down"));
    }
}

#[test]
fn one_socket_that_asks_at_two_addresses_has_two_allocations() {
    let relay = start(on_all_addresses()).unwrap();
    let mut phone = Phone::new(at(&relay, "127.0.0.1"), 7, 3);
    let first = phone.allocate();
    // The port stays, and so one half of the 5-tuple does.
    let Line::Datagrams(socket) = &phone.line else {
        unreachable!("it comes over UDP");
    };
    socket.connect(at(&relay, "127.0.0.2")).unwrap();
    phone.caller.nonce.clear();
    assert_ne!(phone.allocate(), first);
}

#[test]
fn nobody_else_gets_the_port_of_all_addresses() {
    let relay = start(on_all_addresses()).unwrap();
    Phone::new(at(&relay, "127.0.0.2"), 7, 3).allocate();
    for ip in ["127.0.0.1", "127.0.0.2"] {
        assert!(UdpSocket::bind(at(&relay, ip)).is_err());
    }
    let mut config = loopback();
    config.listen = vec![relay.local_addresses()[0]];
    let error = start(config).unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
}
