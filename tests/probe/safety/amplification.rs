//! How much larger answers are than what a stranger asked, in payload bytes.

use std::net::UdpSocket;

use super::{Rows, Stage};
use crate::server::PATIENCE;
use crate::table::row;
use crate::target::Target;
use crate::wire::{
    ALLOCATE, BINDING, CHANNEL_BIND, CONNECT, CREATE_PERMISSION, INTEGRITY, MEANINGLESS, Message,
    NONCE, REALM, REFRESH, USERNAME, raw, udp,
};

/// The largest answer, as a multiple of its question.
const MOST: f64 = 3.5;

/// A method nobody has.
const NO_METHOD: u16 = 0x2EEF;

pub(super) fn rows() -> Rows {
    shapes()
        .into_iter()
        .map(|(name, message)| {
            let marked = message.clone().fingerprinted(0).bytes;
            let name = format!("answer to {name}, without and with FINGERPRINT");
            row(name, "≤ 3.5 times each", move |stage: &Stage| {
                let factors = [&message.bytes, &marked].map(|asked| factor(&stage.patient, asked));
                Ok(factors.map(|factor| format!("{factor:.2}")).join(", "))
            })
            .met_by(|cell| {
                let factors = cell.split(", ").map(str::parse::<f64>);
                factors
                    .into_iter()
                    .all(|factor| factor.is_ok_and(|factor| factor <= MOST))
            })
        })
        .collect()
}

fn shapes() -> Vec<(&'static str, Message)> {
    // The smallest attribute of its kind, many times over.
    let many = vec![raw(MEANINGLESS, &[]); 200];
    let different: Vec<_> = (0..200).map(|n| raw(0x7000 + n, &[])).collect();
    let credential = |kind| {
        Message::new(kind, &[])
            .add(USERNAME, b"x")
            .add(REALM, b"x")
            .add(NONCE, b"x")
            .signed(b"no key")
    };
    vec![
        ("a bare Binding", Message::new(BINDING, &[])),
        (
            "a Binding with 200 times an unknown attribute",
            Message::new(BINDING, &many),
        ),
        (
            "a Binding with 200 unknown attributes",
            Message::new(BINDING, &different),
        ),
        (
            "a Binding with one unknown attribute",
            Message::new(BINDING, &many[..1]),
        ),
        ("a bare Allocate", Message::new(ALLOCATE, &[])),
        ("an Allocate", Message::new(ALLOCATE, &[udp()])),
        (
            "an Allocate with 200 unknown attributes",
            Message::new(ALLOCATE, &different),
        ),
        (
            "an Allocate with integrity alone",
            Message::new(ALLOCATE, &[]).signed(b"no key"),
        ),
        (
            "an Allocate with integrity of no length",
            Message::new(ALLOCATE, &[raw(INTEGRITY, &[])]),
        ),
        ("an Allocate with a wrong credential", credential(ALLOCATE)),
        ("a bare Refresh", Message::new(REFRESH, &[])),
        ("a Refresh with a wrong credential", credential(REFRESH)),
        (
            "a bare CreatePermission",
            Message::new(CREATE_PERMISSION, &[]),
        ),
        ("a bare ChannelBind", Message::new(CHANNEL_BIND, &[])),
        ("a bare Connect", Message::new(CONNECT, &[])),
        ("a bare request of no method", Message::new(NO_METHOD, &[])),
        ("a bare Send as a request", Message::new(0x0006, &[])),
        ("a bare Binding indication", Message::new(0x0011, &[])),
        ("a bare Allocate success", Message::new(0x0103, &[])),
    ]
}

/// The bytes of all answers, per byte of the question. All have come when the
/// next question is answered.
fn factor(target: &Target, question: &[u8]) -> f64 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(target.address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let next = Message::new(BINDING, &[]).bytes;
    socket.send(question).unwrap();
    socket.send(&next).unwrap();
    let mut answered = 0;
    let mut buffer = [0; 4096];
    loop {
        // No number is worth less than a small one.
        let Ok(length) = socket.recv(&mut buffer) else {
            return f64::NAN;
        };
        if buffer.get(8..20) == next.get(8..20) {
            return answered as f64 / question.len() as f64;
        }
        answered += length;
    }
}
