//! The random things people, the media side and the store do around rooms.

use payambar_signaling::ids::{ConnId, UserId};
use proptest::prelude::*;
use serde_json::json;

pub(crate) const CONNS: [ConnId; 10] = [
    ConnId(11),
    ConnId(12),
    ConnId(21),
    ConnId(22),
    ConnId(31),
    ConnId(32),
    ConnId(41),
    ConnId(42),
    ConnId(51),
    ConnId(52),
];

/// The conversation of persons 1 and 2, and a group of the first four.
pub(crate) const PAIR: i64 = 7;
pub(crate) const GROUP: i64 = 8;

pub(crate) fn owner(conn: ConnId) -> UserId {
    UserId((conn.0 / 10).cast_signed())
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Connect(ConnId),
    Disconnect(ConnId),
    Say(ConnId, Said),
    /// The store answers the n-th question; as things were when it was asked, or
    /// as they are now; or it fails.
    Read(usize, bool, bool),
    Media(usize, Told),
    /// Person 3 or 4 leaves the group, or comes back.
    Member(i64, bool),
    Block(i64, i64, bool),
    LogOut(ConnId),
    Close(i64),
    Wait(u64),
}

/// A frame; a seat is the n-th of those that live, of the sender or of anybody.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    Join(i64, bool),
    Seat(&'static str, i64, usize, bool),
    Moderate(&'static str, usize),
    Lock(i64, bool),
    Invite(i64, i64),
    Decline(i64),
    Call(String),
}

/// What becomes of the n-th medium.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told {
    Offer,
    Connected,
    Silent,
    Heard,
    Speaking(bool),
    Slots,
    Gone,
    Full,
}

fn said() -> impl Strategy<Value = Said> {
    let room = || prop::sample::select(vec![PAIR, GROUP, GROUP, 9]);
    let of_seat = [
        "room_leave",
        "room_resume",
        "room_restart",
        "room_answer",
        "room_mute",
        "room_hand",
        "room_hand",
        "room_hand",
    ];
    let actions = ["mute", "unmute", "lower_hand", "kick"];
    let call = (0_usize..3, 1_i64..6).prop_map(|(kind, to)| {
        let description = |kind| json!({"type": kind, "sdp": "s"});
        let frame = match kind {
            0 => json!({"type": "call_offer", "receiver_id": to,
                "payload": {"offer": description("offer")}}),
            1 => json!({"type": "call_answer", "receiver_id": to,
                "payload": {"answer": description("answer")}}),
            _ => json!({"type": "call_hangup", "receiver_id": to}),
        };
        Said::Call(frame.to_string())
    });
    prop_oneof![
        8 => (room(), any::<bool>()).prop_map(|(room, call)| Said::Join(room, call)),
        14 => (prop::sample::select(of_seat.to_vec()), room(), any::<usize>(), any::<bool>())
            .prop_map(|(kind, room, n, on)| Said::Seat(kind, room, n, on)),
        3 => (prop::sample::select(actions.to_vec()), any::<usize>())
            .prop_map(|(action, n)| Said::Moderate(action, n)),
        1 => (room(), prop::bool::weighted(0.3)).prop_map(|(room, on)| Said::Lock(room, on)),
        5 => (room(), 1_i64..6).prop_map(|(room, user)| Said::Invite(room, user)),
        1 => room().prop_map(Said::Decline),
        4 => call,
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let conn = || prop::sample::select(CONNS.to_vec());
    let heard = prop_oneof![
        12 => Just(Told::Offer),
        4 => Just(Told::Connected),
        1 => Just(Told::Silent),
        1 => Just(Told::Heard),
        3 => any::<bool>().prop_map(Told::Speaking),
        2 => Just(Told::Slots),
        1 => Just(Told::Gone),
        1 => Just(Told::Full),
    ];
    prop_oneof![
        4 => conn().prop_map(Step::Connect),
        2 => conn().prop_map(Step::Disconnect),
        30 => (conn(), said()).prop_map(|(conn, said)| Step::Say(conn, said)),
        16 => (any::<usize>(), any::<bool>(), prop::bool::weighted(0.95))
            .prop_map(|(n, then, ok)| Step::Read(n, then, ok)),
        16 => (any::<usize>(), heard).prop_map(|(n, heard)| Step::Media(n, heard)),
        2 => (3_i64..5, any::<bool>()).prop_map(|(user, is)| Step::Member(user, is)),
        2 => (1_i64..6, 1_i64..5, prop::bool::weighted(0.3)).prop_map(|(by, step, blocked)| {
            Step::Block(by, (by + step - 1) % 5 + 1, blocked)
        }),
        1 => conn().prop_map(Step::LogOut),
        1 => prop::sample::select(vec![PAIR, GROUP]).prop_map(Step::Close),
        3 => (0_u64..40).prop_map(Step::Wait),
    ]
}
