//! Files on their way in (rows F1, F2, F6, M21): what both people are told,
//! what is refused, and that a refused or broken upload leaves nothing.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use serde_json::{Value, json};

use crate::client::{Answer, Person};
use crate::form::Form;
use crate::server::{PATIENCE, Server, Setup};
use crate::stage::stage;

fn pair(server: &Server) -> (Person, Person) {
    (server.register("sara"), server.register("omid"))
}

fn history(server: &Server, me: &Person, other: &Person) -> Vec<Value> {
    let answer = server.get_as(me, &format!("/api/messages?user_id={}", other.id));
    match answer.json()["messages"].as_array() {
        Some(messages) => messages.clone(),
        None => Vec::new(),
    }
}

/// The file at the address in this answer or frame.
pub(crate) fn fetch(server: &Server, told: &Value) -> Answer {
    server.get(told["file_url"].as_str().expect("an address"))
}

#[tokio::test]
async fn both_people_are_told_of_a_file_and_can_have_it() {
    let mut stage = stage().await;
    let form = Form::default()
        .file("file", "گزارش.pdf", "application/pdf", b"%PDF-1.7 report")
        .text("receiver_id", &stage.omid.id.to_string())
        .text("client_message_id", "file-1");
    let answer = form.send(&stage.server, &stage.sara);
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = answer.json();
    assert_eq!(told["file_name"], "گزارش.pdf");
    assert_eq!(told["file_size"], 15);
    assert_eq!(told["file_content_type"], "application/pdf");
    let (hers, his) = (
        stage.hers.frame_of("message").await,
        stage.his.frame_of("message").await,
    );
    for frame in [&hers, &his] {
        assert_eq!(frame["message_id"], told["message_id"]);
        assert_eq!(frame["client_message_id"], "file-1");
        assert_eq!(frame["content"], "📎 گزارش.pdf");
        assert_eq!(frame["status"], "sent");
        assert_eq!(fetch(&stage.server, frame).text, "%PDF-1.7 report");
    }
    assert_ne!(his["file_url"], hers["file_url"]);
    let kept = history(&stage.server, &stage.omid, &stage.sara);
    assert_eq!(kept[0]["content"], "[فایل]");
    assert_eq!(kept[0]["file_name"], "گزارش.pdf");
    assert_eq!(kept[0]["file_content_type"], "application/pdf");
    assert_eq!(fetch(&stage.server, &kept[0]).text, "%PDF-1.7 report");
    let list = stage
        .server
        .get_as(&stage.omid, "/api/conversations")
        .json();
    let last = &list["conversations"][0]["last_message"];
    assert_eq!(last["file_name"], "گزارش.pdf");
    assert_eq!(list["conversations"][0]["unread_count"], 1);
}

#[tokio::test]
async fn a_file_is_marked_and_caught_up_on_like_any_message() {
    let mut stage = stage().await;
    let told = Form::to(&stage.omid, "a.txt", b"x").send(&stage.server, &stage.sara);
    let moved = stage.hers.frame_of("status_update").await;
    assert_eq!(moved["message_id"], told.json()["message_id"]);
    assert_eq!(moved["status"], "delivered");
    let away = stage.server.register("zari");
    let told = Form::to(&away, "b.txt", b"y").send(&stage.server, &stage.sara);
    let mut socket = stage.server.socket(&away).await;
    let missed = socket.frame_of("message").await;
    assert_eq!(missed["message_id"], told.json()["message_id"]);
    assert_eq!(fetch(&stage.server, &missed).text, "y");
}

#[tokio::test]
async fn the_same_upload_again_is_answered_with_the_first() {
    let mut stage = stage().await;
    let form = |bytes: &[u8]| {
        Form::default()
            .text("client_message_id", "file-1")
            .text("receiver_id", &stage.omid.id.to_string())
            .file("file", "a.txt", "text/plain", bytes)
    };
    let first = form(b"first").send(&stage.server, &stage.sara).json();
    let second = form(b"second").send(&stage.server, &stage.sara).json();
    assert_eq!(first, second);
    assert_eq!(fetch(&stage.server, &second).text, "first");
    stage.hers.frame_of("message").await;
    let more = stage.hers.so_far().await;
    assert!(
        more.iter().all(|frame| frame["type"] != "message"),
        "{more:?}"
    );
    assert_eq!(stage.server.setup.uploads().len(), 1);
}

#[test]
fn equal_bytes_lie_on_the_disk_once_and_nobody_can_tell() {
    let server = Server::usual();
    let (sara, omid) = pair(&server);
    let told = [&sara, &omid].map(|to| {
        let from = if to.id == sara.id { &omid } else { &sara };
        Form::to(to, "same.bin", b"the same bytes")
            .send(&server, from)
            .json()
    });
    assert_eq!(server.setup.uploads().len(), 1);
    let id = |told: &Value| told["file_url"].as_str().unwrap()[..43].to_owned();
    assert_ne!(id(&told[0]), id(&told[1]));
    let keys = |told: &Value| {
        told.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&told[0]), keys(&told[1]));
    for told in &told {
        assert_eq!(fetch(&server, told).text, "the same bytes");
    }
    Form::to(&omid, "same.bin", b"other bytes").send(&server, &sara);
    assert_eq!(server.setup.uploads().len(), 2);
}

#[test]
fn a_file_of_exactly_the_limit_comes_and_one_byte_more_does_not() {
    let server = Setup::new().set("MAX_UPLOAD_SIZE", "200000").start();
    let (sara, omid) = pair(&server);
    let full = vec![7; 200_000];
    let told = Form::to(&omid, "full.bin", &full).send(&server, &sara);
    assert_eq!(told.status, 200, "{}", told.text);
    assert_eq!(fetch(&server, &told.json()).bytes, full);
    let answer = Form::to(&omid, "over.bin", &[7; 200_001]).send(&server, &sara);
    assert_eq!(answer.refusal(), (400, "file_too_large".to_owned()));
    assert_eq!(answer.json()["limit"], 200_000);
    assert!(
        answer.json()["error"]
            .as_str()
            .unwrap()
            .contains("۱۹۵٫۳ کیلوبایت")
    );
    assert_eq!(history(&server, &omid, &sara).len(), 1);
    assert_eq!(server.setup.uploads().len(), 1);
}

/// Sends these bytes with this head over a socket of its own, in pieces.
fn raw(server: &Server, head: &str, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    for piece in pieces {
        // Refused early, the rest may not be taken any more.
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

fn head(person: &Person, more: &str) -> String {
    format!(
        "POST /api/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\n{more}\r\n\r\n",
        person.token,
        Form::kind()
    )
}

#[test]
fn the_limit_holds_for_a_stream_that_does_not_say_its_length() {
    let server = Setup::new().set("MAX_UPLOAD_SIZE", "100000").start();
    let (sara, omid) = pair(&server);
    let chunked = |bytes: usize| {
        let body = Form::to(&omid, "a.bin", &vec![7; bytes]).bytes();
        let mut wire = Vec::new();
        for part in body.chunks(8_000) {
            wire.extend(format!("{:x}\r\n", part.len()).into_bytes());
            wire.extend(part);
            wire.extend(b"\r\n");
        }
        wire.extend(b"0\r\n\r\n");
        raw(
            &server,
            &head(&sara, "Transfer-Encoding: chunked"),
            &[&wire],
        )
    };
    let answer = chunked(100_000);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = chunked(100_001);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("file_too_large"), "{answer}");
    assert_eq!(server.setup.uploads().len(), 1);
}

#[test]
fn a_client_that_breaks_off_leaves_nothing() {
    let server = Server::usual();
    let (sara, omid) = pair(&server);
    let body = Form::to(&omid, "a.bin", &[7; 300_000]).bytes();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = head(&sara, &format!("Content-Length: {}", body.len()));
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..200_000]).unwrap();
    await_drafts(&server, 1);
    stream.shutdown(Shutdown::Both).unwrap();
    await_drafts(&server, 0);
    assert_eq!(history(&server, &omid, &sara), Vec::<Value>::new());
}

/// Waits until there are so many files in all.
fn await_drafts(server: &Server, wanted: usize) {
    let end = std::time::Instant::now() + PATIENCE;
    while server.setup.uploads().len() != wanted {
        assert!(
            std::time::Instant::now() < end,
            "{:?}",
            server.setup.uploads()
        );
        std::thread::yield_now();
    }
}

#[test]
fn missing_and_wrong_parts_are_named() {
    let server = Server::usual();
    let (sara, omid) = pair(&server);
    let to = omid.id.to_string();
    let with = |name: &str, value: &str| Form::to(&omid, "a", b"x").text(name, value);
    let file = |form: Form| form.file("file", "a", "text/plain", b"x");
    for (form, status, code) in [
        (Form::default(), 400, "receiver_invalid"),
        (file(Form::default()), 400, "receiver_invalid"),
        (
            Form::default().text("receiver_id", &to),
            400,
            "file_missing",
        ),
        (
            Form::default()
                .text("receiver_id", &to)
                .file("file", "", "text/plain", b""),
            400,
            "file_missing",
        ),
        (
            file(Form::default().text("receiver_id", "omid")),
            400,
            "receiver_invalid",
        ),
        (
            file(Form::default().text("receiver_id", "0")),
            400,
            "receiver_invalid",
        ),
        (
            file(Form::default().text("receiver_id", "999999")),
            404,
            "user_not_found",
        ),
        (
            file(Form::default()).text("receiver_id", "999999"),
            404,
            "user_not_found",
        ),
        (
            file(Form::default().text("receiver_id", &sara.id.to_string())),
            400,
            "self_message",
        ),
        (file(Form::to(&omid, "a", b"x")), 400, "bad_request"),
        (
            with("client_message_id", &"x".repeat(65)),
            400,
            "bad_request",
        ),
        (with("duration_ms", "-1"), 400, "bad_request"),
        (with("waveform", "no base64!"), 400, "bad_request"),
        (with("waveform", &"A".repeat(136)), 400, "bad_request"),
        (
            with("client_message_id", &"x".repeat(2_000)),
            400,
            "bad_request",
        ),
    ] {
        let answer = form.send(&server, &sara);
        assert_eq!(answer.refusal(), (status, code.to_owned()));
    }
    let call = |kind: &str, body: &[u8]| {
        let call = server.call("POST", "/api/upload").token(&sara.token);
        call.header("content-type", kind)
            .bytes(body.to_vec())
            .send()
            .refusal()
    };
    let body = Form::to(&omid, "a", b"x").bytes();
    let bad = (400, "bad_request".to_owned());
    assert_eq!(call("application/json", b"{}"), bad);
    assert_eq!(call("multipart/form-data", &body), bad);
    assert_eq!(call("multipart/form-data; boundary=other", &body), bad);
    assert_eq!(call(&Form::kind(), &body[..body.len() - 10]), bad);
    let call = server.call("POST", "/api/upload").bytes(body).send();
    assert_eq!(call.refusal(), (401, "missing_token".to_owned()));
    assert_eq!(history(&server, &omid, &sara), Vec::<Value>::new());
    assert!(server.setup.uploads().is_empty());
}

#[test]
fn a_receiver_who_is_named_first_is_asked_about_before_the_bytes_come() {
    let server = Server::usual();
    let sara = server.register("sara");
    let body = Form::default()
        .text("receiver_id", "999999")
        .file("file", "a", "text/plain", &[7; 1_000])
        .bytes();
    let head = head(&sara, "Content-Length: 1000000");
    // The rest never comes, and is not waited for until the end of days.
    let answer = raw(&server, &head, &[&body[..300]]);
    assert!(answer.contains("user_not_found"), "{answer}");
}

#[test]
fn who_is_blocked_sends_no_files_either() {
    let server = Server::usual();
    let (sara, omid) = pair(&server);
    let block = server.call("POST", "/api/blocks").token(&omid.token);
    let blocked = block.json(&json!({ "user_id": sara.id })).send();
    assert!(blocked.status < 300, "{blocked:?}");
    let refused = Form::to(&omid, "a.txt", b"x")
        .send(&server, &sara)
        .refusal();
    assert_eq!(refused, (403, "not_allowed".to_owned()));
    assert!(server.setup.uploads().is_empty());
}

#[test]
fn an_empty_file_with_a_name_is_a_file() {
    let server = Server::usual();
    let (sara, omid) = pair(&server);
    let told = Form::to(&omid, "empty.txt", b"").send(&server, &sara);
    assert_eq!(told.status, 200, "{}", told.text);
    assert_eq!(told.json()["file_size"], 0);
    let empty = fetch(&server, &told.json());
    assert_eq!((empty.status, empty.bytes.len()), (200, 0));
}

#[test]
fn a_name_is_only_ever_shown() {
    let server = Server::usual();
    let (sara, omid) = pair(&server);
    let long = "x".repeat(300);
    for (given, name) in [
        ("../../../etc/passwd", "passwd"),
        ("..\\\\..\\\\evil.exe", "evil.exe"),
        ("a%0d%0aSet-Cookie: b=c.txt", "a%0d%0aSet-Cookie: b=c.txt"),
        ("photo\u{202e}gpj.exe", "photogpj.exe"),
        (long.as_str(), &long[..64]),
    ] {
        let told = Form::to(&omid, given, b"x").send(&server, &sara).json();
        assert_eq!(told["file_name"], name, "{given}");
        let answer = fetch(&server, &told);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("set-cookie"), "");
    }
    let names = server.setup.uploads();
    let inside = server.setup.folder().join("data/uploads/blobs");
    assert!(names.iter().all(|path| path.starts_with(&inside)));
}

#[test]
fn a_voice_message_keeps_its_length_and_shape() {
    let server = Server::usual();
    let (sara, omid) = pair(&server);
    let told = Form::default()
        .text("receiver_id", &omid.id.to_string())
        .text("duration_ms", "4200")
        .text("waveform", "AECA/w==")
        .file(
            "file",
            "voice-1.webm",
            "audio/webm",
            b"\x1a\x45\xdf\xa3....webm....",
        )
        .send(&server, &sara)
        .json();
    let kept = &history(&server, &omid, &sara)[0];
    for told in [&told, kept] {
        assert_eq!(told["file_content_type"], "audio/webm");
        assert_eq!(told["duration_ms"], 4200);
        assert_eq!(told["waveform"], "AECA/w==");
    }
    let answer = fetch(&server, &told);
    assert_eq!(answer.header("content-type"), "audio/webm");
    assert!(answer.header("content-disposition").starts_with("inline"));
    assert_eq!(json!(null), kept["width"]);
}
