//! The corpus and the golden frames, replayed without a fuzzer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use payambar_signaling_fuzz::{TARGETS, Target, frame, talk};
use serde_json::Value;

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn run(target: Target, name: &str, bytes: &[u8]) {
    let outcome = std::panic::catch_unwind(|| target(bytes));
    assert!(outcome.is_ok(), "{name}");
}

#[test]
fn the_corpus_passes() {
    for (target, run_target) in TARGETS {
        let files = files(&format!("corpus/{target}"));
        assert!(!files.is_empty(), "{target}");
        for (name, bytes) in files {
            run(run_target, &name, &bytes);
        }
    }
}

/// Every client's frame of `tests/wire`, whole, cut at each byte, with each byte
/// changed; and all of them said by every socket one after the other.
#[test]
fn the_golden_frames_pass_broken_in_every_place() {
    let mut all = String::new();
    let mut count = 0;
    for (name, bytes) in files("../../tests/wire") {
        let golden: Value = serde_json::from_slice(&bytes).unwrap();
        if golden.pointer("/direction").and_then(Value::as_str) != Some("client") {
            continue;
        }
        count += 1;
        let text = golden.pointer("/frame").unwrap().to_string();
        run(frame, &name, text.as_bytes());
        for end in 0..text.len() {
            run(frame, &name, text.as_bytes().get(..end).unwrap());
            for byte in [b'0', b'"', 0xff] {
                let mut broken = text.clone().into_bytes();
                *broken.get_mut(end).unwrap() = byte;
                run(frame, &name, &broken);
            }
        }
        for conn in 1..=4 {
            all += &format!("{conn}{text}\n");
        }
    }
    assert!(count > 20, "{count}");
    run(talk, "all of them", all.as_bytes());
    run(
        talk,
        "all of them, slowly",
        all.replace('\n', "\n+7\n").as_bytes(),
    );
}
