//! Row P2: who is told when somebody was last there.

use std::collections::BTreeSet;

use super::*;

const AT: Timestamp = Timestamp(0);
const TOLD: &str = "presence 2 false 1970-01-01T00:00:00.000Z";

fn watch(user: i64) -> Value {
    json!({"type": "presence_subscribe", "user_ids": [user]})
}

fn seen(bench: &mut Bench, conn: Option<u64>) -> Vec<String> {
    bench.give(Input::LastSeen {
        conn: conn.map(ConnId),
        seen: vec![(UserId(2), AT)],
    })
}

fn hiding() -> Known {
    Known {
        hides_last_seen: true,
        ..Known::default()
    }
}

#[test]
fn who_watches_somebody_away_is_told_when_they_were_last_there() {
    let mut bench = Bench::with(&[11, 12, 31]);
    bench.say(11, &watch(2));
    bench.say(12, &watch(2));
    let asked = |conn| (ConnId(conn), vec![UserId(2)]);
    assert_eq!(bench.asked, [asked(11), asked(12)]);
    assert_eq!(seen(&mut bench, Some(12)), [format!("12 {TOLD}")]);
    assert_eq!(seen(&mut bench, None), [format!("11,12 {TOLD}")]);
    assert_eq!(seen(&mut bench, Some(31)), [""; 0], "watches nobody");
}

#[test]
fn of_somebody_who_is_there_or_has_come_back_nothing_is_asked_or_told() {
    let mut bench = Bench::with(&[11, 21]);
    bench.say(11, &watch(2));
    assert_eq!(bench.asked, []);
    assert_eq!(seen(&mut bench, Some(11)), [""; 0]);
    assert_eq!(seen(&mut bench, None), [""; 0]);
}

#[test]
fn who_hides_it_is_not_told_of_others() {
    let mut bench = Bench::with(&[]);
    bench.know(1, hiding());
    bench.join(11);
    bench.join(31);
    for conn in [11, 31] {
        bench.say(conn, &watch(2));
    }
    assert_eq!(bench.asked, [(ConnId(31), vec![UserId(2)])]);
    assert_eq!(seen(&mut bench, None), [format!("31 {TOLD}")]);
    // It counts from the change on, also for what was asked before.
    bench.know(3, hiding());
    assert_eq!(seen(&mut bench, Some(31)), [""; 0]);
    bench.know(1, Known::default());
    assert_eq!(seen(&mut bench, None), [format!("11 {TOLD}")]);
}

#[test]
fn between_people_of_whom_one_blocked_the_other_nothing_is_asked_or_told() {
    let blocking = Known {
        blocks: BTreeSet::from([UserId(2)]),
        ..Known::default()
    };
    let blocked = Known {
        blocked_by: BTreeSet::from([UserId(2)]),
        ..Known::default()
    };
    for known in [blocking, blocked] {
        let mut bench = Bench::with(&[]);
        bench.know(1, known);
        bench.join(11);
        bench.say(11, &watch(2));
        assert_eq!(bench.asked, []);
        assert_eq!(seen(&mut bench, Some(11)), [""; 0]);
        assert_eq!(seen(&mut bench, None), [""; 0]);
    }
}
