//! Every call of the REST tables of PROTOCOL.md from outside, one line each: who
//! asks what, the status due, and what the answer is like, with each refusal
//! that can be brought about. Rows A1, A3, A7, A8, A13-A15, A17, M6, M13, M14,
//! M17, G1-G5, A11, A12, F1, F2, F3, E5, N1, N4, C7, X1, X6, X7; stories have modules of their
//! own. `run` says how a line reads.

mod groups;
mod mail;
mod people;
mod public;
mod run;
mod talk;

use serde_json::json;

use crate::client::PASSWORD;
use crate::server::{Server, Setup};
use run::{Line, Scene};

/// Values that many answers have.
const SHAPES: &[(&str, &str)] = &[
    (
        "person",
        r#"{"id":"int","username":"str","display_name?":"str","avatar_url?":"str","is_online":"bool","last_seen?":"time"}"#,
    ),
    (
        "conversation",
        r#"{"id":"int","participants":["int","int"],"user_id":"int","username":"str","display_name?":"str","avatar_url?":"str",
        "last_message_at":"time","unread_count":"num"}"#,
    ),
    (
        "preview",
        r#"{"id":"int","participants":["int","int"],"user_id":"int","username":"str","display_name?":"str","avatar_url?":"str",
        "last_message_at":"time","unread_count":"num","is_online":"bool","last_seen?":"time","last_message?":"@message",
        "blocked?":"bool","deleted?":"bool","last_seq":"num","my_read_seq":"num","peer_recv_seq":"num","peer_read_seq":"num"}"#,
    ),
    (
        "message",
        r#"{"id":"int","conversation_id":"int","seq":"int","client_message_id?":"str","sender_id":"int","receiver_id":"int",
        "content":"text","status":"is sent or is delivered or is read","created_at":"time","delivered_at?":"time","read_at?":"time",
        "kind?":"is file","file_name?":"str","file_url?":"str","file_content_type?":"str","file_size?":"num","width?":"int","height?":"int",
        "encrypted?":"is true","e2ee_v?":"int","alg?":"str","sender_device_id?":"str","key_id?":"str","iv?":"str","ciphertext?":"str","aad?":"str"}"#,
    ),
    (
        "group",
        r#"{"id":"int","name":"str","role":"is owner or is admin or is member","members":["@member"],"created_at":"time","last_seq":"int","my_read_seq":"num"}"#,
    ),
    (
        "member",
        r#"{"user_id":"int","username":"str","display_name?":"str","avatar_url?":"str","role":"is owner or is admin or is member",
        "joined_at":"time","recv_seq":"num","read_seq":"num","is_online":"bool"}"#,
    ),
    (
        "group message",
        r#"{"id":"int","conversation_id":"int","seq":"int","client_message_id?":"str","sender_id":"int","content":"text",
        "status":"is sent or is delivered or is read","created_at":"time","delivered_at?":"time","read_at?":"time","kind?":"is event or is file",
        "event?":{"change":"str","user_id":"int","role?":"str","name?":"str"},
        "file_name?":"str","file_url?":"str","file_content_type?":"str","file_size?":"num"}"#,
    ),
    (
        "uploaded",
        r#"{"message_id":"int as file","file_name":"str","file_size":"num","file_url":"str as address","file_content_type":"str",
        "conversation_id":"int","seq":"int","created_at":"time","kind":"is file","width?":"int","height?":"int",
        "duration_ms?":"int","waveform?":"str"}"#,
    ),
    (
        "entered",
        r#"{"token":"str","user_id":"int","username":"str"}"#,
    ),
    (
        "renewed",
        r#"{"token":"str","user_id":"int","username":"str","role":"is user","refresh_token":"str as ticket",
        "access_expires_at":"time","refresh_expires_at":"time"}"#,
    ),
];

/// All tables, for what holds for each of their lines.
const TABLES: &[&[Line]] = &[
    public::ACCOUNTS,
    public::DOORS,
    public::ASKING,
    people::PROFILE,
    people::SESSIONS,
    people::KEYS_AND_PUSHES,
    people::LIMITS,
    mail::NAMING,
    mail::PROVING,
    mail::RESETTING,
    mail::OFF,
    talk::CONVERSATIONS,
    talk::FILES,
    groups::GROUPS,
];

/// Who asks, method, path, body of a line without its count.
fn words(line: &str) -> [&str; 4] {
    let line = match line.split_once("* ") {
        Some((times, rest)) if times.parse::<usize>().is_ok() => rest,
        _ => line,
    };
    let mut words = line.splitn(4, ' ');
    [(); 4].map(|()| words.next().unwrap_or_default())
}

/// Whether a path is one of PROTOCOL.md's: `{id}` there stands for anything.
fn is_of(pattern: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let pattern = pattern.split('?').next().unwrap_or_default();
    let (one, other): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    let same = |(part, found): (&&str, &&str)| part.starts_with('{') || part == found;
    one.len() == other.len() && one.iter().zip(&other).all(same)
}

/// Method and path of each call of PROTOCOL.md's table.
fn documented() -> Vec<(String, String)> {
    let protocol = include_str!("../../signaling/PROTOCOL.md");
    let mut calls: Vec<(String, String)> = Vec::new();
    for row in protocol.lines().filter(|line| line.starts_with("| `")) {
        let first = row.split(" | ").next().unwrap_or_default();
        for said in first.split('`').skip(1).step_by(2) {
            match said.split_once(' ') {
                Some((method, path)) if path.starts_with('/') => {
                    calls.push((method.to_owned(), path.to_owned()));
                }
                // `…/read` after a longer one.
                _ if said.starts_with('…') => {
                    let (method, path) = calls.last().unwrap().clone();
                    let (stem, _) = path.rsplit_once('/').unwrap();
                    calls.push((method, format!("{stem}{}", said.trim_start_matches('…'))));
                }
                _ => {}
            }
        }
    }
    calls
}

#[test]
fn every_documented_call_has_a_line_and_every_line_is_documented() {
    let calls = documented();
    assert!(calls.len() > 40, "{calls:?}");
    let lines = TABLES.iter().copied().flatten();
    let lines: Vec<[&str; 4]> = lines.map(|(line, _, _)| words(line)).collect();
    for (method, pattern) in &calls {
        let has = |line: &[&str; 4]| line[1] == method && is_of(pattern, line[2]);
        assert!(
            lines.iter().any(has),
            "no line in tests/e2e/rows asks {method} {pattern}"
        );
    }
    for (line, status, shape) in TABLES.iter().copied().flatten() {
        let [who, method, path, _] = words(line);
        let has = |(known, pattern): &(String, String)| known == method && is_of(pattern, path);
        let is_call = who != "$" && path.starts_with("/api/") && method != "OPTIONS";
        let is_nowhere = (*status, *shape) == (404, "!not_found");
        assert!(!is_call || is_nowhere || calls.iter().any(has), "{line}");
    }
}

#[test]
fn every_protected_call_asks_for_a_token_and_takes_no_other() {
    let mut scene = Scene::new(Server::usual(), &["sara"]);
    let gone = scene.person("sara").token.clone();
    scene.server.log_out(scene.person("sara"));
    scene.enter("sara");
    let good = scene.person("sara").token.clone();
    let forged = format!("{}x", &good[..good.len() - 1]);
    let mut asked = 0;
    for (line, _, _) in TABLES.iter().copied().flatten() {
        let [who, method, path, _] = words(line);
        // A file says to nobody whether it is there.
        if ["-", "$"].contains(&who) || path.starts_with("<address>") {
            continue;
        }
        let path = path.replace(['<', '>'], "");
        let call = || scene.server.call(method, &path);
        let due = |code: &str| (401, code.to_owned());
        assert_eq!(call().send().refusal(), due("missing_token"), "{line}");
        for token in [&gone, &forged, "nonsense"] {
            let refusal = call().token(token).send().refusal();
            assert_eq!(refusal, due("invalid_token"), "{line}");
        }
        let by_query = format!(
            "{path}{}token={good}",
            if path.contains('?') { '&' } else { '?' }
        );
        let answer = scene.server.call(method, &by_query).send();
        assert_eq!(answer.refusal(), due("missing_token"), "{line}");
        asked += 1;
    }
    assert!(asked > 100, "{asked}");
}

#[test]
fn errors_are_in_the_language_that_is_asked_for_on_every_call() {
    let server = Server::usual();
    for (language, word) in [("en", "no such"), ("fa", "وجود ندارد"), ("", "وجود ندارد")]
    {
        let call = server
            .call("GET", "/api/none")
            .header("accept-language", language);
        let answer = call.send();
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()));
        let text = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(text.contains(word), "{language}: {text}");
    }
    let body = json!({ "username": "sara", "password": PASSWORD, "age": 7 });
    let call = server.call("POST", "/api/auth/register").json(&body);
    assert_eq!(call.send().status, 201, "unknown fields are ignored");
}

/// The usual server with limits, and nobody's registrations used up.
fn limited() -> Setup {
    Setup::new().unset("RATE_LIMIT")
}
