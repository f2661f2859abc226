//! Our own relay address as a peer: another allocation lives there, and
//! nothing else of this host may be reached through it. Permissions ignore
//! ports, so each packet is judged.

use std::net::{SocketAddr, UdpSocket};

use super::Side;
use crate::client::{Client, Data};
use crate::peer::Peer;
use crate::table::{Cell, Row, row};
use crate::target::Target;
use crate::wire::{BINDING, Message};

pub(super) fn rows<'a>() -> Vec<Row<Side<'a>>> {
    vec![
        row(
            "our listener, through our relay",
            "permitted, unreached",
            |side: &Side<'_>| unanswered(side.own, side.own.port("TURN_PORT")),
        ),
        row(
            "our port for rooms, through our relay",
            "permitted, unreached",
            |side: &Side<'_>| {
                let port = side.own.port("TURN_MIN_PORT");
                // Where rooms are, they do not speak to strangers.
                let cell = to_a_socket(side.own, [port]);
                cell.or_else(|_| unanswered(side.own, port))
            },
        ),
        row(
            "a dead relay port of ours",
            "permitted, unreached",
            |side: &Side<'_>| {
                let last = side.own.port("TURN_MAX_PORT");
                to_a_socket(side.own, (last - 9..=last).rev())
            },
        ),
        row(
            "another service of this host",
            "permitted, unreached",
            |side: &Side<'_>| to_a_socket(side.own, [0]),
        ),
        row(
            "from another service of this host",
            "dropped",
            |side: &Side<'_>| {
                let mut client = Client::new(side.own);
                let relayed = client.allocate()?;
                let service = Peer::new();
                client.permit(service.address())?;
                service.say(relayed, b"in");
                Ok(if client.stray_data().is_some() {
                    "heard"
                } else {
                    "dropped"
                }
                .to_owned())
            },
        ),
        row(
            "a live relay port of ours",
            "arrives, and the answer too",
            |side: &Side<'_>| {
                let (mut one, mut two) = (Client::new(side.own), Client::new(side.own));
                let (first, second) = (one.allocate()?, two.allocate()?);
                one.permit(second)?;
                two.permit(first)?;
                one.send(second, b"there");
                let there = two.data() == Some(Data::Indication(first, b"there".to_vec()));
                two.send(first, b"back");
                let back = one.data() == Some(Data::Indication(second, b"back".to_vec()));
                Ok(match (there, back) {
                    (true, true) => "arrives, and the answer too".to_owned(),
                    (there, back) => format!("there {there}, back {back}"),
                })
            },
        ),
        row(
            "a live relay port that did not permit us",
            "dropped",
            |side: &Side<'_>| {
                let (mut one, mut two) = (Client::new(side.own), Client::new(side.own));
                one.allocate()?;
                let second = two.allocate()?;
                one.permit(second)?;
                one.send(second, b"in");
                Ok(if two.stray_data().is_some() {
                    "heard"
                } else {
                    "dropped"
                }
                .to_owned())
            },
        ),
    ]
}

/// A client that may send to this port of the relay's address, by permission
/// and on channel 0x4001.
fn permitted(target: &Target, port: u16) -> Result<(Client<'_>, SocketAddr), String> {
    let mut client = Client::new(target);
    let at = SocketAddr::new(client.allocate()?.ip(), port);
    client.permit(at)?;
    client.bind(0x4001, at)?;
    Ok((client, at))
}

/// Whether whoever has this port answers to our relay port when it is asked.
fn unanswered(target: &Target, port: u16) -> Cell {
    let (mut client, at) = permitted(target, port)?;
    let question = Message::new(BINDING, &[]).bytes;
    client.send(at, &question);
    client.send_on(0x4001, &question);
    Ok(word(client.stray_data().is_some()))
}

/// Whether a socket of this test hears what is sent to it: on the first of the
/// ports that nobody has.
fn to_a_socket(target: &Target, ports: impl IntoIterator<Item = u16>) -> Cell {
    let free = |port| UdpSocket::bind(("127.0.0.1", port)).ok();
    let service = ports.into_iter().find_map(free);
    let service = Peer(service.ok_or("the port is taken")?);
    let (mut client, at) = permitted(target, service.address().port())?;
    client.send(at, b"in");
    client.send_on(0x4001, b"in");
    // Answered after it was judged.
    let _ = client.ask(&Message::new(BINDING, &[]).bytes);
    Ok(word(service.stray().is_some()))
}

fn word(reached: bool) -> String {
    format!(
        "permitted, {}",
        if reached { "reached" } else { "unreached" }
    )
}
