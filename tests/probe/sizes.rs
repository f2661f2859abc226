//! Datagrams of every size, from either side: relayed whole or dropped, never
//! cut, and the server lives on. A message on a stream that is too large ends
//! its connection, and nobody else's.

use std::net::SocketAddr;

use crate::client::Client;
use crate::peer::Peer;
use crate::table::{Cell, Row, judge, row};
use crate::target::{Options, Over, Target};
use crate::wire::{BINDING, Message};

const CHANNEL: u16 = 0x4001;

/// The last is the largest that UDP over IPv4 carries.
const SIZES: [usize; 6] = [0, 1500, 2044, 2048, 9000, 65_507];

/// What stands before the payload in ChannelData and in a Send indication to
/// an IPv4 peer.
const CHANNEL_HEADER: usize = 4;
const SEND_HEADER: usize = 36;

/// What becomes of a connection with too large a message.
const ENDED: &str = "dropped, with its connection";

/// What is sent after each, to see the large one left out and not late.
const MARK: &[u8] = b"mark";

fn rows(over: Over) -> Vec<Row<Target>> {
    let mut rows = Vec::new();
    for size in SIZES {
        let largest = *SIZES.last().unwrap();
        let whole = size.saturating_sub(CHANNEL_HEADER);
        // An empty message is none on a stream.
        if over == Over::Udp || size > 0 {
            rows.push(sized(
                format!("client: ChannelData, datagram of {size}"),
                move |target| {
                    from_client(
                        target,
                        |client, _| {
                            if size == 0 {
                                client.tell(&[]);
                            } else {
                                client.send_on(CHANNEL, &payload(whole));
                            }
                        },
                        whole,
                    )
                },
            ));
        }
        let inside = size.min(largest - CHANNEL_HEADER);
        rows.push(sized(
            format!("client: ChannelData, payload of {inside}"),
            move |target| {
                from_client(
                    target,
                    |client, _| client.send_on(CHANNEL, &payload(inside)),
                    inside,
                )
            },
        ));
        // A STUN message is a multiple of four long.
        let inside = size.min((largest - SEND_HEADER) / 4 * 4);
        rows.push(sized(
            format!("client: Send indication, payload of {inside}"),
            move |target| {
                from_client(
                    target,
                    |client, peer| client.send(peer, &payload(inside)),
                    inside,
                )
            },
        ));
        rows.push(sized(
            format!("peer: {size}, on a channel"),
            move |target| from_peer(target, size, true),
        ));
        rows.push(sized(
            format!("peer: {size}, without a channel"),
            move |target| from_peer(target, size, false),
        ));
    }
    rows
}

fn sized(name: String, probe: impl Fn(&Target) -> Cell + 'static) -> Row<Target> {
    row(name, "whole or dropped", probe).met_by(|cell| matches!(cell, "whole" | "dropped" | ENDED))
}

fn payload(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

fn from_client(target: &Target, send: impl Fn(&Client<'_>, SocketAddr), size: usize) -> Cell {
    let (mut client, peer) = (Client::new(target), Peer::new());
    client.allocate()?;
    client.bind(CHANNEL, peer.address())?;
    send(&client, peer.address());
    client.send_on(CHANNEL, MARK);
    if target.over != Over::Udp && alive(&mut client).is_err() {
        alive(&mut Client::new(target))?;
        return match peer.stray() {
            None => Ok(ENDED.to_owned()),
            Some(heard) => Ok(format!("ended after {}", heard.len())),
        };
    }
    let heard = peer.hear().map(|(data, _)| data);
    alive(&mut client)?;
    fate(heard.as_deref(), size)
}

fn from_peer(target: &Target, size: usize, bound: bool) -> Cell {
    let (mut client, peer) = (Client::new(target), Peer::new());
    let relayed = client.allocate()?;
    client.permit(peer.address())?;
    if bound {
        client.bind(CHANNEL, peer.address())?;
    }
    peer.say(relayed, &payload(size));
    peer.say(relayed, MARK);
    let heard = client.data();
    alive(&mut client)?;
    fate(heard.as_ref().map(crate::client::Data::payload), size)
}

fn alive(client: &mut Client<'_>) -> Result<(), String> {
    match client
        .ask(&Message::new(BINDING, &[]).bytes)
        .word()
        .as_str()
    {
        "success" => Ok(()),
        other => Err(format!("the server is {other}")),
    }
}

fn fate(heard: Option<&[u8]>, size: usize) -> Cell {
    match heard {
        None => Err("nothing passes any more".to_owned()),
        Some(heard) if heard == payload(size) => Ok("whole".to_owned()),
        Some(MARK) => Ok("dropped".to_owned()),
        Some(heard) => Ok(format!("cut to {}", heard.len())),
    }
}

#[test]
fn datagrams_are_relayed_whole_or_not_at_all() {
    judge_over(Over::Udp, "sizes");
}

/// Feature T3.
#[test]
fn messages_over_tcp_are_relayed_whole_or_not_at_all() {
    judge_over(Over::Tcp, "sizes over TCP");
}

/// Feature T4.
#[test]
fn messages_over_tls_are_relayed_whole_or_not_at_all() {
    judge_over(Over::Tls, "sizes over TLS");
}

fn judge_over(over: Over, name: &str) {
    let options = Options::new(&["127.0.0.1"]).open().over(over);
    judge(
        name,
        &rows(over),
        &Target::ours(&options),
        &Target::coturn(&options),
    );
}
