//! Messages that wait to be written. A reader who is slower than its peers
//! send loses the oldest data, whole messages of it, since what is late is of
//! no use to a call; answers wait. It is bounded, because data is, and because
//! whoever does not read its answers is not read from ([`Outbox::is_full`]).

use std::collections::VecDeque;

/// Data that waits, in bytes: a quarter of a second of a video call, three
/// seconds of a voice call.
pub const MOST_DATA: usize = 32 * 1024;

/// With so much waiting, no further request is read.
pub const FULL: usize = 64 * 1024;

/// Room that is kept while nothing waits.
const KEPT: usize = 2048;

#[derive(Debug)]
struct Message {
    /// Bytes that are still to be written.
    left: usize,
    is_data: bool,
    /// Whether a part of it was written, so that the rest must follow.
    has_begun: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    messages: VecDeque<Message>,
    data: usize,
}

impl Outbox {
    /// Appends a response or an indication that must arrive.
    pub fn push_answer(&mut self, message: &[u8]) {
        self.push(message, false);
    }

    /// Appends data; returns how many messages of data had to go for it.
    pub fn push_data(&mut self, message: &[u8]) -> u64 {
        self.push(message, true);
        let mut dropped = 0;
        while self.data > MOST_DATA && self.drop_oldest() {
            dropped += 1;
        }
        dropped
    }

    /// ChannelData is padded on streams (RFC 8656 §12.5); STUN messages end at
    /// a multiple of four anyway.
    fn push(&mut self, message: &[u8], is_data: bool) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(message);
        let left = message.len().next_multiple_of(4);
        self.bytes.resize(before + left, 0);
        if is_data {
            self.data += left;
        }
        self.messages.push_back(Message {
            left,
            is_data,
            has_begun: false,
        });
    }

    fn drop_oldest(&mut self) -> bool {
        let mut start = 0;
        for at in 0..self.messages.len() {
            let Some(message) = self.messages.get(at) else {
                return false;
            };
            if message.is_data && !message.has_begun {
                let left = message.left;
                self.bytes.drain(start..start + left);
                self.messages.remove(at);
                self.data -= left;
                return true;
            }
            start += message.left;
        }
        false
    }

    /// What is to be written next.
    #[must_use]
    pub fn waiting(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, message by message; of the first what is left of it.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.waiting();
        self.messages.iter().map_while(move |message| {
            let (this, after) = rest.split_at_checked(message.left)?;
            rest = after;
            Some(this)
        })
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether so much waits that nothing more should be asked for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    /// The first `count` bytes of [`Self::waiting`] were written.
    pub fn written(&mut self, count: usize) {
        let mut count = count.min(self.bytes.len());
        self.bytes.drain(..count);
        while let Some(first) = self.messages.front_mut() {
            let taken = first.left.min(count);
            if taken == 0 {
                break;
            }
            first.left -= taken;
            first.has_begun = true;
            count -= taken;
            if first.is_data {
                self.data -= taken;
            }
            if first.left == 0 {
                self.messages.pop_front();
            }
        }
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn channel_data_is_padded_to_four_bytes() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push_data(&[0x40, 0, 0, 1, 9]), 0);
        outbox.push_answer(&[1; 20]);
        let expected = [&[0x40, 0, 0, 1, 9, 0, 0, 0][..], &[1; 20]].concat();
        assert_eq!(outbox.waiting(), expected);
    }

    #[test]
    fn a_slow_reader_loses_the_oldest_data_and_no_answer() {
        let mut outbox = Outbox::default();
        outbox.push_answer(&[0xAA; 100]);
        let sizes = std::iter::repeat_n(1000, MOST_DATA / 1000);
        for size in sizes {
            assert_eq!(outbox.push_data(&vec![1; size]), 0);
        }
        outbox.push_answer(&[0xBB; 100]);
        assert_eq!(outbox.push_data(&[2; 2000]), 2);
        let left = outbox.waiting();
        assert!(left.starts_with(&[0xAA; 100]));
        assert_eq!(left.iter().filter(|byte| **byte == 0xBB).count(), 100);
        assert_eq!(left.iter().filter(|byte| **byte == 2).count(), 2000);
    }

    #[test]
    fn a_message_that_has_begun_is_not_cut() {
        let mut outbox = Outbox::default();
        outbox.push_data(&[1; 2000]);
        outbox.written(4);
        for _ in 0..MOST_DATA / 1000 {
            outbox.push_data(&[2; 1000]);
        }
        assert!(outbox.waiting().starts_with(&[1; 1996]));
        assert_eq!(outbox.waiting().get(1996), Some(&2));
    }

    #[test]
    fn what_waits_is_told_message_by_message() {
        let mut outbox = Outbox::default();
        outbox.push_data(&[1; 5]);
        outbox.push_answer(&[2; 20]);
        outbox.written(4);
        let messages: Vec<&[u8]> = outbox.messages().collect();
        assert_eq!(messages, [&[1, 0, 0, 0][..], &[2; 20]]);
    }

    #[test]
    fn an_empty_box_keeps_little_room() {
        let mut outbox = Outbox::default();
        outbox.push_data(&[1; 20_000]);
        outbox.written(20_000);
        assert!(outbox.is_empty() && outbox.bytes.capacity() <= KEPT);
    }

    #[test]
    fn answers_nobody_reads_fill_it() {
        let mut outbox = Outbox::default();
        let count = (0..10_000).take_while(|_| {
            outbox.push_answer(&[1; 100]);
            !outbox.is_full()
        });
        assert_eq!(count.count(), FULL / 100);
        outbox.written(100);
        assert!(!outbox.is_full());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Answer(usize),
        Data(usize),
        Written(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (5..40_usize).prop_map(|words| Step::Answer(4 * words)),
            (4..3000_usize).prop_map(Step::Data),
            (0..9000_usize).prop_map(Step::Written),
        ]
    }

    /// A message whose every byte names it.
    fn named(number: usize, length: usize) -> Vec<u8> {
        let mut message = vec![u8::try_from(number % 251).unwrap() + 1; length];
        message.resize(length.next_multiple_of(4), 0);
        message
    }

    proptest! {
        #[test]
        fn what_is_written_is_whole_messages_in_order_with_every_answer(
            steps in prop::collection::vec(step(), 0..120),
        ) {
            let (mut outbox, mut stream, mut pushed) = (Outbox::default(), Vec::new(), Vec::new());
            let mut dropped = 0;
            for (number, step) in steps.iter().enumerate() {
                match step {
                    Step::Answer(length) => {
                        pushed.push((named(number, *length), true));
                        outbox.push_answer(&vec![u8::try_from(number % 251).unwrap() + 1; *length]);
                    }
                    Step::Data(length) => {
                        pushed.push((named(number, *length), false));
                        let message = vec![u8::try_from(number % 251).unwrap() + 1; *length];
                        dropped += outbox.push_data(&message);
                    }
                    Step::Written(count) => {
                        let count = (*count).min(outbox.waiting().len());
                        stream.extend_from_slice(&outbox.waiting()[..count]);
                        outbox.written(count);
                    }
                }
                prop_assert!(outbox.data <= MOST_DATA + 3000);
            }
            stream.extend_from_slice(outbox.waiting());
            let mut rest = &stream[..];
            for (message, is_answer) in pushed {
                if let Some(after) = rest.strip_prefix(&message[..]) {
                    rest = after;
                } else {
                    prop_assert!(!is_answer, "an answer is missing");
                    dropped -= 1;
                }
            }
            prop_assert!(rest.is_empty() && dropped == 0);
        }
    }
}
