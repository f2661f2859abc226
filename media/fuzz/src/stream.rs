//! Any bytes as what a client sends over TCP.

use payambar_media::counters::Metric;
use payambar_media::stream::inbox::{Broken, Inbox, MAX_MESSAGE};
use payambar_media::stream::outbox::Outbox;
use payambar_media::turn::frame::{Frame, classify};
use payambar_media::turn::packet::Packet;

use crate::input::Input;

/// The messages of a stream, and why it ended, if it did.
type Told = (Vec<Vec<u8>>, Option<Broken>);

/// Cuts the bytes at lengths that the first ones choose, reads the pieces and
/// the whole, and sends what was read over another stream.
pub fn stream(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts: [usize; 7] = std::array::from_fn(|_| usize::from(input.byte()));
    let stream = input.take(usize::MAX);
    let whole = read([stream].into_iter());
    let mut left = Input::new(stream);
    let mut sizes = cuts.into_iter().cycle();
    let pieces = std::iter::from_fn(|| {
        // One byte at least, so that it ends.
        (!left.is_empty()).then(|| left.take(sizes.next().unwrap_or_default().max(1)))
    });
    assert_eq!(read(pieces), whole, "cut at {cuts:?}");
    let mut outbox = Outbox::default();
    for message in &whole.0 {
        assert!(message.len() <= MAX_MESSAGE);
        match classify(message) {
            Ok(Frame::Channel(_, place)) => assert_eq!(place, 4..message.len()),
            Ok(Frame::Stun(_)) | Err(Metric::DroppedMalformed | Metric::DroppedFingerprint) => {}
            Err(metric) => panic!("{metric:?} is no message"),
        }
        outbox.push_answer(message);
    }
    let again = read([outbox.waiting()].into_iter());
    assert_eq!(again, (whole.0, None));
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Told {
    let (mut inbox, mut packet) = (Inbox::default(), Packet::new());
    let mut messages = Vec::new();
    for mut piece in pieces {
        loop {
            match inbox.next(&mut piece, &mut packet) {
                Ok(true) => messages.push(packet.datagram().to_vec()),
                Ok(false) => break,
                Err(broken) => return (messages, Some(broken)),
            }
        }
        assert!(piece.is_empty());
    }
    (messages, None)
}
