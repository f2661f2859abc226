//! The queue driven as the worker drives it.

use super::*;
use crate::i18n::Lang;
use crate::push::Keys;
use crate::store::Subscription;

struct Bench {
    queue: Queue,
    now: Instant,
    /// What is under way, oldest first.
    sent: VecDeque<(JobId, Push)>,
    removed: Vec<SubscriptionId>,
    rung: Vec<(CallId, bool)>,
}

fn call(n: u8) -> CallId {
    CallId::from_bytes([n; 16])
}

/// Device `n` of person `n / 10`, made in session `n`.
fn device(n: i64) -> Arc<Subscription> {
    Arc::new(Subscription {
        id: SubscriptionId(n),
        user: UserId(n / 10),
        session: SessionId(n),
        endpoint: "https://push.example/x".to_owned(),
        keys: Keys {
            p256dh: [0; 65],
            auth: [0; 16],
        },
        lang: Lang::Fa,
    })
}

fn push(to: i64, kind: Kind, topic: &str) -> Push {
    Push {
        to: device(to),
        kind,
        topic: topic.to_owned(),
        ttl: Duration::from_secs(if kind == Kind::Message { 86_400 } else { 30 }),
        text: topic.as_bytes().into(),
    }
}

impl Bench {
    fn new() -> Self {
        Self {
            queue: Queue::new(Box::new(|| 0)),
            now: Instant::now(),
            sent: VecDeque::new(),
            removed: Vec::new(),
            rung: Vec::new(),
        }
    }

    fn drain(&mut self) {
        while let Some(effect) = self.queue.poll_effect() {
            match effect {
                Effect::Send(job, push) => self.sent.push_back((job, push)),
                Effect::Remove(id) => self.removed.push(id),
                Effect::Rung(call, reached) => self.rung.push((call, reached)),
            }
        }
    }

    fn message(&mut self, to: i64, topic: &str) {
        self.queue.add(push(to, Kind::Message, topic), self.now);
        self.drain();
    }

    fn ring(&mut self, n: u8, devices: &[i64]) {
        let ring = |to: &i64| push(*to, Kind::Ringing(call(n)), "call");
        let pushes = devices.iter().map(ring).collect();
        self.queue.ring(call(n), pushes, self.now);
        self.drain();
    }

    fn over(&mut self, n: u8, end: RingingEnd) -> Vec<i64> {
        let told = self.queue.ringing_over(call(n), end, self.now);
        self.drain();
        told.into_iter().map(|id| id.0).collect()
    }

    /// Answers the oldest push under way; says whose it was and about what.
    fn answer(&mut self, outcome: Outcome) -> (i64, String) {
        let (job, push) = self.sent.pop_front().expect("a push under way");
        self.queue.answered(job, outcome, self.now);
        self.drain();
        (push.to.id.0, push.topic)
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.queue.handle_timeout(self.now);
        self.drain();
    }

    /// Seconds until the queue wants to be woken.
    fn due_in(&self) -> Option<u64> {
        let at = self.queue.poll_timeout()?;
        Some(at.saturating_duration_since(self.now).as_secs())
    }

    fn under_way(&self) -> Vec<(i64, &str)> {
        let sent = self.sent.iter();
        sent.map(|(_, push)| (push.to.id.0, push.topic.as_str()))
            .collect()
    }
}

#[test]
fn one_push_at_a_time_goes_to_a_device_and_in_order() {
    let mut bench = Bench::new();
    bench.message(11, "a");
    bench.message(11, "b");
    bench.message(12, "c");
    assert_eq!(bench.under_way(), [(11, "a"), (12, "c")]);
    bench.answer(Outcome::Accepted);
    assert_eq!(bench.under_way(), [(12, "c"), (11, "b")]);
    assert_eq!(bench.queue.counts().accepted, 1);
}

#[test]
fn a_newer_push_takes_the_place_of_an_older_one_that_waits() {
    let mut bench = Bench::new();
    for topic in ["a", "b", "c", "b"] {
        bench.message(11, topic);
    }
    let order: Vec<String> = (0..3).map(|_| bench.answer(Outcome::Accepted).1).collect();
    assert_eq!(order, ["a", "b", "c"]);
    assert_eq!(bench.queue.counts().replaced, 1);
    assert!(bench.sent.is_empty());
}

#[test]
fn a_call_goes_before_messages_that_wait() {
    let mut bench = Bench::new();
    bench.message(11, "a");
    bench.message(11, "b");
    bench.ring(1, &[11]);
    bench.answer(Outcome::Accepted);
    assert_eq!(bench.under_way(), [(11, "call")]);
}

#[test]
fn a_flood_of_messages_goes_out_ten_at_once_and_then_one_in_five_seconds() {
    let mut bench = Bench::new();
    for n in 0..12 {
        bench.message(11, &format!("{n}"));
        if !bench.sent.is_empty() {
            bench.answer(Outcome::Accepted);
        }
    }
    assert_eq!((bench.sent.len(), bench.due_in()), (0, Some(5)));
    bench.wait(4);
    assert!(bench.sent.is_empty());
    bench.wait(1);
    assert_eq!(bench.answer(Outcome::Accepted).1, "10");
    bench.wait(5);
    assert_eq!(bench.answer(Outcome::Accepted).1, "11");
    assert_eq!(bench.due_in(), None);
}

#[test]
fn a_call_that_rings_too_often_reaches_nobody_and_the_caller_hears_so() {
    let mut bench = Bench::new();
    for n in 1..=7 {
        bench.ring(n, &[11]);
        if n <= 6 {
            bench.answer(Outcome::Accepted);
            bench.over(n, RingingEnd::Answered);
        }
    }
    assert_eq!(bench.rung.last(), Some(&(call(7), false)));
    assert_eq!(bench.queue.counts().too_often, 1);
    bench.wait(10);
    bench.ring(8, &[11]);
    assert_eq!(bench.under_way(), [(11, "call")]);
}

#[test]
fn a_push_service_with_trouble_is_tried_five_times_ever_more_slowly() {
    let mut bench = Bench::new();
    bench.message(11, "a");
    for wait in [2, 8, 32, 128] {
        bench.answer(Outcome::Later(None));
        assert_eq!((bench.sent.len(), bench.due_in()), (0, Some(wait)));
        bench.wait(wait);
    }
    bench.answer(Outcome::Unreachable);
    assert_eq!(bench.due_in(), None);
    let counts = bench.queue.counts();
    assert_eq!((counts.retried, counts.given_up), (4, 1));
}

#[test]
fn retry_after_is_honoured_for_the_whole_device() {
    let mut bench = Bench::new();
    bench.message(11, "a");
    bench.answer(Outcome::Later(Some(Duration::from_secs(60))));
    bench.message(11, "b");
    bench.message(12, "other device");
    assert_eq!(bench.under_way(), [(12, "other device")]);
    assert_eq!(bench.due_in(), Some(60));
    bench.sent.clear();
    bench.wait(60);
    assert_eq!(bench.answer(Outcome::Accepted).1, "a");
    assert_eq!(bench.answer(Outcome::Accepted).1, "b");
}

#[test]
fn a_push_service_that_wants_to_wait_for_ever_is_given_up() {
    let mut bench = Bench::new();
    bench.message(11, "a");
    bench.answer(Outcome::Later(Some(Duration::from_secs(100_000))));
    assert_eq!(bench.queue.counts().given_up, 1);
    assert_eq!(bench.due_in(), None);
}

#[test]
fn a_failed_push_is_not_tried_again_once_a_newer_one_waits() {
    let mut bench = Bench::new();
    bench.message(11, "a");
    bench.message(11, "a");
    bench.answer(Outcome::Later(None));
    assert_eq!(bench.answer(Outcome::Accepted).1, "a");
    assert_eq!((bench.sent.len(), bench.due_in()), (0, None));
    assert_eq!(bench.queue.counts().replaced, 1);
}

#[test]
fn a_subscription_that_is_gone_is_removed_with_all_that_waits() {
    let mut bench = Bench::new();
    for topic in ["a", "b", "c"] {
        bench.message(11, topic);
    }
    bench.answer(Outcome::Gone);
    assert_eq!(bench.removed, [SubscriptionId(11)]);
    assert_eq!((bench.sent.len(), bench.queue.waiting.all), (0, 0));
    let counts = bench.queue.counts();
    assert_eq!((counts.gone, counts.forgotten), (1, 2));
}

#[test]
fn what_is_refused_is_not_tried_again() {
    for outcome in [Outcome::Refused, Outcome::Forbidden] {
        let mut bench = Bench::new();
        bench.message(11, "a");
        bench.answer(outcome);
        assert_eq!((bench.due_in(), bench.removed.len()), (None, 0));
    }
}

#[test]
fn a_call_rings_as_soon_as_one_device_took_it_and_not_if_none_can() {
    let mut bench = Bench::new();
    bench.ring(1, &[11, 12, 13]);
    bench.answer(Outcome::Gone);
    bench.answer(Outcome::Refused);
    assert_eq!(bench.rung, []);
    bench.answer(Outcome::Accepted);
    assert_eq!(bench.rung, [(call(1), true)]);

    let mut bench = Bench::new();
    bench.ring(1, &[11, 12]);
    bench.answer(Outcome::Gone);
    bench.answer(Outcome::Forbidden);
    assert_eq!(bench.rung, [(call(1), false)]);

    let mut bench = Bench::new();
    bench.ring(1, &[]);
    assert_eq!(bench.rung, [(call(1), false)]);
}

#[test]
fn a_call_that_cannot_be_pushed_in_its_time_is_given_up() {
    let mut bench = Bench::new();
    bench.ring(1, &[11]);
    assert_eq!(bench.sent[0].1.ttl, Duration::from_secs(30));
    bench.answer(Outcome::Later(None));
    bench.wait(1);
    assert_eq!(bench.sent[0].1.ttl, Duration::from_secs(29), "what is left");
    bench.answer(Outcome::Later(Some(Duration::from_secs(29))));
    assert_eq!(bench.rung, [(call(1), false)]);
    assert_eq!(bench.due_in(), None);
}

#[test]
fn a_call_answered_elsewhere_is_taken_back_from_whoever_heard_of_it() {
    let mut bench = Bench::new();
    bench.message(13, "busy");
    bench.ring(1, &[11, 12, 13, 14]);
    bench.sent.pop_front();
    assert_eq!(
        bench.under_way(),
        [(11, "call"), (12, "call"), (14, "call")]
    );
    bench.answer(Outcome::Accepted);
    bench.answer(Outcome::Gone);
    // 11 took it, 12 is gone, 13 waits for its turn, 14 is under way.
    assert_eq!(bench.over(1, RingingEnd::Answered), [11, 14]);
    assert_eq!(bench.over(1, RingingEnd::Answered), [0; 0], "once");
    bench.answer(Outcome::Later(None));
    assert_eq!(
        bench.due_in(),
        None,
        "a call that is over is not tried again"
    );
}

#[test]
fn a_missed_call_is_told_to_devices_that_never_rang_too() {
    let mut bench = Bench::new();
    bench.message(12, "busy");
    bench.ring(1, &[11, 12]);
    assert_eq!(bench.over(1, RingingEnd::Missed), [11, 12]);
    assert_eq!(bench.queue.waiting.all, 0);
}

#[test]
fn log_out_takes_back_what_waits_and_tries_nothing_again() {
    let mut bench = Bench::new();
    bench.message(11, "a");
    bench.message(11, "b");
    bench.message(12, "c");
    bench.queue.forget_session(SessionId(11));
    bench.answer(Outcome::Later(None));
    bench.wait(600);
    assert_eq!(bench.under_way(), [(12, "c")]);
    assert_eq!(bench.queue.waiting.all, 0);
    let under_way = bench.queue.flying_of.get(&UserId(1));
    assert_eq!(under_way, Some(&1), "the place is free again");
    bench.message(11, "subscribed anew");
    assert_eq!(bench.under_way(), [(12, "c"), (11, "subscribed anew")]);
}

#[test]
fn log_out_of_the_only_device_ends_the_hope_of_the_caller() {
    let mut bench = Bench::new();
    bench.ring(1, &[11]);
    bench.queue.forget_session(SessionId(11));
    bench.drain();
    assert_eq!(bench.rung, [(call(1), false)]);
}

#[test]
fn all_queues_are_bounded_and_what_is_too_much_is_counted() {
    let mut bench = Bench::new();
    for n in 0..100 {
        bench.message(11, &format!("{n}"));
    }
    assert_eq!(bench.queue.waiting.all, WAITING_EACH);
    assert_eq!(bench.queue.counts().queue_full, 99 - 32);
    for person in 2..600 {
        for n in 0..40 {
            bench.message(person * 10, &format!("{n}"));
        }
    }
    assert_eq!(bench.queue.waiting.all, WAITING);
}

#[test]
fn one_person_and_all_messages_together_leave_places_free_for_calls() {
    let mut bench = Bench::new();
    for n in 10..19 {
        bench.message(n, "a");
    }
    assert_eq!(bench.sent.len(), FLYING_EACH);
    for person in 2..100 {
        bench.message(person * 10, "a");
    }
    assert_eq!(bench.sent.len(), FLYING);
    assert_eq!(
        bench.due_in(),
        None,
        "an answer is waited for, not the clock"
    );
    bench.ring(1, &[5_000]);
    assert_eq!(bench.sent.len(), FLYING + 1);
    bench.answer(Outcome::Accepted);
    assert_eq!(bench.sent.len(), FLYING, "the place stays free");
    bench.answer(Outcome::Accepted);
    assert_eq!(bench.sent.len(), FLYING, "the next message");
}

#[test]
fn devices_at_rest_are_forgotten() {
    let mut bench = Bench::new();
    for person in 1..2_000 {
        bench.message(person * 10, "a");
        bench.answer(Outcome::Accepted);
    }
    assert!(bench.queue.devices.len() > 1_000);
    bench.wait(60);
    assert!(bench.queue.devices.is_empty());
}

#[test]
fn a_call_whose_end_was_lost_is_forgotten() {
    let mut bench = Bench::new();
    bench.ring(1, &[11]);
    bench.answer(Outcome::Accepted);
    bench.wait(301);
    assert_eq!(bench.over(1, RingingEnd::Missed), [0; 0]);
}
