//! A small internet: our server on it, and two houses behind a NAT each.
//!
//! ```text
//! caller 10.0.2.2 -- NAT 11.0.0.2 --+-- server 11.0.0.1 and 11.0.0.9
//! caller 10.0.3.2 -- NAT 11.0.0.3 --+
//! ```
//!
//! The outer addresses are ordinary public ones, so the relay's peer policy
//! holds as it is shipped.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;
use tokio::net::UdpSocket;

use crate::namespace::Namespace;
use crate::server::{Server, Setup};

const SERVER: Ipv4Addr = Ipv4Addr::new(11, 0, 0, 1);
/// The server's other address, a second destination to be seen from.
const OTHER: Ipv4Addr = Ipv4Addr::new(11, 0, 0, 9);

/// How a NAT chooses the outer port of a packet from inside.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mapping {
    /// Another one for each destination.
    Symmetric,
    /// The inner one, whatever the destination.
    SamePort,
}

/// The server, and two houses.
pub(crate) struct World {
    pub(crate) server: Server,
    /// Where the server runs.
    pub(crate) internet: Namespace,
    pub(crate) sara: House,
    pub(crate) omid: House,
}

impl World {
    /// Each NAT loses `loss` of 1,000 UDP packets that pass through it, in
    /// either direction. What one caller sends to the other passes both NATs
    /// once: out of one house, into the other.
    ///
    /// `None` when these tests were called off.
    pub(crate) fn new(mapping: Mapping, loss: u32) -> Option<Self> {
        if std::env::var_os("PAYAMBAR_WITHOUT_ROOT").is_some_and(|value| value == "1") {
            println!("skipped: PAYAMBAR_WITHOUT_ROOT=1");
            return None;
        }
        let internet = Namespace::new();
        internet.ip(&format!(
            "link add wan type bridge\n\
             addr add {SERVER}/24 dev wan\n\
             addr add {OTHER}/24 dev wan\n\
             link set wan up\n"
        ));
        let sara = House::new(&internet, 2, mapping, loss);
        let omid = House::new(&internet, 3, mapping, loss);
        let server = internet.inside(|| {
            let setup = Setup::new().unset("RATE_LIMIT");
            let setup = setup.set("TURN_LISTEN", &format!("{SERVER},{OTHER}"));
            setup.set("TURN_EXTERNAL_IP", &SERVER.to_string()).start()
        });
        Some(Self {
            server,
            internet,
            sara,
            omid,
        })
    }

    /// Where the server answers STUN: two addresses of it.
    pub(crate) fn stun(&self) -> [SocketAddr; 2] {
        let port = self.server.setup.get("TURN_PORT").parse().unwrap();
        [SERVER, OTHER].map(|ip| SocketAddr::from((ip, port)))
    }

    /// UDP packets both NATs have lost on purpose.
    pub(crate) fn lost(&self) -> usize {
        self.sara.count("lost") + self.omid.count("lost")
    }
}

/// A caller behind a NAT.
pub(crate) struct House {
    caller: Namespace,
    nat: Namespace,
    inner: Ipv4Addr,
    /// The NAT's address on the internet.
    pub(crate) outer: IpAddr,
}

impl House {
    fn new(internet: &Namespace, number: u8, mapping: Mapping, loss: u32) -> Self {
        let house = Self {
            caller: Namespace::new(),
            nat: Namespace::new(),
            inner: Ipv4Addr::new(10, 0, number, 2),
            outer: IpAddr::from([11, 0, 0, number]),
        };
        let (inner, outer, gateway) = (house.inner, house.outer, Ipv4Addr::new(10, 0, number, 1));
        house.nat.ip(&format!(
            "link add lan type veth peer name lan netns {}\n\
             link add wan type veth peer name house{number} netns {}\n\
             addr add {gateway}/24 dev lan\n\
             addr add {outer}/24 dev wan\n\
             link set lan up\n\
             link set wan up\n",
            house.caller.path(),
            internet.path()
        ));
        internet.ip(&format!("link set house{number} master wan up\n"));
        house.caller.ip(&format!(
            "addr add {inner}/24 dev lan\n\
             link set lan up\n\
             route add default via {gateway}\n"
        ));
        let forward = || std::fs::write("/proc/sys/net/ipv4/ip_forward", "1");
        let forwards = house.nat.inside(forward);
        forwards.expect("these tests turn ip_forward on in namespaces of their own");
        house.nat.nft(&["-f", "-"], &rules(mapping, loss));
        house
    }

    /// A UDP socket of the caller.
    pub(crate) fn socket(&self) -> UdpSocket {
        self.caller.socket(self.inner)
    }

    /// Packets for the NAT itself, which belonged to nothing from inside.
    pub(crate) fn turned_away(&self) -> usize {
        self.count("turned_away")
    }

    fn count(&self, counter: &str) -> usize {
        let words = ["-j", "list", "counter", "ip", "house", counter];
        let answer: Value = serde_json::from_str(&self.nat.nft(&words, "")).unwrap();
        let packets = answer["nftables"][1]["counter"]["packets"].as_u64();
        usize::try_from(packets.unwrap()).unwrap()
    }
}

/// What knocks from outside is dropped, not answered, as routers at home do:
/// so it leaves no trace that would keep a later packet from inside off that
/// port.
fn rules(mapping: Mapping, loss: u32) -> String {
    let how = match mapping {
        Mapping::Symmetric => "fully-random",
        Mapping::SamePort => "",
    };
    format!(
        r#"table ip house {{
    counter lost {{
    }}
    counter turned_away {{
    }}
    chain outwards {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" masquerade {how}
    }}
    chain through {{
        type filter hook forward priority filter; policy accept;
        meta l4proto udp numgen random mod 1000 < {loss} counter name lost drop
    }}
    chain knock {{
        type filter hook input priority filter; policy accept;
        iifname "wan" meta l4proto udp counter name turned_away drop
    }}
}}
"#
    )
}
