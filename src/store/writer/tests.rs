use std::task::{Context, Poll, Waker};

use payambar_signaling::chat::CallsFrom;

use super::*;
use crate::store::bench::{OMID, SARA, bench};

/// A writer whose listener holds it up until the test lets it go on.
struct Stage {
    writer: Writer,
    told: Receiver<Vec<Outcome>>,
    go_on: Sender<()>,
}

fn stage() -> Stage {
    let (tell, told) = channel();
    let (go_on, gate) = channel::<()>();
    let on_batch = Box::new(move |batch| {
        tell.send(batch).unwrap();
        gate.recv().unwrap();
    });
    Stage {
        writer: Writer::start(bench(), on_batch),
        told,
        go_on,
    }
}

fn block(blocked: bool) -> BlockChange {
    BlockChange {
        by: SARA,
        whom: OMID,
        blocked,
    }
}

/// Whether the call has its answer; the first time, it is given out.
fn answered(call: &mut (impl Future<Output = Result<(), Error>> + Unpin)) -> bool {
    let call = std::pin::pin!(call);
    match call.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => {
            answer.unwrap();
            true
        }
        Poll::Pending => false,
    }
}

#[test]
fn the_hub_is_told_of_a_block_before_its_person_has_the_answer() {
    let stage = stage();
    let mut call = Box::pin(stage.writer.change_block(block(true)));
    assert!(!answered(&mut call));
    let told = stage.told.recv().unwrap();
    assert!(matches!(&told[..], [Outcome::BlockChanged(change)] if *change == block(true)));
    assert!(!answered(&mut call), "while the hub is being told");
    stage.go_on.send(()).unwrap();
    while !answered(&mut call) {
        thread::yield_now();
    }
}

#[test]
fn of_several_changes_of_one_pair_the_one_written_last_is_told_last() {
    let stage = stage();
    let mut first = Box::pin(stage.writer.change_block(block(true)));
    assert!(!answered(&mut first));
    stage.told.recv().unwrap();
    // They wait together, and are written together.
    let mut waiting: Vec<_> = [false, true, true]
        .map(|blocked| Box::pin(stage.writer.change_block(block(blocked))))
        .into();
    for call in &mut waiting {
        assert!(!answered(call));
    }
    stage.go_on.send(()).unwrap();
    let told = stage.told.recv().unwrap();
    let due = [false, true, true].map(|blocked| Outcome::BlockChanged(block(blocked)));
    assert_eq!(format!("{told:?}"), format!("{due:?}"));
    stage.go_on.send(()).unwrap();
    for call in &mut waiting {
        while !answered(call) {
            thread::yield_now();
        }
    }
}

#[test]
fn what_a_person_wants_is_told_as_it_was_written() {
    let stage = stage();
    let mut call = Box::pin(stage.writer.change_wishes(SARA, |connection| {
        people::set_calls_from(connection, SARA, CallsFrom::Nobody)
    }));
    assert!(!answered(&mut call));
    let told = stage.told.recv().unwrap();
    match &told[..] {
        [Outcome::Known(user, known)] => {
            assert_eq!((*user, known.calls_from), (SARA, CallsFrom::Nobody));
        }
        other => panic!("{other:?}"),
    }
    stage.go_on.send(()).unwrap();
}

#[test]
fn what_is_refused_is_told_to_nobody_else() {
    let stage = stage();
    let oneself = BlockChange {
        whom: SARA,
        ..block(true)
    };
    let mut refused = Box::pin(stage.writer.change_block(oneself));
    let refused = loop {
        let waker = &mut Context::from_waker(Waker::noop());
        if let Poll::Ready(answer) = refused.as_mut().poll(waker) {
            break answer;
        }
        thread::yield_now();
    };
    assert!(matches!(refused, Err(Error::Refused(Code::BadRequest))));
    assert!(stage.told.try_recv().is_err());
}
