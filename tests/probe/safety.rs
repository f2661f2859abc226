//! What strangers and wild clients can do to the server: make it send more
//! than they do, fill its memory, break it, take more than their share.

mod amplification;
mod flood;
mod malformed;
mod quota;

use crate::table::{Row, judge};
use crate::target::{Options, Target};

/// The servers of one side.
struct Stage {
    /// With its limits as they are by default.
    plain: Target,
    /// Which answers everybody, however often they ask.
    patient: Target,
    /// Where a user may hold [`quota::QUOTA`] allocations.
    shared: Target,
}

impl Stage {
    fn new(start: fn(&Options) -> Target) -> Self {
        let patient = Options::new(&["127.0.0.1"]).open();
        let plain = Options {
            answers_limited: true,
            ..patient.clone()
        };
        let shared = Options {
            quota: Some(quota::QUOTA),
            ..patient.clone()
        };
        Self {
            plain: start(&plain),
            patient: start(&patient),
            shared: start(&shared),
        }
    }
}

type Rows = Vec<Row<Stage>>;

#[test]
fn strangers_gain_nothing_and_break_nothing() {
    let (ours, coturn) = (Stage::new(Target::ours), Stage::new(Target::coturn));
    let rows: Rows = [
        amplification::rows(),
        flood::rows(),
        malformed::rows(),
        quota::rows(),
    ]
    .into_iter()
    .flatten()
    .collect();
    judge("safety", &rows, &ours, &coturn);
}
