//! Data, what is never answered, and the manners of all answers.

use super::{Rows, Stage};
use crate::client::Data;
use crate::peer::Peer;
use crate::table::row;
use crate::target::Over;
use crate::wire::{
    ALLOCATE, Attribute, BINDING, DATA, DATA_INDICATION, Message, SEND, channel_data, raw, udp,
};

/// How many answers are asked for one after the other.
const MANY: usize = 500;

pub(super) fn rows(over: Over) -> Rows {
    let mut rows = vec![
        row(
            "FINGERPRINT in a Binding",
            "answered with a right one",
            |stage: &Stage| {
                let asked = Message::new(BINDING, &[]).fingerprinted(0).bytes;
                fingerprint(&stage.client().ask(&asked).success("Binding")?)
            },
        ),
        row(
            "FINGERPRINT in an Allocate",
            "answered with a right one",
            |stage: &Stage| {
                let mut client = stage.client();
                client.challenge()?;
                let asked = client.signed(ALLOCATE, &[udp()]).fingerprinted(0).bytes;
                fingerprint(&client.ask(&asked).success("Allocate")?)
            },
        ),
        row("a wrong FINGERPRINT", "silence", |stage: &Stage| {
            let asked = Message::new(BINDING, &[]).fingerprinted(1).bytes;
            Ok(stage.client().ask(&asked).word())
        }),
        row(
            "ChannelData of 1,600 bytes",
            "whole both ways",
            |stage: &Stage| {
                let mut client = stage.client();
                let relayed = client.allocate()?;
                let peer = Peer::new();
                client.bind(0x4001, peer.address())?;
                let payload: Vec<u8> = (0..1600_u32).map(|n| (n % 251) as u8).collect();
                client.send_on(0x4001, &payload);
                let there = peer.hear().is_some_and(|(data, _)| data == payload);
                peer.say(relayed, &payload);
                let back = client.data() == Some(Data::Channel(0x4001, payload));
                Ok(match (there, back) {
                    (true, true) => "whole both ways".to_owned(),
                    (there, back) => format!("there {there}, back {back}"),
                })
            },
        ),
        row(
            "from a stranger: Send indication",
            "silence",
            |stage: &Stage| {
                let attributes = [Attribute::Peer(Peer::new().address()), raw(DATA, b"in")];
                told(stage, &Message::new(SEND, &attributes).bytes)
            },
        ),
        row(
            "from a stranger: Data indication",
            "silence",
            |stage: &Stage| {
                let attributes = [Attribute::Peer(Peer::new().address()), raw(DATA, b"in")];
                told(stage, &Message::new(DATA_INDICATION, &attributes).bytes)
            },
        ),
        row(
            "from a stranger: Binding indication",
            "silence",
            |stage: &Stage| told(stage, &Message::new(0x0011, &[]).bytes),
        ),
        row(
            "from a stranger: Binding success",
            "silence",
            |stage: &Stage| told(stage, &Message::new(0x0101, &[]).bytes),
        ),
        row(
            "from a stranger: Allocate error",
            "silence",
            |stage: &Stage| told(stage, &Message::new(0x0113, &[]).bytes),
        ),
        row(
            "from a stranger: ChannelData",
            "silence",
            |stage: &Stage| told(stage, &channel_data(0x4001, b"in")),
        ),
    ];
    rows.extend(broken(over));
    rows.extend([
        row(
            "500 answers one after the other",
            "500 successes",
            |stage: &Stage| {
                let mut client = stage.client();
                let asked = (0..MANY).map(|_| Message::new(BINDING, &[]).bytes);
                let answered = asked
                    .filter(|asked| client.ask(asked).word() == "success")
                    .count();
                Ok(format!("{answered} successes"))
            },
        ),
        row(
            "SOFTWARE and reason phrases in all answers so far",
            "none",
            |stage: &Stage| {
                let all = [&stage.dual, &stage.v4, &stage.strict, &stage.tiny];
                let counts = all.map(|target| target.manners.counts());
                let [answers, software, reasons] =
                    [0, 1, 2].map(|of| counts.iter().map(|count| count[of]).sum::<usize>());
                Ok(if answers > MANY && software + reasons == 0 {
                    "none".to_owned()
                } else {
                    format!("of {answers}: SOFTWARE in {software}, a phrase in {reasons}")
                })
            },
        ),
    ]);
    rows
}

/// What holds together in no way. A datagram of it is dropped; on a stream
/// nobody knows where the next message begins.
fn broken(over: Over) -> Rows {
    let expected = if over == Over::Udp { "silence" } else { "dead" };
    let mut rows = vec![
        row(
            "from a stranger: no STUN at all",
            expected,
            |stage: &Stage| told(stage, b"GET / HTTP/1.1\r\n\r\n"),
        ),
        row(
            "from a stranger: a length that is not there",
            expected,
            |stage: &Stage| {
                let mut message = Message::new(BINDING, &[]).bytes;
                message[3] = 8;
                told(stage, &message)
            },
        ),
        row(
            "from a stranger: without the magic cookie",
            expected,
            |stage: &Stage| {
                let mut message = Message::new(BINDING, &[]).bytes;
                message[4] ^= 1;
                told(stage, &message)
            },
        ),
    ];
    // On a stream the rest of the header is still to come.
    if over == Over::Udp {
        rows.push(row(
            "from a stranger: the header cut short",
            expected,
            |stage: &Stage| told(stage, &Message::new(BINDING, &[]).bytes[..19]),
        ));
    }
    rows
}

fn fingerprint(reply: &crate::wire::Reply) -> Result<String, String> {
    Ok(if reply.is_fingerprinted() {
        "answered with a right one"
    } else {
        "answered without, or with a wrong one"
    }
    .to_owned())
}

/// What a client without an allocation gets for this.
fn told(stage: &Stage, bytes: &[u8]) -> Result<String, String> {
    let mut client = stage.client();
    let word = client.ask(bytes).word();
    Ok(client.stray_data().map_or(word, |_| "data".to_owned()))
}
