//! CreatePermission (RFC 8656 §9, §10).

use super::{Rows, Stage};
use crate::client::Data;
use crate::peer::Peer;
use crate::table::row;
use crate::wire::{Attribute, CREATE_PERMISSION, PEER, raw};

pub(super) fn rows() -> Rows {
    vec![
        row(
            "CreatePermission for two peers",
            "both reached, both heard",
            |stage: &Stage| {
                let mut client = stage.client();
                let relayed = client.allocate()?;
                let peers = [Peer::at("127.0.0.2"), Peer::at("127.0.0.3")];
                let attributes: Vec<_> = peers
                    .iter()
                    .map(|peer| Attribute::Peer(peer.address()))
                    .collect();
                client
                    .request(CREATE_PERMISSION, &attributes)
                    .success("CreatePermission")?;
                let mut reached = 0;
                let mut heard = 0;
                for peer in &peers {
                    client.send(peer.address(), b"there");
                    reached += usize::from(peer.hear().is_some_and(|(data, _)| data == b"there"));
                    peer.say(relayed, b"back");
                    let back = Data::Indication(peer.address(), b"back".to_vec());
                    heard += usize::from(client.data() == Some(back));
                }
                Ok(match (reached, heard) {
                    (2, 2) => "both reached, both heard".to_owned(),
                    (reached, heard) => format!("{reached} reached, {heard} heard"),
                })
            },
        ),
        row("CreatePermission for none", "400", |stage: &Stage| {
            let (mut client, _) = stage.allocated()?;
            Ok(client.word(CREATE_PERMISSION, &[]))
        }),
        row(
            "CreatePermission, address cut short",
            "400",
            |stage: &Stage| {
                let (mut client, _) = stage.allocated()?;
                Ok(client.word(CREATE_PERMISSION, &[raw(PEER, &[0, 1, 0x21, 0x12])]))
            },
        ),
        row(
            "CreatePermission, one good and one bad address",
            "400, none permitted",
            |stage: &Stage| {
                let (mut client, peer) = stage.allocated()?;
                let attributes = [
                    Attribute::Peer(peer.address()),
                    raw(PEER, &[0, 1, 0x21, 0x12]),
                ];
                let word = client.word(CREATE_PERMISSION, &attributes);
                client.send(peer.address(), b"in");
                let passed = client.stray_data().is_some() || peer.stray().is_some();
                Ok(format!(
                    "{word}, {} permitted",
                    if passed { "one" } else { "none" }
                ))
            },
        ),
        row(
            "a Send indication without a permission",
            "dropped",
            |stage: &Stage| {
                let (mut client, peer) = stage.allocated()?;
                client.send(peer.address(), b"in");
                client.permit(peer.address())?;
                client.send(peer.address(), b"permitted");
                let (first, _) = peer.hear().ok_or("nothing passes")?;
                Ok(if first == b"permitted" {
                    "dropped"
                } else {
                    "passed"
                }
                .to_owned())
            },
        ),
        row("a peer without a permission", "dropped", |stage: &Stage| {
            let mut client = stage.client();
            let relayed = client.allocate()?;
            let (stranger, peer) = (Peer::at("127.0.0.2"), Peer::at("127.0.0.3"));
            client.permit(peer.address())?;
            stranger.say(relayed, b"in");
            peer.say(relayed, b"permitted");
            let first = client.data().ok_or("nothing passes")?;
            Ok(if first.payload() == b"permitted" {
                "dropped"
            } else {
                "passed"
            }
            .to_owned())
        }),
    ]
}
