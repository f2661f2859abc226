//! The random things people do.

use payambar_signaling::ids::{ConnId, UserId};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

pub(crate) const CONNS: [ConnId; 6] = [
    ConnId(11),
    ConnId(12),
    ConnId(21),
    ConnId(22),
    ConnId(31),
    ConnId(32),
];

pub(crate) fn owner(conn: ConnId) -> UserId {
    UserId((conn.0 / 10).cast_signed())
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Connect(ConnId),
    Disconnect(ConnId),
    Say(ConnId, String),
    /// The store answers the n-th open question, or refuses.
    Answer(usize, bool),
    /// The n-th call that rings sleeping devices reached one, or none.
    Woken(usize, bool),
    /// An answer nobody waits for.
    Stray(u64),
    CatchUp(ConnId, bool),
    Delete(Delete),
    Written(ConnId, i64),
    LogOut(ConnId),
    Wait(u64),
    /// One person blocks another, or takes it back.
    Block(i64, i64, bool),
}

/// Somebody deletes one of the messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delete {
    pub(crate) pick: usize,
    pub(crate) by_sender: bool,
    pub(crate) for_all: bool,
    /// Not the message alone, but its conversation.
    pub(crate) conversation: bool,
}

/// The call a frame names, as the model finds it when the step is taken.
pub(crate) const NAMED: &str = "\"call_id\":\"?\"";

fn frame() -> impl Strategy<Value = String> {
    let named = prop_oneof![3 => Just(false), 1 => Just(true)];
    let call = (0_usize..7, 1_i64..5, named, 0_u32..1_000).prop_map(|(kind, to, named, n)| {
        let (kind, payload) = match kind {
            0 => (
                "call_offer",
                json!({"offer": {"type": "offer", "sdp": format!("o{n}")}}),
            ),
            1 => (
                "call_answer",
                json!({"answer": {"type": "answer", "sdp": format!("a{n}")}}),
            ),
            2 => (
                "ice_candidate",
                json!({"candidate": {"candidate": format!("c{n}")}}),
            ),
            3 => ("call_ringing", json!({})),
            4 => ("call_hangup", json!({})),
            5 if n % 2 == 0 => ("call_reject", json!({"reason": "busy"})),
            5 => ("call_reject", json!({})),
            _ => ("call_resume", json!({})),
        };
        let named = if named || kind == "call_resume" {
            format!(",{NAMED}")
        } else {
            String::new()
        };
        format!(r#"{{"type":"{kind}","receiver_id":{to},"payload":{payload}{named}}}"#)
    });
    let others = prop_oneof![
        (1_i64..5, "[a-c]{0,2}").prop_map(|(to, id)| {
            json!({
                "type": "message", "receiver_id": to, "content": "hi", "client_message_id": id
            })
        }),
        (1_i64..5, 0_u64..3, "[a-c]{0,2}").prop_map(|(to, e2ee_v, text)| {
            json!({
                "type": "message", "receiver_id": to, "encrypted": true, "e2ee_v": e2ee_v, "alg": "a",
                "sender_device_id": "d", "key_id": "k", "iv": "i", "ciphertext": text
            })
        }),
        (1_i64..9).prop_map(|id| json!({"type": "mark_read", "message_id": id})),
        vec(1_i64..5, 0..4).prop_map(|ids| json!({"type": "presence_subscribe", "user_ids": ids})),
        (1_i64..5, prop::bool::weighted(0.7)).prop_map(|(to, active)| {
            json!({"type": "typing", "receiver_id": to, "active": active})
        }),
        Just(json!({"type": "nonsense"})),
        Just(json!([1, 2])),
    ];
    prop_oneof![
        6 => call,
        2 => others.prop_map(|json| json.to_string()),
        1 => any::<String>(),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let conn = || prop::sample::select(CONNS.to_vec());
    prop_oneof![
        4 => conn().prop_map(Step::Connect),
        2 => conn().prop_map(Step::Disconnect),
        30 => (conn(), frame()).prop_map(|(conn, text)| Step::Say(conn, text)),
        8 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(n, ok)| Step::Answer(n, ok)),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(n, reached)| Step::Woken(n, reached)),
        1 => (0_u64..50).prop_map(Step::Stray),
        6 => (conn(), any::<bool>()).prop_map(|(conn, ok)| Step::CatchUp(conn, ok)),
        2 => (any::<(usize, bool, bool)>(), prop::bool::weighted(0.2)).prop_map(
            |((pick, by_sender, for_all), conversation)| {
                Step::Delete(Delete { pick, by_sender, for_all, conversation })
            }
        ),
        2 => (conn(), 1_i64..50).prop_map(|(conn, seq)| Step::Written(conn, seq)),
        1 => conn().prop_map(Step::LogOut),
        3 => (0_u64..30).prop_map(Step::Wait),
        2 => (1_i64..4, 1_i64..3, any::<bool>()).prop_map(|(by, step, blocked)| {
            Step::Block(by, (by + step - 1) % 3 + 1, blocked)
        }),
    ]
}
