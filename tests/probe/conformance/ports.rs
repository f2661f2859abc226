//! EVEN-PORT, RESERVATION-TOKEN and DONT-FRAGMENT (RFC 8656 §7.2, §14).

use super::{Rows, Stage};
use crate::client::relayed;
use crate::table::row;
use crate::wire::{ALLOCATE, DONT_FRAGMENT, TOKEN, even_port, family, raw, udp};

pub(super) fn rows() -> Rows {
    vec![
        row("EVEN-PORT", "even", |stage: &Stage| {
            let mut client = stage.client();
            let port = relayed(&client.allocate_with(&[even_port(false)])?)?.port();
            Ok(parity(port).to_owned())
        }),
        row(
            "EVEN-PORT that reserves the next",
            "even, token of 8 bytes",
            |stage: &Stage| {
                let reply = stage.client().allocate_with(&[even_port(true)])?;
                let port = relayed(&reply)?.port();
                let token = reply.get(TOKEN).ok_or("no token")?;
                Ok(format!("{}, token of {} bytes", parity(port), token.len()))
            },
        ),
        row(
            "Allocate with that RESERVATION-TOKEN",
            "the next port",
            |stage: &Stage| {
                let reply = stage.client().allocate_with(&[even_port(true)])?;
                let first = relayed(&reply)?.port();
                let token = reply.get(TOKEN).ok_or("no token")?;
                let second = stage.client().allocate_with(&[raw(TOKEN, token)])?;
                Ok(match relayed(&second)?.port().checked_sub(first) {
                    Some(1) => "the next port".to_owned(),
                    _ => "another port".to_owned(),
                })
            },
        ),
        row(
            "that RESERVATION-TOKEN a second time",
            "508",
            |stage: &Stage| {
                let reply = stage.client().allocate_with(&[even_port(true)])?;
                let token = raw(TOKEN, reply.get(TOKEN).ok_or("no token")?);
                let _second = stage.client().allocate_with(std::slice::from_ref(&token))?;
                Ok(stage.client().word(ALLOCATE, &[udp(), token]))
            },
        ),
        row("unknown RESERVATION-TOKEN", "508", |stage: &Stage| {
            Ok(stage.client().word(ALLOCATE, &[udp(), unknown_token()]))
        }),
        row(
            "RESERVATION-TOKEN with EVEN-PORT",
            "400",
            |stage: &Stage| {
                let attributes = [udp(), unknown_token(), even_port(false)];
                Ok(stage.client().word(ALLOCATE, &attributes))
            },
        ),
        row(
            "RESERVATION-TOKEN with REQUESTED-ADDRESS-FAMILY",
            "400",
            |stage: &Stage| {
                let attributes = [udp(), unknown_token(), family(1)];
                Ok(stage.client().word(ALLOCATE, &attributes))
            },
        ),
        row("Allocate with DONT-FRAGMENT", "success", |stage: &Stage| {
            Ok(stage
                .client()
                .word(ALLOCATE, &[udp(), raw(DONT_FRAGMENT, &[])]))
        }),
        row("Send with DONT-FRAGMENT", "delivered", |stage: &Stage| {
            let (mut client, peer) = stage.allocated()?;
            client.permit(peer.address())?;
            client.send_with(peer.address(), b"whole", &[raw(DONT_FRAGMENT, &[])]);
            client.send(peer.address(), b"plain");
            let (first, _) = peer.hear().ok_or("nothing passes")?;
            Ok(if first == b"whole" {
                "delivered"
            } else {
                "dropped"
            }
            .to_owned())
        }),
    ]
}

fn parity(port: u16) -> &'static str {
    if port.is_multiple_of(2) {
        "even"
    } else {
        "odd"
    }
}

fn unknown_token() -> crate::wire::Attribute {
    raw(TOKEN, b"no token")
}
