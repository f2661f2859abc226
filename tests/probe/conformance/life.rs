//! How long an allocation lives, and whose it is (RFC 8656 §5, §7.2, §8).

use super::{Rows, Stage};
use crate::client::lifetime_of;
use crate::peer::Peer;
use crate::table::row;
use crate::wire::{
    ALLOCATE, Attribute, CHANNEL_BIND, CREATE_PERMISSION, REFRESH, channel, lifetime, udp,
};

/// What is asked for, and what is granted.
const LIFETIMES: [(Option<u32>, &str); 5] = [
    (Some(7200), "3600"),
    (Some(3600), "3600"),
    (Some(1200), "1200"),
    (Some(1), "600"),
    (None, "600"),
];

pub(super) fn rows() -> Rows {
    let mut rows = Vec::new();
    for (asked, granted) in LIFETIMES {
        let what = asked.map_or_else(|| "absent".to_owned(), |asked| asked.to_string());
        let attributes: Vec<_> = asked.map(lifetime).into_iter().collect();
        let again = attributes.clone();
        rows.push(row(
            format!("Allocate, LIFETIME {what}"),
            granted,
            move |stage: &Stage| lifetime_of(&stage.client().allocate_with(&attributes)?),
        ));
        rows.push(row(
            format!("Refresh, LIFETIME {what}"),
            granted,
            move |stage: &Stage| {
                let (mut client, _) = stage.allocated()?;
                lifetime_of(&client.request(REFRESH, &again).success("Refresh")?)
            },
        ));
    }
    rows.extend([
        row(
            "Refresh with LIFETIME 0, then the same",
            "0, then 437",
            |stage: &Stage| {
                let (mut client, _) = stage.allocated()?;
                let ended = client.request(REFRESH, &[lifetime(0)]).success("Refresh")?;
                let again = client.word(REFRESH, &[lifetime(0)]);
                Ok(format!("{}, then {again}", lifetime_of(&ended)?))
            },
        ),
        row(
            "after Refresh 0: data, CreatePermission, Allocate",
            "dead, 437, success",
            |stage: &Stage| {
                let (mut client, peer) = stage.allocated()?;
                client.bind(0x4001, peer.address())?;
                client.send_on(0x4001, b"before");
                peer.hear().ok_or("nothing passed before")?;
                client.request(REFRESH, &[lifetime(0)]).success("Refresh")?;
                client.send_on(0x4001, b"after");
                client.send(peer.address(), b"after");
                let permission = client.word(CREATE_PERMISSION, &[Attribute::Peer(peer.address())]);
                let data = if peer.stray().is_some() {
                    "passes"
                } else {
                    "dead"
                };
                Ok(format!(
                    "{data}, {permission}, {}",
                    client.word(ALLOCATE, &[udp()])
                ))
            },
        ),
        row("Refresh without an allocation", "437", |stage: &Stage| {
            Ok(stage.client().word(REFRESH, &[]))
        }),
        row(
            "CreatePermission without an allocation",
            "437",
            |stage: &Stage| {
                let peer = Attribute::Peer(Peer::new().address());
                Ok(stage.client().word(CREATE_PERMISSION, &[peer]))
            },
        ),
        row(
            "ChannelBind without an allocation",
            "437",
            |stage: &Stage| {
                let peer = Attribute::Peer(Peer::new().address());
                Ok(stage.client().word(CHANNEL_BIND, &[channel(0x4000), peer]))
            },
        ),
        row("Refresh by another user", "441", |stage: &Stage| {
            let (mut client, _) = stage.allocated()?;
            client.become_user(1);
            Ok(client.word(REFRESH, &[]))
        }),
        row(
            "CreatePermission by another user",
            "441",
            |stage: &Stage| {
                let (mut client, peer) = stage.allocated()?;
                client.become_user(1);
                Ok(client.word(CREATE_PERMISSION, &[Attribute::Peer(peer.address())]))
            },
        ),
        row("ChannelBind by another user", "441", |stage: &Stage| {
            let (mut client, peer) = stage.allocated()?;
            client.become_user(1);
            let peer = Attribute::Peer(peer.address());
            Ok(client.word(CHANNEL_BIND, &[channel(0x4000), peer]))
        }),
    ]);
    rows
}
