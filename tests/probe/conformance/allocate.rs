//! Allocate (RFC 8656 §7), and how many of them.

use super::{Rows, Stage};
use crate::client::{Client, relayed};
use crate::table::row;
use crate::target::Target;
use crate::wire::{ALLOCATE, CONNECT, TRANSPORT, lifetime, raw, udp};

/// More than the tiny range has.
const MANY: usize = 12;

pub(super) fn rows() -> Rows {
    vec![
        row(
            "Allocate without REQUESTED-TRANSPORT",
            "400",
            |stage: &Stage| Ok(stage.client().word(ALLOCATE, &[])),
        ),
        row(
            "Allocate, REQUESTED-TRANSPORT of two bytes",
            "400",
            |stage: &Stage| Ok(stage.client().word(ALLOCATE, &[raw(TRANSPORT, &[17, 0])])),
        ),
        row(
            "Allocate, REQUESTED-TRANSPORT TCP",
            "442",
            |stage: &Stage| {
                Ok(stage
                    .client()
                    .word(ALLOCATE, &[raw(TRANSPORT, &[6, 0, 0, 0])]))
            },
        ),
        row(
            "the same Allocate again",
            "success, same relayed address",
            |stage: &Stage| {
                let mut client = stage.client();
                client.challenge()?;
                let asked = client.signed(ALLOCATE, &[udp()]).bytes;
                let first = relayed(&client.ask(&asked).success("first")?)?;
                let second = relayed(&client.ask(&asked).success("second")?)?;
                let same = if first == second { "same" } else { "another" };
                Ok(format!("success, {same} relayed address"))
            },
        ),
        row(
            "another Allocate on the same 5-tuple",
            "437",
            |stage: &Stage| {
                let (mut client, _) = stage.allocated()?;
                Ok(client.word(ALLOCATE, &[udp(), lifetime(700)]))
            },
        ),
        row(
            "Connect of RFC 6062 on an allocation",
            "400",
            |stage: &Stage| {
                let (mut client, peer) = stage.allocated()?;
                let peer = crate::wire::Attribute::Peer(peer.address());
                Ok(client.word(CONNECT, &[peer]))
            },
        ),
        row(
            "allocations of one user where two are allowed",
            "success, success, 486",
            |stage: &Stage| {
                let mut clients: Vec<_> = (0..3).map(|_| Client::new(&stage.strict)).collect();
                let words = clients
                    .iter_mut()
                    .map(|client| client.word(ALLOCATE, &[udp()]));
                Ok(words.collect::<Vec<_>>().join(", "))
            },
        ),
        row(
            "another user then, where two are allowed",
            "success",
            |stage: &Stage| {
                let mut other = Client::of(&stage.strict, 1, "127.0.0.1");
                Ok(other.word(ALLOCATE, &[udp()]))
            },
        ),
        row("all ports in use", "508", |stage: &Stage| {
            exhaust(&stage.tiny)
        }),
    ]
}

/// Allocates until it is refused; says how.
fn exhaust(target: &Target) -> Result<String, String> {
    let mut clients: Vec<_> = (0..MANY).map(|_| Client::new(target)).collect();
    let mut words = clients
        .iter_mut()
        .map(|client| client.word(ALLOCATE, &[udp()]));
    let refusal = words.find(|word| word != "success");
    Ok(refusal.unwrap_or_else(|| format!("{MANY} allocations")))
}
