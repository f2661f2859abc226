//! Whatever happens to a relay, it does what a model does that is too simple
//! to be wrong: answers, ways of data, quotas, ends to the second, ports.

#![cfg(test)]

mod callers;
mod compare;
mod duties;
mod model;
mod opening;
mod steps;
mod world;

use proptest::prelude::*;

use steps::steps;
use world::World;

proptest! {
    #[test]
    fn a_relay_does_what_the_model_does(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            world.compare();
        }
    }
}
