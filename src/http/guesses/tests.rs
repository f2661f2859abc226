use super::*;

const SARA: Whose<'static> = Whose::Name("sara");

/// Counts at a time that the test moves.
struct Door {
    guesses: Guesses,
    now: Instant,
}

impl Door {
    fn new() -> Self {
        Self {
            guesses: Guesses::default(),
            now: Instant::now(),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// A wrong password; says how long the name rested already.
    fn fail(&self, whose: Whose<'_>) -> Result<(), Duration> {
        let attempt = self.guesses.begin(whose, self.now)?;
        self.guesses.failed(attempt, self.now);
        Ok(())
    }

    fn succeed(&self, whose: Whose<'_>) -> Result<(), Duration> {
        let attempt = self.guesses.begin(whose, self.now)?;
        self.guesses.proved(attempt);
        Ok(())
    }

    /// Fails as often as costs nothing, and once more.
    fn fail_until_it_rests(&self, whose: Whose<'_>) {
        for _ in 0..FREE {
            self.fail(whose).unwrap();
        }
    }
}

#[test]
fn after_ten_failures_each_one_doubles_the_rest_up_to_a_quarter_of_an_hour() {
    let mut door = Door::new();
    door.fail_until_it_rests(SARA);
    let mut rests = Vec::new();
    for _ in 0..12 {
        let rest = door.fail(SARA).unwrap_err();
        rests.push(rest.as_secs());
        door.pass(rest - Duration::from_millis(1));
        assert!(door.fail(SARA).is_err(), "one millisecond before the end");
        door.pass(Duration::from_millis(1));
        door.fail(SARA).unwrap();
    }
    assert_eq!(rests, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
}

#[test]
fn a_right_password_after_the_rest_makes_it_all_forgotten() {
    let mut door = Door::new();
    door.fail_until_it_rests(SARA);
    let rest = door.succeed(SARA).unwrap_err();
    door.pass(rest);
    door.succeed(SARA).unwrap();
    door.fail_until_it_rests(SARA);
    assert_eq!(door.succeed(SARA), Err(FIRST));
}

#[test]
fn names_count_apart_but_not_by_case_and_blanks_and_apart_from_the_person() {
    let door = Door::new();
    door.fail_until_it_rests(SARA);
    for other in [Whose::Name("omid"), Whose::Person(UserId(1))] {
        assert_eq!(door.fail(other), Ok(()), "{other:?}");
    }
    for same in ["SARA", " Sara\n"] {
        assert_eq!(door.fail(Whose::Name(same)), Err(FIRST), "{same:?}");
    }
}

#[test]
fn attempts_at_the_same_time_are_not_all_the_first() {
    let door = Door::new();
    let begun = || door.guesses.begin(SARA, door.now).is_ok();
    assert_eq!((0..100).filter(|_| begun()).count(), 10);
}

#[test]
fn the_rest_is_counted_from_when_the_password_was_known_to_be_wrong() {
    let mut door = Door::new();
    for _ in 1..FREE {
        door.fail(SARA).unwrap();
    }
    let last = door.guesses.begin(SARA, door.now).unwrap();
    door.pass(FIRST * 3);
    door.guesses.failed(last, door.now);
    assert_eq!(door.fail(SARA), Err(FIRST));
}

#[test]
fn what_came_to_no_proof_neither_counts_nor_clears() {
    let door = Door::new();
    for _ in 1..FREE {
        door.fail(SARA).unwrap();
    }
    for _ in 0..5 {
        let attempt = door.guesses.begin(SARA, door.now).unwrap();
        door.guesses.withdrawn(attempt, door.now);
    }
    door.fail(SARA).unwrap();
    assert_eq!(door.fail(SARA), Err(FIRST));
}

#[test]
fn a_day_without_a_failure_starts_afresh() {
    let mut door = Door::new();
    door.fail_until_it_rests(SARA);
    door.pass(FORGET);
    door.fail_until_it_rests(SARA);
    assert_eq!(door.fail(SARA), Err(FIRST));
}

#[test]
fn a_flood_of_names_costs_no_more_memory_and_clears_nobody() {
    let mut door = Door::new();
    door.fail_until_it_rests(SARA);
    door.pass(FIRST);
    let flood = |door: &Door, from: usize, names: usize| {
        for n in from..from + names {
            // Its own rest may be the answer once the table is full.
            let _ = door.fail(Whose::Name(&format!("made up {n}")));
        }
    };
    flood(&door, 0, NAMES + 100);
    assert_eq!(door.guesses.table().counts.len(), NAMES);
    door.fail(SARA).unwrap();
    assert_eq!(door.fail(SARA), Err(FIRST * 2));
}

#[test]
fn who_had_to_go_comes_back_with_no_fewer_failures() {
    let door = Door::new();
    for _ in 0..3 {
        door.fail(SARA).unwrap();
    }
    // Everybody else has more, so that she is the one to go.
    let name = |n: usize| format!("made up {n}");
    for n in 0..NAMES {
        for _ in 0..4 {
            let _ = door.fail(Whose::Name(&name(n)));
        }
    }
    let key = door.guesses.keys.hash_one("sara".to_owned());
    assert!(!door.guesses.table().counts.contains_key(&key));
    let left = (0..FREE).take_while(|_| door.fail(SARA).is_ok()).count();
    assert!((1..=7).contains(&left), "{left} more before she rests");
}
