//! The golden frames of `tests/wire`, which the web client is tested against
//! as well: one file per frame and variant. Their values are in `frames`.

#![cfg(test)]

mod frames;
mod groups;
mod rooms;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use frames::{call_ends, call_frames, chat_frames, client_frames};
use payambar_signaling::wire::{Code, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The frames of one direction, by file name without direction and ending.
fn golden(direction: &str) -> BTreeMap<String, Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/wire");
    let mut frames = BTreeMap::new();
    for file in fs::read_dir(folder).expect("the folder of golden frames") {
        let path = file.expect("a file").path();
        let name = path.file_stem().expect("a name").to_str().expect("utf-8");
        let text = fs::read_to_string(&path).expect("readable");
        let golden: Value = serde_json::from_str(&text).expect("json");
        let said = golden["direction"].as_str().expect("a direction");
        let rest = name.strip_prefix(said).and_then(|n| n.strip_prefix('_'));
        let rest = rest.unwrap_or_else(|| panic!("{name} is not {said}_…"));
        let kind = golden["frame"]["type"].as_str().expect("a type");
        assert!(rest.starts_with(kind), "{name} holds a {kind}");
        if said == direction {
            frames.insert(rest.to_owned(), golden["frame"].clone());
        }
    }
    frames
}

#[test]
fn every_client_frame_parses_to_its_value() {
    let mut files = golden("client");
    for (name, expected) in [client_frames(), groups::client(), rooms::client_frames()].concat() {
        let frame = files.remove(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(parse(&frame.to_string()), Ok(expected), "{name}");
    }
    assert!(files.is_empty(), "no value for {:?}", files.keys());
}

#[test]
fn every_server_frame_is_written_as_its_file_says() {
    let mut files = golden("server");
    let frames = [
        chat_frames(),
        call_frames(),
        call_ends(),
        groups::server(),
        rooms::frames(),
        rooms::ends(),
    ];
    for (name, frame) in frames.into_iter().flatten() {
        let expected = files.remove(name).unwrap_or_else(|| panic!("{name}"));
        let text = frame.to_json();
        let written: Value = serde_json::from_str(&text).expect("json");
        assert_eq!(written, expected, "{name}");
        assert!(text.starts_with(r#"{"type":""#), "{name}: type comes first");
    }
    assert!(files.is_empty(), "no value for {:?}", files.keys());
}

/// The types in the first column of the table under this heading.
fn protocol_types(heading: &str) -> BTreeSet<String> {
    let protocol = include_str!("../../PROTOCOL.md");
    let (_, section) = protocol.split_once(heading).expect("the heading");
    let section = section.split("\n### ").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| {
        let cell = line.strip_prefix("| `")?;
        cell.split('|').next()
    });
    cells
        .flat_map(|cell| cell.split(['`', ',', ' ']))
        .filter(|word| !word.is_empty() && *word != "type")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_frame_of_the_protocol_has_a_golden_one() {
    for (direction, heading) in [
        ("client", "### Client → server"),
        ("server", "### Server → client"),
    ] {
        let types: BTreeSet<String> = golden(direction)
            .values()
            .map(|frame| frame["type"].as_str().expect("a type").to_owned())
            .collect();
        assert_eq!(types, protocol_types(heading), "{direction}");
        assert!(types.len() > 10);
    }
}

/// Nonsense a field may hold.
fn nonsense() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({"offer": [], "answer": 1, "candidate": {}, "reason": {}})),
        Just(json!("x".repeat(70_000))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_nesting_panics(open in "[\\[{\":a]{0,400}", depth in 0_usize..5_000) {
        let _ = parse(&format!("{}{open}", "[".repeat(depth)));
        let nested = format!(r#"{{"type":"call_hangup","receiver_id":1,"payload":{}"#, "[".repeat(depth));
        prop_assert!(parse(&nested).is_err());
    }

    #[test]
    fn a_golden_frame_with_a_changed_field_is_read_or_refused_by_name(
        pick in any::<prop::sample::Index>(),
        field in any::<prop::sample::Index>(),
        value in nonsense(),
    ) {
        let frames: Vec<Value> = golden("client").into_values().collect();
        let mut frame = pick.get(&frames).clone();
        let fields = frame.as_object_mut().expect("an object");
        let name = field.get(&fields.keys().cloned().collect::<Vec<_>>()).clone();
        let kind = fields["type"].clone();
        fields.insert(name.clone(), value);
        match parse(&frame.to_string()) {
            Ok(read) => prop_assert_eq!(Value::from(read.reference().r#type), kind),
            Err(refused) if name != "type" => {
                prop_assert_eq!(Value::from(refused.reference.r#type), kind);
            }
            Err(refused) => prop_assert!(
                matches!(refused.code, Code::BadFrame | Code::UnknownType)
            ),
        }
    }

    #[test]
    fn a_golden_frame_cut_or_spoilt_never_panics(
        pick in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let frames: Vec<Value> = golden("client").into_values().collect();
        let text = pick.get(&frames).to_string();
        let at = at.index(text.len());
        let mut bytes = text.into_bytes();
        let _ = parse(&String::from_utf8_lossy(&bytes[..at]));
        bytes[at] = byte;
        let _ = parse(&String::from_utf8_lossy(&bytes));
    }
}
