//! What each golden frame about a room says, as values.

use payambar_signaling::ids::{ConversationId, ParticipantId, Timestamp, UserId};
use payambar_signaling::wire::{
    ClientFrame, InviteEnd, Participant, RoomAction, RoomFrame, RoomLeftReason, RoomSaid,
    RoomState, ServerFrame,
};

use super::frames::{ME, YOU, answer, call_id, offer};

const ROOM: ConversationId = ConversationId(7);
const MINE: ParticipantId = ParticipantId(3);
const YOURS: ParticipantId = ParticipantId(4);

pub(crate) fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    let participant = MINE;
    let mute = |muted| RoomSaid::Mute { participant, muted };
    let hand = |raised| RoomSaid::Hand {
        participant,
        raised,
    };
    let moderate = |action| RoomSaid::Moderate {
        participant: YOURS,
        action,
    };
    let join = |call_id| RoomSaid::Join { call_id };
    let answer = RoomSaid::Answer {
        participant,
        sdp: answer(),
    };
    let said = [
        ("room_join", join(None)),
        ("room_join_from_call", join(Some(call_id()))),
        ("room_answer", answer),
        ("room_restart", RoomSaid::Restart { participant }),
        ("room_resume", RoomSaid::Resume { participant }),
        ("room_leave", RoomSaid::Leave { participant }),
        ("room_mute", mute(true)),
        ("room_mute_off", mute(false)),
        ("room_hand", hand(true)),
        ("room_hand_lowered", hand(false)),
        ("room_moderate_mute", moderate(RoomAction::Mute)),
        ("room_moderate_unmute", moderate(RoomAction::Unmute)),
        ("room_moderate_lower_hand", moderate(RoomAction::LowerHand)),
        ("room_moderate_kick", moderate(RoomAction::Kick)),
        ("room_lock", RoomSaid::Lock { locked: true }),
        ("room_lock_off", RoomSaid::Lock { locked: false }),
        ("room_invite", RoomSaid::Invite { user: YOU }),
        ("room_decline", RoomSaid::Decline),
    ];
    let frame = |said| {
        ClientFrame::Room(RoomFrame {
            conversation: ROOM,
            said,
        })
    };
    said.map(|(name, said)| (name, frame(said))).into()
}

fn me() -> Participant {
    participant(MINE, ME, "sara")
}

fn participant(participant_id: ParticipantId, user_id: UserId, name: &str) -> Participant {
    Participant {
        participant_id,
        user_id,
        username: name.to_owned(),
        display_name: None,
        avatar_url: None,
        muted: false,
        mod_muted: false,
        hand: None,
        speaking: false,
        reconnecting: false,
        guest: false,
    }
}

fn you() -> Participant {
    Participant {
        display_name: Some("رضا".to_owned()),
        avatar_url: Some("/api/files/00112233445566778899aabbccddeeff".to_owned()),
        muted: true,
        mod_muted: true,
        hand: Some(1),
        speaking: true,
        reconnecting: true,
        guest: true,
        ..participant(YOURS, YOU, "reza")
    }
}

fn state(participants: Vec<Participant>, locked: bool) -> RoomState {
    RoomState {
        conversation_id: ROOM,
        participants,
        locked,
        max: 50,
        since: Timestamp(1_795_222_923_456),
    }
}

pub(crate) fn frames() -> Vec<(&'static str, ServerFrame)> {
    let (conversation_id, participant_id) = (ROOM, MINE);
    let joined = |payload, state| ServerFrame::RoomJoined {
        participant_id,
        payload,
        state,
    };
    let offered = ServerFrame::RoomOffer {
        conversation_id,
        participant_id,
        payload: offer(),
    };
    let speaking = |speaking| ServerFrame::RoomSpeaking {
        conversation_id,
        participant_id: YOURS,
        speaking,
    };
    let slots = [4, 0, 0, 0, 0, 0, 0, 9].map(ParticipantId);
    let invited = |display_name: Option<&str>, name: Option<&str>| ServerFrame::RoomInvited {
        conversation_id,
        sender_id: ME,
        username: "sara".to_owned(),
        display_name: display_name.map(str::to_owned),
        name: name.map(str::to_owned),
    };
    let moved = ServerFrame::CallMoved {
        call_id: call_id(),
        conversation_id,
    };
    let whole = || state(vec![me(), you()], true);
    vec![
        (
            "room_joined",
            joined(Some(offer()), state(vec![me()], false)),
        ),
        ("room_joined_again", joined(None, whole())),
        ("room_offer", offered),
        ("room_state", ServerFrame::RoomState(whole())),
        (
            "room_state_over",
            ServerFrame::RoomState(state(Vec::new(), false)),
        ),
        ("room_speaking", speaking(true)),
        ("room_speaking_not", speaking(false)),
        (
            "room_slots",
            ServerFrame::RoomSlots {
                conversation_id,
                slots,
            },
        ),
        ("room_invited", invited(None, None)),
        ("room_invited_group", invited(Some("سارا"), Some("خانه"))),
        ("call_moved", moved),
    ]
}

pub(crate) fn ends() -> Vec<(&'static str, ServerFrame)> {
    let left = |reason| ServerFrame::RoomLeft {
        conversation_id: ROOM,
        participant_id: MINE,
        reason,
    };
    let over = |reason| ServerFrame::RoomInviteOver {
        conversation_id: ROOM,
        user_id: YOU,
        reason,
    };
    vec![
        ("room_left_left", left(RoomLeftReason::Left)),
        ("room_left_kicked", left(RoomLeftReason::Kicked)),
        ("room_left_elsewhere", left(RoomLeftReason::Elsewhere)),
        (
            "room_left_connection_lost",
            left(RoomLeftReason::ConnectionLost),
        ),
        ("room_left_closed", left(RoomLeftReason::Closed)),
        (
            "room_left_session_ended",
            left(RoomLeftReason::SessionEnded),
        ),
        ("room_left_failed", left(RoomLeftReason::Failed)),
        ("room_invite_over_joined", over(InviteEnd::Joined)),
        ("room_invite_over_declined", over(InviteEnd::Declined)),
        ("room_invite_over_no_answer", over(InviteEnd::NoAnswer)),
        ("room_invite_over_cancelled", over(InviteEnd::Cancelled)),
    ]
}
