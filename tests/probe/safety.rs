//! What strangers and wild clients can do to the server: make it send more
//! than they do, fill its memory, break it, take more than their share.

mod amplification;
mod flood;
mod malformed;
mod quota;

use crate::table::{Row, judge};
use crate::target::{Options, Over, Target};

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
    fn new(start: fn(&Options) -> Target, over: Over) -> Self {
        let patient = Options::new(&["127.0.0.1"]).open().over(over);
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
    judge_over(Over::Udp, "safety");
}

/// Feature T3.
#[test]
fn strangers_gain_and_break_nothing_over_tcp() {
    judge_over(Over::Tcp, "safety over TCP");
}

/// Feature T4.
#[test]
fn strangers_gain_and_break_nothing_over_tls() {
    judge_over(Over::Tls, "safety over TLS");
}

fn judge_over(over: Over, name: &str) {
    let start = |how| Stage::new(how, over);
    let (ours, coturn) = (start(Target::ours), start(Target::coturn));
    let mut rows: Rows = Vec::new();
    // Who has a connection is where the answers go.
    if over == Over::Udp {
        rows.extend(amplification::rows());
    }
    rows.extend(flood::rows(over));
    rows.extend(malformed::rows(over));
    rows.extend(quota::rows());
    judge(name, &rows, &ours, &coturn);
}
