//! Two in alternation on one machine: whatever else the machine does meets
//! both, so that their ratio says more than either figure.

use crate::messages::{Figures, Plan, measure};
use crate::process;
use crate::target::{Target, Template};

/// The reference may differ from round to round by so much, or the rounds say
/// nothing.
pub(crate) const STEADY: f64 = 1.15;

/// One of two.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) plan: Plan,
    pub(crate) start: fn(&Template) -> Target,
}

/// What two are compared by.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&Figures) -> f64,
}

/// Runs both so many times and prints the ratios. Says whether the reference
/// was steady, judged by the first figure.
pub(crate) fn compare(
    template: &Template,
    [one, reference]: [&Side; 2],
    figures: &[Figure],
    rounds: usize,
) -> bool {
    println!(
        "{:<6} {:<10} {:<6} {}",
        "round",
        "who",
        "load",
        Figures::HEAD
    );
    let mut results = Vec::with_capacity(rounds);
    for round in 1..=rounds {
        let run = |side: &Side| {
            let load = process::load();
            let result = once(template, side);
            println!("{round:<6} {:<10} {load:<6} {}", side.name, result.row());
            result
        };
        // Who goes first changes, since the second finds the machine warm.
        let (a, b) = if round % 2 == 1 {
            let a = run(one);
            (a, run(reference))
        } else {
            let b = run(reference);
            (run(one), b)
        };
        results.push((a, b));
    }
    let Some(first) = figures.first() else {
        return true;
    };
    let moved = spread(results.iter().map(|(_, b)| (first.of)(b)));
    for Figure { name, of } in figures {
        let ratios = results.iter().map(|(a, b)| of(a) / of(b)).collect();
        let [min, median, max] = range(ratios);
        println!(
            "{name}, {} / {}: {min:.2} - {median:.2} - {max:.2}",
            one.name, reference.name
        );
    }
    println!(
        "{} moved by {:.0} % ({})",
        reference.name,
        (moved - 1.0) * 100.0,
        first.name
    );
    moved <= STEADY
}

fn once(template: &Template, side: &Side) -> Figures {
    let target = (side.start)(template);
    // The floor has no accounts: who asks says who they are.
    let mut people = template.people.clone();
    if target.name == "floor" {
        people
            .iter_mut()
            .for_each(|person| person.token = person.id.to_string());
    }
    crate::block_on(measure(&target, &people, side.plan))
}

/// The largest in units of the smallest.
pub(crate) fn spread(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().fold(f64::MIN, f64::max) / values.fold(f64::MAX, f64::min)
}

/// Smallest, median and largest.
pub(crate) fn range(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    [
        at(0),
        at(values.len() / 2),
        at(values.len().saturating_sub(1)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_that_moves_by_a_sixth_is_not_steady() {
        assert!(spread([100.0, 115.0, 101.0].into_iter()) <= STEADY);
        assert!(spread([100.0, 116.0, 101.0].into_iter()) > STEADY);
        assert_eq!(range(vec![3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
    }
}
