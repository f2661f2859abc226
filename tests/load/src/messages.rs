//! One measurement of messages: so many sockets, so long, and what it cost.

use std::time::Duration;

use crate::clients::{Client, Record, Role};
use crate::process::{self, Used};
use crate::target::{Person, Target};

/// What a crowd does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) sockets: usize,
    pub(crate) role: Role,
    /// How many in a hundred messages are sent twice.
    pub(crate) resent: u64,
    /// Beside the others somebody is written to who reads nothing.
    pub(crate) deaf: bool,
    pub(crate) warm: Duration,
    pub(crate) long: Duration,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) cpu_us: f64,
    pub(crate) written: f64,
    /// Median, 99th percentile and longest, in ms.
    pub(crate) echo: [f64; 3],
    pub(crate) delivery: [f64; 3],
    pub(crate) repeated: u64,
    pub(crate) troubles: String,
}

impl Figures {
    /// The head of a table of [`Self::row`]s.
    pub(crate) const HEAD: &'static str =
        "msg/s     µs cpu/msg  kB disk/msg  echo ms p50/p99/max     delivery ms p50/p99/max";

    pub(crate) fn row(&self) -> String {
        let times = |[p50, p99, max]: [f64; 3]| format!("{p50:.1}/{p99:.1}/{max:.1}");
        format!(
            "{:<9.0} {:<11.1} {:<12.2} {:<23} {:<23} {}",
            self.per_second,
            self.cpu_us,
            self.written / 1000.0,
            times(self.echo),
            times(self.delivery),
            self.troubles
        )
    }
}

/// Lets the crowd in, waits until it is warm and looks at it for a while.
pub(crate) async fn measure(target: &Target, people: &[Person], plan: Plan) -> Figures {
    let record = Record::new();
    let address = target.address();
    let mut crowd = Vec::with_capacity(plan.sockets);
    for (number, me) in people.iter().take(plan.sockets).enumerate() {
        let offset = match plan.role {
            // Spread over one period, or all would speak at once.
            Role::Paced(every) => every.mul_f64(number as f64 / plan.sockets as f64),
            Role::Busy(_) | Role::Quiet | Role::Deaf => Duration::ZERO,
        };
        let client = Client {
            me: me.clone(),
            other: people[number ^ 1].clone(),
            role: plan.role,
            resent: plan.resent,
            offset,
            record: record.clone(),
        };
        crowd.push(client.start(&address).await);
    }
    let unheard = Record::new();
    if plan.deaf {
        let pair = &people[plan.sockets..plan.sockets + 2];
        for (me, other, role) in [
            (&pair[1], &pair[0], Role::Deaf),
            (
                &pair[0],
                &pair[1],
                Role::Paced(Duration::from_micros(1_000)),
            ),
        ] {
            let client = Client {
                me: me.clone(),
                other: other.clone(),
                role,
                resent: 0,
                offset: Duration::ZERO,
                record: unheard.clone(),
            };
            crowd.push(client.start(&address).await);
        }
    }
    tokio::time::sleep(plan.warm).await;
    record.borrow_mut().start();
    let before = process::used(target.pid());
    tokio::time::sleep(plan.long).await;
    let after = process::used(target.pid());
    let figures = figures(&record.borrow(), plan.long, before, after);
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
    figures
}

fn figures(record: &Record, long: Duration, before: Used, after: Used) -> Figures {
    let count = record.acknowledged.max(1) as f64;
    let times = |histogram: &hdrhistogram::Histogram<u64>| {
        [
            histogram.value_at_quantile(0.5),
            histogram.value_at_quantile(0.99),
            histogram.max(),
        ]
        .map(|us| us as f64 / 1000.0)
    };
    let mut troubles = String::new();
    if record.refused.0 > 0 {
        troubles = format!("{} refused: {}", record.refused.0, record.refused.1);
    }
    if record.closed.0 > 0 {
        troubles.push_str(&format!(
            " {} closed with {}",
            record.closed.0, record.closed.1
        ));
    }
    Figures {
        per_second: record.acknowledged as f64 / long.as_secs_f64(),
        cpu_us: (after.cpu_us - before.cpu_us) / count,
        written: (after.written - before.written) / count,
        echo: times(&record.echo),
        delivery: times(&record.delivery),
        repeated: record.repeated,
        troubles,
    }
}

/// Lets people in who say nothing; says what each costs in bytes of the
/// server's memory, and what the server had before.
pub(crate) async fn idle(target: &Target, people: &[Person]) -> (f64, f64) {
    let record = Record::new();
    let address = target.address();
    let before = process::memory(target.pid());
    let mut crowd = Vec::with_capacity(people.len());
    for (number, me) in people.iter().enumerate() {
        let client = Client {
            me: me.clone(),
            other: people[number ^ 1].clone(),
            role: Role::Quiet,
            resent: 0,
            offset: Duration::ZERO,
            record: record.clone(),
        };
        crowd.push(client.start(&address).await);
    }
    // What was asked for at the start is answered by then.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = process::memory(target.pid());
    assert_eq!(
        record.borrow().closed.0,
        0,
        "the server closed idle sockets"
    );
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
    (before, (after - before) / people.len() as f64)
}
