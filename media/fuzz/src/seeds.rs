//! Where fuzzing begins: valid messages of every method, the vectors of
//! RFC 5769, ChannelData, some that are wrong in one way, and short plays.

use std::net::SocketAddr;

use crate::single::{CHANNEL, Pair};
use crate::stage::{allocate_both, transaction};
use crate::wire::{Writer, attribute, channel_data, kind};

/// A seed's name and its bytes.
pub type Seed = (&'static str, Vec<u8>);

/// RFC 5769 §2.1: a request with a short-term credential.
pub const RFC5769_REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465\
    737420636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800\
    149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";

/// RFC 5769 §2.2: a response with an IPv4 address.
pub const RFC5769_V4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f\
    7220002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";

/// RFC 5769 §2.3: a response with an IPv6 address.
pub const RFC5769_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f\
    7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3\
    ed4180280004c8fb0b4c";

/// RFC 5769 §2.4: a request with a long-term credential.
pub const RFC5769_LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e3\
    83aae38383e382afe382b900000015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341001400\
    0b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

/// The bytes that hexadecimal digits stand for.
#[must_use]
pub fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.chars().filter_map(|digit| digit.to_digit(16));
    let digits: Vec<u8> = digits.map(|digit| u8::try_from(digit).unwrap()).collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// The seeds of a target.
#[must_use]
pub fn of(target: &str) -> Vec<Seed> {
    match target {
        "frame" => [messages(), data(), broken()].concat(),
        "request" => [messages(), broken()].concat(),
        "client_datagram" => [messages(), data(), broken(), signed()].concat(),
        "peer_datagram" => payloads(),
        "sequence" => plays(),
        "stream" => streams(),
        "room" => rooms(),
        "rooms" => arrivals(),
        "description" => vec![("answer", ANSWER.as_bytes().to_vec())],
        other => panic!("there is no target {other}"),
    }
}

fn peer(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn begin(kind: u16) -> Writer {
    Writer::new(kind, transaction(9))
}

fn allocate() -> Writer {
    begin(kind::ALLOCATE).add(attribute::TRANSPORT, &[17, 0, 0, 0])
}

fn bind() -> Writer {
    begin(kind::CHANNEL_BIND)
        .add(attribute::CHANNEL, &[0x40, 1, 0, 0])
        .address(attribute::PEER, peer("9.9.9.9:1001"))
}

fn permit() -> Writer {
    begin(kind::CREATE_PERMISSION)
        .address(attribute::PEER, peer("9.9.9.9:1000"))
        .address(attribute::PEER, peer("[2606:4700::1]:1000"))
}

fn messages() -> Vec<Seed> {
    let key = [7; 16];
    let everything = allocate()
        .add(attribute::LIFETIME, &1800_u32.to_be_bytes())
        .add(attribute::FAMILY, &[2, 0, 0, 0])
        .add(attribute::ADDITIONAL_FAMILY, &[2, 0, 0, 0])
        .add(attribute::EVEN_PORT, &[0x80])
        .add(attribute::TOKEN, b"reserved")
        .add(attribute::DONT_FRAGMENT, &[])
        .add(attribute::USERNAME, b"1900003600:7.3")
        .add(attribute::REALM, b"realm")
        .add(attribute::NONCE, b"AAAAAAAAAAAAAAAA")
        .sign(&key)
        .fingerprint();
    vec![
        ("rfc5769-request", bytes(RFC5769_REQUEST)),
        ("rfc5769-v4", bytes(RFC5769_V4)),
        ("rfc5769-v6", bytes(RFC5769_V6)),
        ("rfc5769-long-term", bytes(RFC5769_LONG_TERM)),
        ("binding", begin(kind::BINDING).done()),
        (
            "binding-fingerprint",
            begin(kind::BINDING).fingerprint().done(),
        ),
        ("allocate", allocate().done()),
        ("everything", everything.done()),
        (
            "refresh",
            begin(kind::REFRESH)
                .add(attribute::LIFETIME, &[0; 4])
                .sign(&key)
                .done(),
        ),
        ("permission", permit().sign(&key).done()),
        ("channel-bind", bind().sign(&key).done()),
        ("bare-refresh", begin(kind::REFRESH).done()),
        (
            "after-integrity",
            permit().sign(&key).add(attribute::USERNAME, b"late").done(),
        ),
        (
            "connect",
            begin(0x000A)
                .address(attribute::PEER, peer("9.9.9.9:80"))
                .done(),
        ),
    ]
}

fn send(to: &str) -> Writer {
    begin(kind::SEND)
        .address(attribute::PEER, peer(to))
        .add(attribute::DATA, b"hello")
}

fn data() -> Vec<Seed> {
    let channel = channel_data(CHANNEL, b"hello");
    vec![
        ("channel-padded", [&channel[..], &[0; 3]].concat()),
        ("channel-of-nobody", channel_data(0x4FFF, b"")),
        ("channel", channel),
        ("send-v4", send("9.9.9.9:7").done()),
        ("send-v6", send("[2606:4700::1]:7").fingerprint().done()),
        (
            "send-whole",
            send("9.9.9.9:7").add(attribute::DONT_FRAGMENT, &[]).done(),
        ),
        ("send-to-loopback", send("127.0.0.1:22").done()),
    ]
}

fn broken() -> Vec<Seed> {
    let binding = begin(kind::BINDING).fingerprint().done();
    let change = |at: usize, to: u8| {
        let mut bytes = binding.clone();
        bytes[at] = to;
        bytes
    };
    let cut = |by: usize| binding[..binding.len() - by].to_vec();
    vec![
        ("empty", vec![]),
        ("rtp", vec![0x80; 12]),
        ("cut-by-1", cut(1)),
        ("cut-by-4", cut(4)),
        ("one-more-byte", [&binding[..], &[0]].concat()),
        ("other-cookie", change(4, 0)),
        ("odd-length", change(3, 7)),
        ("wrong-fingerprint", change(27, 0)),
        ("long-attribute", change(23, 0xFF)),
        (
            "short-integrity",
            begin(kind::REFRESH)
                .add(attribute::INTEGRITY, &[1; 8])
                .done(),
        ),
        (
            "short-address",
            begin(kind::SEND)
                .add(attribute::PEER, &[0, 2, 1, 1, 9, 9])
                .done(),
        ),
        ("channel-too-short", vec![0x40, 0, 0, 9, 1]),
        ("channel-too-long", vec![0x40, 0, 0, 1, 1, 0, 0, 0, 0]),
    ]
}

/// Requests that the relay of the target takes as its first client's.
fn signed() -> Vec<Seed> {
    let caller = Pair::new().first;
    let sign = |request: Writer| caller.sign(request).done();
    let zero = begin(kind::REFRESH).add(attribute::LIFETIME, &[0; 4]);
    vec![
        ("signed-retransmission", sign(allocate_both(1))),
        ("signed-allocate", sign(allocate())),
        ("signed-refresh-zero", sign(zero)),
        (
            "signed-refresh-v6",
            sign(begin(kind::REFRESH).add(attribute::FAMILY, &[2, 0, 0, 0])),
        ),
        ("signed-permission", sign(permit())),
        ("signed-bind", caller.sign(bind()).fingerprint().done()),
        (
            "signed-unknown",
            sign(begin(kind::REFRESH).add(0x7777, b"?")),
        ),
    ]
}

fn payloads() -> Vec<Seed> {
    let of = |head: [u8; 3], payload: &[u8]| [&head[..], payload].concat();
    vec![
        ("bound", of([0, 0, 1], b"hello")),
        ("permitted-v6", of([1, 0, 2], b"hello")),
        ("same-address", of([0, 0, 3], b"")),
        ("stranger", of([0, 0, 4], b"hello")),
        ("relay-itself", of([0, 0, 0], b"hello")),
        ("no-allocation", of([0, 2, 1], b"hello")),
        ("largest", of([0, 0, 1], &[7; 2048])),
        ("too-large", of([0, 0, 1], &[7; 2049])),
    ]
}

/// What `sequence` reads as a little story; see there for the numbers.
fn plays() -> Vec<Seed> {
    let allocate = |who: u8| [0, who, 0, 0];
    let permission = [0, 0, 2, 1, 0, 0, 0];
    let bind = [0, 0, 3, 2, 0, 0, 0, 0, 2, 0];
    let send = [8, 0, 4, 0, 1, 2, 3, 4];
    let channel = [7, 0, 4, 0, 1, 2, 3, 4];
    let hear = [9, 0, 0, 0, 0, 3, 1, 2, 3];
    let release = [0, 0, 1, 1, 0, 8];
    let pair = [0, 0, 0, 1, 0, 6, 0x80];
    let redeem = [0, 1, 0, 1, 0, 7];
    let both = [0, 1, 0, 1, 1, 5];
    let without_v6 = [0, 1, 1, 2, 1, 4, 0, 8];
    let wait = |time: u8| [10, time];
    vec![
        (
            "talk",
            [&allocate(0)[..], &permission, &send, &hear, &release].concat(),
        ),
        (
            "channel",
            [
                &allocate(0)[..],
                &bind,
                &channel,
                &hear,
                &wait(5),
                &channel,
                &wait(6),
                &channel,
            ]
            .concat(),
        ),
        (
            "pair",
            [
                &pair[..],
                &redeem,
                &release,
                &wait(3),
                &pair,
                &wait(1),
                &redeem,
            ]
            .concat(),
        ),
        ("both-families", [&both[..], &without_v6, &wait(6)].concat()),
        (
            "quota",
            [
                allocate(0),
                allocate(1),
                allocate(2),
                allocate(3),
                allocate(4),
            ]
            .concat(),
        ),
        (
            "taken-ports",
            [&[12, 0, 12, 0, 12, 1][..], &allocate(0), &[12, 0], &pair].concat(),
        ),
        (
            "held",
            [
                &[13, 0][..],
                &allocate(0),
                &[6],
                &[14, 0],
                &pair,
                &wait(6),
                &[13, 1],
            ]
            .concat(),
        ),
        (
            "operator",
            [
                &allocate(0)[..],
                &allocate(3),
                &[14, 4, 14, 5],
                &allocate(3),
                &[14, 2, 14, 0],
                &allocate(0),
                &[14, 6],
                &allocate(2),
            ]
            .concat(),
        ),
    ]
}

/// Seven lengths of pieces, and a stream.
fn streams() -> Vec<Seed> {
    let cut = |cuts: [u8; 7], stream: &[u8]| [&cuts[..], stream].concat();
    let channel = [&channel_data(CHANNEL, b"hello")[..], &[0; 3]].concat();
    let binding = begin(kind::BINDING).fingerprint().done();
    let talk = [
        &binding[..],
        &channel,
        &channel_data(CHANNEL, b""),
        &binding,
    ]
    .concat();
    let largest = channel_data(CHANNEL, &[7; 2044]);
    vec![
        ("whole", cut([255; 7], &talk)),
        ("bytes", cut([1; 7], &talk)),
        ("pieces", cut([3, 20, 5, 1, 9, 2, 30], &talk)),
        (
            "unpadded",
            cut([255; 7], &[&channel[..9], &binding].concat()),
        ),
        ("largest", cut([200; 7], &[&largest[..], &binding].concat())),
        ("too-large", cut([255; 7], &[0x40, 0, 0x07, 0xFD])),
        ("http", cut([2; 7], b"GET / HTTP/1.1\r\n\r\n")),
        ("tls", cut([4; 7], &[0x16, 3, 1, 0, 0xC4, 1, 0, 0, 0xC0])),
        ("half", cut([255; 7], &talk[..50])),
    ]
}

/// A talk of three, and a crowd of whom more speak than have a seat.
fn rooms() -> Vec<Seed> {
    let enter = |who: u8| [0, who, 1, who];
    let say = |who: u8, seq: u8, loudness: u8| [5, who, 0, seq, 0, 0, 4, seq, loudness];
    let wait = [4, 0, 0, 20];
    let talk = [
        (0..3).flat_map(enter).collect::<Vec<u8>>(),
        // On the way in.
        vec![0, 5],
        (1..9).flat_map(|seq| say(0, seq, 0x80 + 30)).collect(),
        wait.to_vec(),
        vec![0x83, 0],
        say(0, 9, 0x80 + 30).to_vec(),
        vec![3, 0],
        say(0, 7, 255).to_vec(),
        vec![2, 1],
        (1..4).flat_map(|seq| say(2, seq, 127)).collect(),
    ];
    let loud = |seq: u8| {
        let each = (0..12).flat_map(move |who| say(who, seq, 0x80 + 5 * who));
        each.chain(wait)
    };
    let crowd = [
        (0..13).flat_map(enter).collect::<Vec<u8>>(),
        (1..6).flat_map(loud).collect(),
        vec![4, 0, 12, 0],
        (6..9).flat_map(|seq| say(11, seq, 0x80 + 20)).collect(),
        (0..5).flat_map(|who| [2, who]).collect(),
    ];
    vec![("talk", talk.concat()), ("crowd", crowd.concat())]
}

/// The beginning of a browser's answer.
const ANSWER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\nc=IN IP4 0.0.0.0\r\n\
    a=candidate:1 1 udp 2122260223 192.0.2.1 4000 typ host\r\na=end-of-candidates\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:a-password-of-a-client\r\na=setup:active\r\na=mid:0\r\n\
    a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
    a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendonly\r\n\
    a=rtpmap:63 red/48000/2\r\na=rtpmap:111 opus/48000/2\r\n";

/// Somebody comes in, answers, proves to be there and sends; a stranger tries
/// the same.
fn arrivals() -> Vec<Seed> {
    let (join, answer, prove, guess) = (
        [0, 1, 0],
        [2, 1, 0, 0xff, 0xff, 0],
        [7, 1, 0, 0],
        [7, 1, 2, 1],
    );
    let rtp = [9, 1, 0, 12, 0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9];
    let from_afar = [9, 1, 2, 12, 0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9];
    let hello = [9, 1, 0, 14, 22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    let (wait, restart, leave) = ([6, 0, 0, 0x40, 0], [4, 1, 0], [3, 1, 0]);
    let comes = [
        &join[..],
        &answer,
        &guess,
        &from_afar,
        &prove,
        &hello,
        &rtp,
        &wait,
        &rtp,
    ];
    let moves = [
        &join[..],
        &answer,
        &prove,
        &restart,
        &answer,
        &prove,
        &rtp,
        &leave,
        &prove,
    ];
    vec![("comes", comes.concat()), ("moves", moves.concat())]
}
