//! Which peers may be reached when nothing is configured. Nothing is ever sent
//! to an address outside this host.

mod own;

use std::cell::{Cell as Shared, RefCell};
use std::net::SocketAddr;

use crate::client::Client;
use crate::table::{Row, judge, row};
use crate::target::{Options, Over, Target};
use crate::wire::{Attribute, CHANNEL_BIND, CREATE_PERMISSION, channel, family};

const FORBIDDEN_V4: [&str; 43] = [
    "0.0.0.0",
    "0.1.2.3",
    "0.255.255.255",
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.255.255",
    "172.16.0.0",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.1",
    "192.0.2.255",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.1.1",
    "192.168.255.255",
    "198.18.0.0",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "198.51.100.255",
    "203.0.113.1",
    "203.0.113.255",
    "224.0.0.1",
    "224.0.0.251",
    "239.255.255.250",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.254",
    "255.255.255.255",
];

/// Neighbours of the forbidden ranges among them.
const PUBLIC_V4: [&str; 14] = [
    "8.8.8.8",
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
];

const FORBIDDEN_V6: [&str; 36] = [
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:ffff::1",
    "2002:7f00:1::",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:101::1",
    // Teredo, carrying 127.0.0.1 and 192.168.1.1.
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:0:4136:e378:8000:63bf:3f57:fefe",
    "2001:10::1",
    "2001:db8::1",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "3fff::1",
    "100::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff05::1:3",
    "ff0e::1",
];

const PUBLIC_V6: [&str; 3] = [
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450:4001::1",
];

/// One side: a server nothing was configured for, an allocation of each family
/// on it, and a server whose relay address is its listener's.
struct Side<'a> {
    v4: RefCell<Client<'a>>,
    v6: RefCell<Client<'a>>,
    own: &'a Target,
    channels: Shared<u16>,
    checks: Shared<usize>,
    failed: Shared<usize>,
}

impl<'a> Side<'a> {
    fn new(target: &'a Target, own: &'a Target) -> Self {
        let (mut v4, mut v6) = (Client::new(target), Client::new(target));
        v4.allocate().unwrap();
        v6.allocate_with(&[family(2)]).unwrap();
        Self {
            v4: v4.into(),
            v6: v6.into(),
            own,
            channels: Shared::new(0x4000),
            checks: Shared::new(0),
            failed: Shared::new(0),
        }
    }

    /// The answers to CreatePermission and to ChannelBind for this peer.
    fn answers(&self, peer: SocketAddr) -> [String; 2] {
        let client = if peer.is_ipv4() { &self.v4 } else { &self.v6 };
        let mut client = client.borrow_mut();
        let peer = Attribute::Peer(peer);
        let number = channel(self.channels.replace(self.channels.get() + 1));
        [
            client.word(CREATE_PERMISSION, std::slice::from_ref(&peer)),
            client.word(CHANNEL_BIND, &[number, peer]),
        ]
    }
}

fn rows<'a>() -> Vec<Row<Side<'a>>> {
    let mut rows = Vec::new();
    for ip in FORBIDDEN_V4.iter().chain(&FORBIDDEN_V6) {
        let peer = SocketAddr::new(ip.parse().unwrap(), 4000);
        rows.push(row(*ip, "403 / 403", move |side: &Side<'_>| {
            let answers = side.answers(peer);
            let failed = answers.iter().filter(|answer| *answer != "403").count();
            side.checks.set(side.checks.get() + 2);
            side.failed.set(side.failed.get() + failed);
            Ok(answers.join(" / "))
        }));
    }
    for ip in PUBLIC_V4.iter().chain(&PUBLIC_V6) {
        let peer = SocketAddr::new(ip.parse().unwrap(), 4000);
        let name = format!("{ip} (public)");
        rows.push(row(name, "success / success", move |side: &Side<'_>| {
            Ok(side.answers(peer).join(" / "))
        }));
    }
    rows.extend(own::rows());
    let checks = 2 * (FORBIDDEN_V4.len() + FORBIDDEN_V6.len());
    let none = format!("0 of {checks}");
    rows.push(row(
        "forbidden peers that were not refused",
        none,
        |side: &Side<'_>| Ok(format!("{} of {}", side.failed.get(), side.checks.get())),
    ));
    rows
}

#[test]
fn nothing_that_is_not_public_can_be_reached() {
    judge_over(Over::Udp, "policy");
}

/// Feature T3.
#[test]
fn nothing_that_is_not_public_can_be_reached_over_tcp() {
    judge_over(Over::Tcp, "policy over TCP");
}

/// Feature T4.
#[test]
fn nothing_that_is_not_public_can_be_reached_over_tls() {
    judge_over(Over::Tls, "policy over TLS");
}

fn judge_over(over: Over, name: &str) {
    // Neither of our two relay addresses is in the lists: our own relay is a
    // peer that may be asked for.
    let ours = Target::ours(&Options::new(&["127.9.0.1", "fd09::9"]).over(over));
    let own = Options::new(&["127.0.0.1"]).over(over);
    let ours_own = Target::ours(&own);
    let coturn = Target::coturn(&Options::new(&["127.0.0.1", "::1"]).over(over));
    // Opened, to have something to compare with: closed it permits nothing.
    let coturn_own = Target::coturn(&own.open());
    judge(
        name,
        &rows(),
        &Side::new(&ours, &ours_own),
        &Side::new(&coturn, &coturn_own),
    );
}
