//! ChannelBind (RFC 8656 §12).

use super::{Rows, Stage};
use crate::client::Data;
use crate::peer::Peer;
use crate::table::row;
use crate::wire::{Attribute, CHANNEL_BIND, CHANNEL_NUMBER, channel, raw};

/// Channel numbers, and the answers to them.
const NUMBERS: [(u16, &str); 5] = [
    (0x3FFF, "400"),
    (0x4000, "success"),
    (0x4FFF, "success"),
    (0x5000, "400"),
    (0x7FFF, "400"),
];

pub(super) fn rows() -> Rows {
    let mut rows = vec![
        row(
            "ChannelBind, number bound to another peer",
            "400",
            |stage: &Stage| {
                let (mut client, peer) = stage.allocated()?;
                client.bind(0x4001, peer.address())?;
                let other = Attribute::Peer(Peer::new().address());
                Ok(client.word(CHANNEL_BIND, &[channel(0x4001), other]))
            },
        ),
        row(
            "ChannelBind, peer bound to another number",
            "400",
            |stage: &Stage| {
                let (mut client, peer) = stage.allocated()?;
                client.bind(0x4001, peer.address())?;
                let peer = Attribute::Peer(peer.address());
                Ok(client.word(CHANNEL_BIND, &[channel(0x4002), peer]))
            },
        ),
        row("ChannelBind, the same again", "success", |stage: &Stage| {
            let (mut client, peer) = stage.allocated()?;
            client.bind(0x4001, peer.address())?;
            let peer = Attribute::Peer(peer.address());
            Ok(client.word(CHANNEL_BIND, &[channel(0x4001), peer]))
        }),
        row("ChannelBind without a number", "400", |stage: &Stage| {
            let (mut client, peer) = stage.allocated()?;
            Ok(client.word(CHANNEL_BIND, &[Attribute::Peer(peer.address())]))
        }),
        row(
            "ChannelBind, a number of two bytes",
            "400",
            |stage: &Stage| {
                let (mut client, peer) = stage.allocated()?;
                let number = raw(CHANNEL_NUMBER, &[0x40, 0x01]);
                Ok(client.word(CHANNEL_BIND, &[number, Attribute::Peer(peer.address())]))
            },
        ),
        row("ChannelBind without a peer", "400", |stage: &Stage| {
            let (mut client, _) = stage.allocated()?;
            Ok(client.word(CHANNEL_BIND, &[channel(0x4001)]))
        }),
        row(
            "a bound peer is heard on its channel",
            "on channel 0x4001",
            |stage: &Stage| {
                let mut client = stage.client();
                let relayed = client.allocate()?;
                let peer = Peer::new();
                client.bind(0x4001, peer.address())?;
                peer.say(relayed, b"back");
                Ok(match client.data().ok_or("nothing passes")? {
                    Data::Channel(number, _) => format!("on channel {number:#06x}"),
                    Data::Indication(..) => "in an indication".to_owned(),
                })
            },
        ),
    ];
    rows.extend(NUMBERS.map(|(number, expected)| {
        row(
            format!("ChannelBind {number:#06X}"),
            expected,
            move |stage: &Stage| {
                let (mut client, peer) = stage.allocated()?;
                let peer = Attribute::Peer(peer.address());
                Ok(client.word(CHANNEL_BIND, &[channel(number), peer]))
            },
        )
    }));
    rows
}
