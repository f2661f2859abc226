use proptest::prelude::*;

use super::*;

/// A STUN message with a body of `body` zeros, a multiple of four.
fn stun(body: u16) -> Vec<u8> {
    let head = [&[0, 1][..], &body.to_be_bytes(), &MAGIC_COOKIE, &[7; 12]].concat();
    [head, vec![0; usize::from(body)]].concat()
}

/// ChannelData without padding.
fn channel(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [&[0x40, 9][..], &length.to_be_bytes(), data].concat()
}

fn padded(mut message: Vec<u8>) -> Vec<u8> {
    message.resize(message.len().next_multiple_of(4), 0);
    message
}

/// What comes out of a stream that arrives in these pieces, and how it ended.
fn read(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Result<(), Broken>) {
    let (mut inbox, mut packet) = (Inbox::default(), Packet::new());
    let mut messages = Vec::new();
    for mut piece in pieces.iter().copied() {
        loop {
            match inbox.next(&mut piece, &mut packet) {
                Ok(true) => messages.push(packet.datagram().to_vec()),
                Ok(false) => break,
                Err(broken) => return (messages, Err(broken)),
            }
        }
        assert!(piece.is_empty(), "what is not taken is lost");
    }
    (messages, Ok(()))
}

#[test]
fn one_segment_may_hold_many_messages() {
    let messages = [stun(0), channel(b"five!"), channel(b""), stun(8)];
    let stream: Vec<u8> = messages.iter().cloned().flat_map(padded).collect();
    assert_eq!(read(&[&stream]), (messages.to_vec(), Ok(())));
}

#[test]
fn a_message_may_come_byte_by_byte() {
    let messages = [channel(b"five!"), stun(12), channel(b"12345678")];
    let stream: Vec<u8> = messages.iter().cloned().flat_map(padded).collect();
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(read(&bytes), (messages.to_vec(), Ok(())));
}

#[test]
fn padding_belongs_to_no_message() {
    for length in 0..9 {
        let message = channel(&vec![0xFF; length]);
        let mut stream = padded(message.clone());
        stream.extend(stun(0));
        assert_eq!(read(&[&stream]).0, [message, stun(0)], "{length}");
    }
}

#[test]
fn what_is_neither_stun_nor_channel_data_ends_the_stream() {
    let other_cookie = [&[0, 1, 0, 0][..], &[0x21, 0x12, 0xA4, 0x43]].concat();
    let tls_hello = [0x16, 0x03, 0x01, 0x00, 0xC4, 0x01];
    for foreign in [
        &[0x80][..],
        &[0xFF],
        &other_cookie,
        &[0, 1, 0, 7],
        &tls_hello,
    ] {
        assert_eq!(read(&[foreign]), (vec![], Err(Broken::Foreign)));
        let after = [&padded(channel(b"x")), foreign].concat();
        assert_eq!(read(&[&after]).1, Err(Broken::Foreign), "{foreign:?}");
    }
}

#[test]
fn a_declared_length_over_the_limit_ends_the_stream_before_it_is_kept() {
    let largest = channel(&[7; MAX_MESSAGE - 4]);
    assert_eq!(read(&[&largest]), (vec![largest], Ok(())));
    let over = u16::try_from(MAX_MESSAGE - 3).unwrap().to_be_bytes();
    let stun_over = u16::try_from(MAX_MESSAGE - 16).unwrap().to_be_bytes();
    for head in [
        [0x40, 0, over[0], over[1]],
        [0, 1, stun_over[0], stun_over[1]],
    ] {
        assert_eq!(read(&[&head]), (vec![], Err(Broken::TooLarge)));
    }
    // What a browser would ask a web server.
    assert_eq!(read(&[b"GET / HTTP/1.1\r\n"]).1, Err(Broken::TooLarge));
}

#[test]
fn between_messages_nothing_is_kept() {
    let (mut inbox, mut packet) = (Inbox::default(), Packet::new());
    let message = stun(400);
    let (head, mut rest) = message.split_at(30);
    assert_eq!(inbox.next(&mut { head }, &mut packet), Ok(false));
    assert_eq!(inbox.part.len(), 30);
    assert_eq!(inbox.next(&mut rest, &mut packet), Ok(true));
    assert_eq!(inbox.part.capacity(), 0);
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let data = prop::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        (0..20_u16).prop_map(|words| stun(4 * words)),
        data.prop_map(|data| channel(&data)),
    ]
}

proptest! {
    #[test]
    fn any_cutting_of_a_stream_gives_the_same_messages_and_the_same_end(
        messages in prop::collection::vec(message(), 0..12),
        noise in prop::collection::vec(any::<u8>(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut stream: Vec<u8> = messages.iter().cloned().flat_map(padded).collect();
        stream.extend(&noise);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect();
        let whole = read(&[&stream]);
        prop_assert_eq!(&whole.0[..messages.len()], &messages[..]);
        prop_assert_eq!(read(&pieces), whole);
    }
}
