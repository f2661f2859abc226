use serde_json::json;

use super::*;

fn code(frame: &Value) -> Option<Code> {
    parse(&frame.to_string()).err().map(|refused| refused.code)
}

fn offer(payload: &Value) -> Value {
    json!({"type": "call_offer", "receiver_id": 2, "payload": payload})
}

fn with_candidate(candidate: &Value) -> Value {
    json!({"type": "ice_candidate", "receiver_id": 2, "payload": {"candidate": candidate}})
}

#[test]
fn what_is_not_an_object_with_a_type_is_a_bad_frame_without_reference() {
    for text in [
        "",
        "null",
        "[]",
        "\"message\"",
        "{",
        "{}",
        r#"{"type":1}"#,
        "{}{}",
    ] {
        let refused = parse(text).expect_err(text);
        assert_eq!(refused.code, Code::BadFrame, "{text}");
        assert_eq!(refused.reference, Reference::default(), "{text}");
    }
}

#[test]
fn an_id_is_an_integer_above_zero() {
    for id in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("2"),
        json!(null),
        json!(u64::MAX),
    ] {
        let frame = json!({"type": "mark_read", "message_id": id});
        assert_eq!(code(&frame), Some(Code::BadFrame), "{frame}");
        let frame = json!({"type": "message", "receiver_id": id, "content": "x"});
        assert_eq!(code(&frame), Some(Code::BadFrame), "{frame}");
        let frame = json!({"type": "presence_subscribe", "user_ids": [1, id]});
        assert_eq!(code(&frame), Some(Code::BadFrame), "{frame}");
    }
}

#[test]
fn a_refusal_repeats_what_it_is_about_but_nothing_long() {
    let frame = json!({"type": "message", "receiver_id": 0, "client_message_id": "n"});
    let refused = parse(&frame.to_string()).expect_err("no receiver");
    assert_eq!(refused.reference.r#type, "message");
    assert_eq!(refused.reference.client_message_id.as_deref(), Some("n"));
    let frame = json!({"type": "x".repeat(33), "client_message_id": "n".repeat(65)});
    let refused = parse(&frame.to_string()).expect_err("unknown");
    assert_eq!(refused.code, Code::UnknownType);
    assert_eq!(refused.reference, Reference::default());
}

#[test]
fn a_name_of_a_message_has_at_most_64_characters() {
    let named = |name: &str| json!({"type": "message", "receiver_id": 2, "content": "x", "client_message_id": name});
    assert_eq!(code(&named(&"س".repeat(64))), None);
    assert_eq!(code(&named(&"a".repeat(65))), Some(Code::BadFrame));
    assert_eq!(
        parse(&named("").to_string()),
        Ok(ClientFrame::Message {
            receiver: UserId(2),
            content: "x".to_owned(),
            client_message_id: None
        })
    );
}

#[test]
fn a_socket_watches_at_most_200_people() {
    let watch =
        |n: i64| json!({"type": "presence_subscribe", "user_ids": (1..=n).collect::<Vec<_>>()});
    assert_eq!(code(&watch(200)), None);
    assert_eq!(code(&watch(201)), Some(Code::BadFrame));
}

#[test]
fn a_description_has_its_own_type_and_at_most_32_kib() {
    let sdp = |n: usize| json!({"offer": {"type": "offer", "sdp": "v".repeat(n)}});
    assert_eq!(code(&offer(&sdp(32 * 1024))), None);
    assert_eq!(code(&offer(&sdp(32 * 1024 + 1))), Some(Code::SdpTooLarge));
    for payload in [
        json!(null),
        json!([]),
        json!({}),
        sdp(0),
        json!({"offer": "v=0"}),
        json!({"offer": {"sdp": "v=0"}}),
        json!({"offer": {"type": "answer", "sdp": "v=0"}}),
        json!({"answer": {"type": "answer", "sdp": "v=0"}}),
    ] {
        assert_eq!(code(&offer(&payload)), Some(Code::BadFrame), "{payload}");
    }
}

#[test]
fn a_candidate_is_an_object_of_the_right_shape_and_at_most_2_kib() {
    let empty = json!({"candidate": ""}).to_string().len();
    let long = |n: usize| json!({"candidate": "c".repeat(n - empty)});
    assert_eq!(code(&with_candidate(&long(2048))), None);
    assert_eq!(
        code(&with_candidate(&json!({"candidate": ""}))),
        None,
        "the last"
    );
    for candidate in [
        long(2049),
        json!(null),
        json!("candidate:1"),
        json!([]),
        json!({}),
        json!({"candidate": 1}),
        json!({"candidate": "", "sdpMid": 0}),
        json!({"candidate": "", "sdpMLineIndex": -1}),
        json!({"candidate": "", "sdpMLineIndex": 65_536}),
        json!({"candidate": "", "usernameFragment": {}}),
    ] {
        let frame = with_candidate(&candidate);
        assert_eq!(code(&frame), Some(Code::BadFrame), "{candidate}");
    }
}

#[test]
fn a_reason_may_be_missing_but_not_of_another_kind() {
    let reject =
        |payload: Value| json!({"type": "call_reject", "receiver_id": 2, "payload": payload});
    for payload in [
        json!(null),
        json!({}),
        json!({"reason": null}),
        json!({"reason": "no"}),
    ] {
        assert_eq!(
            parse(&reject(payload).to_string()),
            Ok(ClientFrame::CallReject {
                peer: UserId(2),
                busy: false,
                call_id: None
            })
        );
    }
    for payload in [json!("busy"), json!([]), json!({"reason": 1})] {
        assert_eq!(code(&reject(payload)), Some(Code::BadFrame));
    }
}

#[test]
fn a_call_is_named_by_32_lower_case_hex_digits() {
    let resume = |id: Value| json!({"type": "call_resume", "call_id": id});
    assert_eq!(code(&resume(json!("0f".repeat(16)))), None);
    for id in [json!("0F".repeat(16)), json!(""), json!(null), json!(1)] {
        assert_eq!(code(&resume(id)), Some(Code::BadFrame));
    }
}

#[test]
fn unknown_fields_are_ignored() {
    let frame = json!({"type": "mark_read", "message_id": 1, "later": [{}]});
    assert_eq!(code(&frame), None);
}
