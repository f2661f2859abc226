//! IPv4 and IPv6 (RFC 8656 §6, §7.2, §9).

use std::net::SocketAddr;

use super::{Rows, Stage};
use crate::client::{Client, Data, address_error, relayed};
use crate::peer::Peer;
use crate::table::row;
use crate::wire::{
    ALLOCATE, Attribute, CHANNEL_BIND, CREATE_PERMISSION, MAPPED, REFRESH, RELAYED, Reply, TOKEN,
    additional, channel, even_port, family, raw, udp,
};

pub(super) fn rows() -> Rows {
    vec![
        row("REQUESTED-ADDRESS-FAMILY IPv4", "IPv4", |stage: &Stage| {
            Ok(families(&stage.client().allocate_with(&[family(1)])?))
        }),
        row("REQUESTED-ADDRESS-FAMILY IPv6", "IPv6", |stage: &Stage| {
            Ok(families(&stage.client().allocate_with(&[family(2)])?))
        }),
        row(
            "REQUESTED-ADDRESS-FAMILY IPv6, no IPv6 relay",
            "440",
            |stage: &Stage| Ok(Client::new(&stage.v4).word(ALLOCATE, &[udp(), family(2)])),
        ),
        row(
            "REQUESTED-ADDRESS-FAMILY unknown",
            "440",
            |stage: &Stage| Ok(stage.client().word(ALLOCATE, &[udp(), family(7)])),
        ),
        row(
            "data over an IPv6 allocation",
            "both ways",
            |stage: &Stage| {
                let mut client = stage.client();
                let relayed = relayed(&client.allocate_with(&[family(2)])?)?;
                both_ways(&mut client, relayed, "::1")
            },
        ),
        row(
            "ADDITIONAL-ADDRESS-FAMILY IPv6",
            "IPv4 and IPv6",
            |stage: &Stage| Ok(families(&stage.client().allocate_with(&[additional(2)])?)),
        ),
        row(
            "data over both addresses of one allocation",
            "both ways, both ways",
            |stage: &Stage| {
                let mut client = stage.client();
                let reply = client.allocate_with(&[additional(2)])?;
                let &[first, second] = reply.addresses(RELAYED).as_slice() else {
                    return Ok(families(&reply));
                };
                let (v4, v6) = if first.is_ipv4() {
                    (first, second)
                } else {
                    (second, first)
                };
                let over_v4 = both_ways(&mut client, v4, "127.0.0.1")?;
                Ok(format!("{over_v4}, {}", both_ways(&mut client, v6, "::1")?))
            },
        ),
        row(
            "ADDITIONAL-ADDRESS-FAMILY IPv6, no IPv6 relay",
            "IPv4, ADDRESS-ERROR-CODE 440",
            |stage: &Stage| {
                let reply = Client::new(&stage.v4).allocate_with(&[additional(2)])?;
                let error = address_error(&reply);
                let error = error.map_or_else(|| "none".to_owned(), |code| code.to_string());
                Ok(format!("{}, ADDRESS-ERROR-CODE {error}", families(&reply)))
            },
        ),
        row("ADDITIONAL-ADDRESS-FAMILY IPv4", "400", |stage: &Stage| {
            Ok(stage.client().word(ALLOCATE, &[udp(), additional(1)]))
        }),
        row(
            "REQUESTED- and ADDITIONAL-ADDRESS-FAMILY",
            "400",
            |stage: &Stage| {
                Ok(stage
                    .client()
                    .word(ALLOCATE, &[udp(), family(1), additional(2)]))
            },
        ),
        row(
            "ADDITIONAL-ADDRESS-FAMILY with EVEN-PORT that reserves",
            "400",
            |stage: &Stage| {
                let attributes = [udp(), additional(2), even_port(true)];
                Ok(stage.client().word(ALLOCATE, &attributes))
            },
        ),
        row(
            "ADDITIONAL-ADDRESS-FAMILY with RESERVATION-TOKEN",
            "400",
            |stage: &Stage| {
                let attributes = [udp(), additional(2), raw(TOKEN, b"no token")];
                Ok(stage.client().word(ALLOCATE, &attributes))
            },
        ),
        row(
            "Refresh of a family the allocation lacks",
            "443",
            |stage: &Stage| {
                let (mut client, _) = stage.allocated()?;
                Ok(client.word(REFRESH, &[family(2)]))
            },
        ),
        row(
            "Refresh of the family the allocation has",
            "success",
            |stage: &Stage| {
                let (mut client, _) = stage.allocated()?;
                Ok(client.word(REFRESH, &[family(1)]))
            },
        ),
        row(
            "CreatePermission, IPv6 peer, IPv4 allocation",
            "443",
            |stage: &Stage| {
                let (mut client, _) = stage.allocated()?;
                Ok(client.word(CREATE_PERMISSION, &[stranger("[2606:4700:4700::1111]:9")]))
            },
        ),
        row(
            "ChannelBind, IPv6 peer, IPv4 allocation",
            "443",
            |stage: &Stage| {
                let (mut client, _) = stage.allocated()?;
                let peer = stranger("[2606:4700:4700::1111]:9");
                Ok(client.word(CHANNEL_BIND, &[channel(0x4000), peer]))
            },
        ),
        row(
            "CreatePermission, IPv4 peer, IPv6 allocation",
            "443",
            |stage: &Stage| {
                let mut client = stage.client();
                client.allocate_with(&[family(2)])?;
                Ok(client.word(CREATE_PERMISSION, &[stranger("8.8.8.8:9")]))
            },
        ),
        row(
            "ChannelBind, IPv4 peer, IPv6 allocation",
            "443",
            |stage: &Stage| {
                let mut client = stage.client();
                client.allocate_with(&[family(2)])?;
                Ok(client.word(CHANNEL_BIND, &[channel(0x4000), stranger("8.8.8.8:9")]))
            },
        ),
        row(
            "XOR-MAPPED-ADDRESS in an Allocate success",
            "our address",
            |stage: &Stage| {
                let mut client = stage.client();
                let reply = client.allocate_with(&[])?;
                let ours = reply.addresses(MAPPED) == [client.local()];
                Ok(if ours {
                    "our address"
                } else {
                    "another or none"
                }
                .to_owned())
            },
        ),
    ]
}

/// Somebody to whom nothing is ever sent.
fn stranger(address: &str) -> Attribute {
    Attribute::Peer(address.parse().unwrap())
}

fn families(reply: &Reply) -> String {
    let all = reply.addresses(RELAYED);
    let words: Vec<_> = all
        .iter()
        .map(|address| if address.is_ipv4() { "IPv4" } else { "IPv6" })
        .collect();
    words.join(" and ")
}

fn both_ways(client: &mut Client<'_>, relayed: SocketAddr, at: &str) -> Result<String, String> {
    let peer = Peer::at(at);
    client.permit(peer.address())?;
    client.send(peer.address(), b"there");
    let (there, from) = peer.hear().ok_or("nothing reaches the peer")?;
    peer.say(relayed, b"back");
    let back = client.data().ok_or("nothing comes back")?;
    let right = there == b"there"
        && from == relayed
        && back == Data::Indication(peer.address(), b"back".to_vec());
    Ok(if right { "both ways" } else { "garbled" }.to_owned())
}
