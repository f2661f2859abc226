//! The corpus, replayed without a fuzzer.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;

use payambar_media_fuzz::{TARGETS, Target, seeds};

/// More belongs into no repository.
const MOST_BYTES: usize = 512 * 1024;

/// Every file of a target, by name.
fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let named = files.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap())
    });
    named.collect()
}

fn replay(target: &str) {
    let run: BTreeMap<&str, Target> = TARGETS.into_iter().collect();
    for (name, bytes) in corpus(target) {
        let outcome = std::panic::catch_unwind(|| run[target](&bytes));
        assert!(outcome.is_ok(), "{target}/{name}");
    }
}

#[test]
fn what_datagrams_are_taken_for() {
    replay("frame");
}

#[test]
fn what_requests_say() {
    replay("request");
}

#[test]
fn what_a_client_sends() {
    replay("client_datagram");
}

#[test]
fn what_a_peer_sends() {
    replay("peer_datagram");
}

#[test]
fn what_happens_one_after_the_other() {
    replay("sequence");
}

#[test]
fn what_comes_over_a_stream() {
    replay("stream");
}

#[test]
fn what_happens_in_a_room() {
    replay("room");
}

#[test]
fn what_reaches_the_rooms() {
    replay("rooms");
}

#[test]
fn what_descriptions_say() {
    replay("description");
}

#[test]
fn the_corpus_has_every_seed_as_the_code_makes_it_and_stays_small() {
    let mut bytes = 0;
    for (target, _) in TARGETS {
        let corpus = corpus(target);
        for (name, seed) in seeds::of(target) {
            let kept = corpus.get(&format!("seed-{name}"));
            assert_eq!(
                kept,
                Some(&seed),
                "{target}/seed-{name}: run the example `seeds`"
            );
        }
        bytes += corpus.values().map(Vec::len).sum::<usize>();
    }
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}
