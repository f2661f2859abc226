//! Whatever happens in a room, what its members get is what a model allows
//! that only keeps lists.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const PEOPLE: u64 = 13;

#[derive(Clone, Debug)]
enum Step {
    Join(u64),
    Ready(u64),
    Leave(u64),
    Mute(u64, bool),
    /// A packet so far from the last one; 1 is the next.
    Send(u64, i16, Option<Level>),
    /// All of these send their next ones, so often.
    Talk(Vec<u64>, u8, u8),
    Wait(u64),
}

fn steps(ahead: impl Strategy<Value = i16> + Clone + 'static) -> impl Strategy<Value = Vec<Step>> {
    let who = || 1..=PEOPLE;
    let level = prop_oneof![
        1 => Just(None),
        6 => (0_u8..=127, any::<bool>()).prop_map(|(dbov, voice)| level(dbov, voice)),
    ];
    let step = prop_oneof![
        3 => who().prop_map(Step::Join),
        4 => who().prop_map(Step::Ready),
        1 => who().prop_map(Step::Leave),
        1 => (who(), any::<bool>()).prop_map(|(who, muted)| Step::Mute(who, muted)),
        8 => (who(), ahead, level).prop_map(|(who, ahead, level)| Step::Send(who, ahead, level)),
        4 => (proptest::collection::vec(who(), 1..12), 10_u8..70, 1_u8..10)
            .prop_map(|(who, dbov, times)| Step::Talk(who, dbov, times)),
        2 => (0_u64..6_000).prop_map(Step::Wait),
    ];
    // Half of the people are there from the beginning.
    proptest::collection::vec(step, 1..60).prop_map(|steps| {
        let there = (1..=PEOPLE).flat_map(|who| [Step::Join(who), Step::Ready(who)]);
        there.chain(steps).collect()
    })
}

/// What went out in a slot of a receiver last, and where it came from.
#[derive(Clone, Copy, Debug)]
struct Last {
    from: u64,
    pen: Pen,
    delivery: Delivery,
    /// Whose streams were cut when this went out.
    cuts: u64,
}

#[derive(Default)]
struct Model {
    joined: BTreeSet<u64>,
    ready: BTreeSet<u64>,
    muted: BTreeSet<u64>,
    speaking: BTreeMap<u64, (bool, Instant)>,
    told: BTreeMap<u64, [Option<ParticipantId>; SLOTS]>,
    last: BTreeMap<(u64, u8), Last>,
    /// Sequence numbers that went out; no play is long enough for one to come
    /// round again.
    sent: BTreeMap<(u64, u8), BTreeSet<u16>>,
    /// How often a source's stream was interrupted on purpose.
    cuts: BTreeMap<u64, u64>,
}

struct Play {
    world: World,
    model: Model,
    /// Whether all streams come in order, so that exact numbers are known.
    in_order: bool,
}

impl Play {
    fn new(in_order: bool) -> Self {
        Self {
            world: World::new(12),
            model: Model::default(),
            in_order,
        }
    }

    fn take(&mut self, step: Step) {
        let now = self.world.now;
        match step {
            Step::Join(who) => {
                let fits = self.model.joined.contains(&who) || self.model.joined.len() < 12;
                assert_eq!(self.world.room.join(id(who), now).is_ok(), fits);
                if fits {
                    self.model.joined.insert(who);
                }
            }
            Step::Ready(who) => {
                self.world.room.ready(id(who), now);
                if self.model.joined.contains(&who) {
                    self.model.ready.insert(who);
                }
            }
            Step::Leave(who) => self.leave(who),
            Step::Mute(who, muted) => {
                self.world.room.mute(id(who), muted, now);
                if self.model.joined.contains(&who) && self.model.muted.contains(&who) != muted {
                    *self.model.cuts.entry(who).or_default() += 1;
                    if muted {
                        self.model.muted.insert(who);
                    } else {
                        self.model.muted.remove(&who);
                    }
                }
            }
            Step::Send(who, ahead, level) => self.send(who, ahead, level),
            Step::Talk(speakers, dbov, times) => {
                for _ in 0..times {
                    for who in &speakers {
                        self.send(*who, 1, level(dbov, true));
                    }
                    self.world.wait(STEP);
                    self.hear_news();
                }
            }
            Step::Wait(milliseconds) => self.world.wait(Duration::from_millis(milliseconds)),
        }
        self.world.listen();
        self.hear_news();
        self.check_slots();
    }

    fn leave(&mut self, who: u64) {
        self.world.leave(who);
        let model = &mut self.model;
        model.joined.remove(&who);
        model.ready.remove(&who);
        model.muted.remove(&who);
        model.told.remove(&who);
        model.speaking.remove(&who);
        model.last.retain(|(to, _), _| *to != who);
        model.sent.retain(|(to, _), _| *to != who);
        *model.cuts.entry(who).or_default() += 1;
    }

    /// Checks what was told since the last time.
    fn hear_news(&mut self) {
        let (now, model) = (self.world.now, &mut self.model);
        for (who, speaking) in self.world.speaking.drain(..) {
            assert!(model.ready.contains(&who));
            assert!(!(speaking && model.muted.contains(&who)));
            let before = model.speaking.insert(who, (speaking, now));
            let (was, since) = before.unwrap_or((false, now - Duration::from_secs(9)));
            assert_ne!(was, speaking);
            // Only a moderator ends speech sooner.
            if !speaking && !model.muted.contains(&who) {
                assert!(now - since >= Duration::from_millis(600));
            }
        }
        for (who, slots) in &self.world.slots {
            assert!(model.ready.contains(who));
            let before = model.told.insert(*who, *slots).unwrap_or_default();
            for source in before.iter().flatten() {
                let was = before.iter().position(|one| *one == Some(*source));
                let is = slots.iter().position(|one| *one == Some(*source));
                assert!(
                    is.is_none() || is == was,
                    "{source:?} went from {was:?} to {is:?}"
                );
            }
            for (number, (old, new)) in before.iter().zip(slots).enumerate() {
                if old != new {
                    let slot = (*who, u8::try_from(number).unwrap());
                    if let Some(last) = model.last.get_mut(&slot) {
                        // Whoever speaks here now begins a stream.
                        last.from = 0;
                    }
                }
            }
        }
    }

    /// What each receiver was told last is what it should hear.
    fn check_slots(&self) {
        let ready = &self.model.ready;
        let mut heard_outside = BTreeSet::new();
        for who in ready {
            let heard = self.world.hears(*who);
            let others: Vec<u64> = ready.iter().copied().filter(|one| one != who).collect();
            assert!(heard.iter().all(|one| others.contains(one)));
            assert!(heard.is_sorted_by(|a, b| a < b), "one source in two slots");
            if ready.len() <= SLOTS + 1 {
                assert_eq!(heard, others);
            } else {
                assert_eq!(heard.len(), SLOTS);
            }
            heard_outside.extend(heard);
        }
        assert!(heard_outside.len() <= SLOTS + 1);
    }

    fn send(&mut self, who: u64, ahead: i16, level: Option<Level>) {
        let pen = self.world.pens.entry(who).or_default();
        let mut sent = *pen;
        sent.seq = pen.seq.wrapping_add_signed(ahead);
        if ahead > 0 {
            pen.seq = sent.seq;
        }
        let (fate, out) = self.world.send(who, sent, level);
        self.hear_news();
        let model = &mut self.model;
        let mut expected: Vec<u64> = Vec::new();
        for (to, slots) in &model.told {
            if slots.contains(&Some(id(who))) && !model.muted.contains(&who) {
                expected.push(*to);
            }
        }
        let got = receivers(&out);
        if self.in_order && model.ready.contains(&who) {
            assert_eq!(got, expected, "{fate:?}");
        } else {
            assert!(got.iter().all(|to| expected.contains(to)));
        }
        assert!(got.is_sorted_by(|a, b| a < b), "twice to one");
        for delivery in out {
            assert_eq!(
                self.model.told[&delivery.to.0][usize::from(delivery.slot)],
                Some(id(who))
            );
            self.check_numbers(who, sent, delivery);
        }
    }

    fn check_numbers(&mut self, from: u64, pen: Pen, delivery: Delivery) {
        let slot = (delivery.to.0, delivery.slot);
        let numbers = self.model.sent.entry(slot).or_default();
        assert!(numbers.insert(delivery.seq), "{from}: {delivery:?}");
        let cuts = self.model.cuts.get(&from).copied().unwrap_or_default();
        let new = Last {
            from,
            pen,
            delivery,
            cuts,
        };
        let Some(last) = self.model.last.insert(slot, new) else {
            return;
        };
        let seq = delivery.seq.wrapping_sub(last.delivery.seq);
        let timestamp = delivery.timestamp.wrapping_sub(last.delivery.timestamp);
        if !self.in_order {
            return;
        }
        if last.from == from && last.cuts == cuts {
            assert_eq!(seq, pen.seq.wrapping_sub(last.pen.seq));
            assert_eq!(timestamp, pen.timestamp.wrapping_sub(last.pen.timestamp));
            assert!(!delivery.marker);
        } else {
            assert_eq!(seq, 1);
            assert!((960..1 << 31).contains(&timestamp));
            assert!(delivery.marker);
        }
    }
}

proptest! {
    #[test]
    fn streams_in_order_go_on_without_a_seam(steps in steps(prop_oneof![8 => Just(1_i16), 1 => 2_i16..50])) {
        let mut play = Play::new(true);
        for step in steps {
            play.take(step);
        }
    }

    #[test]
    fn nothing_goes_where_it_should_not_whatever_comes(steps in steps(prop_oneof![
        8 => Just(1_i16), 3 => -20_i16..20, 1 => any::<i16>()
    ])) {
        let mut play = Play::new(false);
        for step in steps {
            play.take(step);
        }
    }
}
