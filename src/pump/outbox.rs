//! Frames on their way to one socket. The pump puts them in and never waits;
//! the socket's task takes all that is there at once. An idle one holds no room
//! for frames: thousands of them wait most of the time.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use payambar_signaling::ids::{ConversationId, Seq};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Frames that wait for one slow reader before its socket is closed.
pub const OUTBOX: usize = 1024;

/// Frames taken at once: written with one flush, within the time for one write.
const TAKE: usize = 64;

/// One frame for a socket.
#[derive(Debug)]
pub struct Outgoing {
    /// The text, shared between all sockets it goes to.
    pub text: Utf8Bytes,
    /// What the hub wants to know was written.
    pub receipt: Option<(ConversationId, Seq)>,
}

/// What the socket's task finds.
#[derive(Debug)]
pub enum Taken {
    /// Frames to be written, in order; never none.
    Frames(VecDeque<Outgoing>),
    /// The socket is to be closed with this code, whatever still waits.
    Close(u16),
    /// The pump has let go of the socket.
    Ended,
}

/// The frame found no place: [`OUTBOX`] others wait, or the socket is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Outgoing>,
    close: Option<u16>,
    /// The sender is gone.
    ended: bool,
    /// The receiver is gone.
    closed: bool,
    receiver: Option<Waker>,
    sender: Option<Waker>,
}

type Shared = Arc<Mutex<State>>;

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    // Nothing in here panics half way.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Changes the state for the receiver to see.
fn tell(shared: &Shared, change: impl FnOnce(&mut State)) {
    let mut state = lock(shared);
    change(&mut state);
    let waker = state.receiver.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The pump's end. Dropping it ends the receiver, after what waits.
#[derive(Debug)]
pub struct FrameSender(Shared);

/// The socket's end.
#[derive(Debug)]
pub struct FrameReceiver(Shared);

/// An empty outbox.
pub fn channel() -> (FrameSender, FrameReceiver) {
    let shared = Shared::default();
    (FrameSender(Arc::clone(&shared)), FrameReceiver(shared))
}

impl FrameSender {
    /// How many frames may still be put in.
    pub fn room(&self) -> usize {
        OUTBOX.saturating_sub(lock(&self.0).frames.len())
    }

    /// Puts a frame behind the others.
    ///
    /// # Errors
    ///
    /// [`NoRoom`].
    pub fn try_send(&self, frame: Outgoing) -> Result<(), NoRoom> {
        let mut sent = Err(NoRoom);
        tell(&self.0, |state| {
            if !state.closed && state.frames.len() < OUTBOX {
                state.frames.push_back(frame);
                sent = Ok(());
            }
        });
        sent
    }

    /// Has the socket closed with this code, before anything that waits.
    pub fn close(&self, code: u16) {
        tell(&self.0, |state| state.close = Some(code));
    }

    /// Waits until the socket's task has ended.
    pub async fn closed(&self) {
        poll_fn(|context| {
            let mut state = lock(&self.0);
            if state.closed {
                return Poll::Ready(());
            }
            state.sender = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for FrameSender {
    fn drop(&mut self) {
        tell(&self.0, |state| state.ended = true);
    }
}

impl FrameReceiver {
    /// Waits for something to do. Cancelling it loses nothing.
    pub async fn take(&mut self) -> Taken {
        poll_fn(|context| {
            let mut state = lock(&self.0);
            if let Some(code) = state.close {
                return Poll::Ready(Taken::Close(code));
            }
            if !state.frames.is_empty() {
                let rest = state.frames.len().min(TAKE);
                let rest = state.frames.split_off(rest);
                let frames = std::mem::replace(&mut state.frames, rest);
                return Poll::Ready(Taken::Frames(frames));
            }
            if state.ended {
                return Poll::Ready(Taken::Ended);
            }
            state.receiver = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl Drop for FrameReceiver {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.closed = true;
        let left = std::mem::take(&mut state.frames);
        let waker = state.sender.take();
        drop(state);
        drop(left);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn frame(number: usize) -> Outgoing {
        Outgoing {
            text: Utf8Bytes::from(number.to_string()),
            receipt: None,
        }
    }

    /// The texts of what is there now; nothing when there is nothing.
    fn now(receiver: &mut FrameReceiver) -> Vec<String> {
        match receiver.take().now_or_never() {
            Some(Taken::Frames(frames)) => {
                frames.iter().map(|frame| frame.text.to_string()).collect()
            }
            Some(Taken::Close(_) | Taken::Ended) | None => Vec::new(),
        }
    }

    #[test]
    fn frames_come_out_in_order_and_in_pieces() {
        let (sender, mut receiver) = channel();
        for number in 0..=TAKE {
            sender.try_send(frame(number)).unwrap();
        }
        let first: Vec<String> = (0..TAKE).map(|number| number.to_string()).collect();
        assert_eq!(now(&mut receiver), first);
        assert_eq!(now(&mut receiver), [TAKE.to_string()]);
        assert!(now(&mut receiver).is_empty());
    }

    #[test]
    fn one_that_is_full_takes_nothing_and_loses_nothing() {
        let (sender, mut receiver) = channel();
        for number in 0..OUTBOX {
            assert_eq!(sender.room(), OUTBOX - number);
            sender.try_send(frame(number)).unwrap();
        }
        assert_eq!(sender.try_send(frame(0)), Err(NoRoom));
        assert_eq!(now(&mut receiver).len(), TAKE);
        assert_eq!(sender.room(), TAKE);
        let mut rest = 0;
        while let Some(Taken::Frames(frames)) = receiver.take().now_or_never() {
            rest += frames.len();
        }
        assert_eq!(rest, OUTBOX - TAKE);
    }

    #[test]
    fn a_close_goes_before_what_waits_and_an_end_after_it() {
        let (sender, mut receiver) = channel();
        sender.try_send(frame(1)).unwrap();
        sender.close(1013);
        assert!(matches!(
            receiver.take().now_or_never(),
            Some(Taken::Close(1013))
        ));

        let (sender, mut receiver) = channel();
        sender.try_send(frame(1)).unwrap();
        drop(sender);
        assert_eq!(now(&mut receiver), ["1"]);
        assert!(matches!(receiver.take().now_or_never(), Some(Taken::Ended)));
    }

    #[tokio::test]
    async fn each_end_is_woken_by_the_other() {
        let (sender, mut receiver) = channel();
        let reading = tokio::spawn(async move {
            let first = receiver.take().await;
            (first, receiver.take().await)
        });
        tokio::task::yield_now().await;
        sender.try_send(frame(7)).unwrap();
        tokio::task::yield_now().await;
        sender.close(1001);
        sender.closed().await;
        let (first, second) = reading.await.unwrap();
        assert!(matches!(first, Taken::Frames(frames) if frames.len() == 1));
        assert!(matches!(second, Taken::Close(1001)));
        assert_eq!(sender.try_send(frame(8)), Err(NoRoom));
    }
}
