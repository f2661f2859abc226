//! What each golden frame says, as values.

use payambar_signaling::chat::{
    Body, CallEntry, CallOutcome, Envelope, Marked, Status, StoredMessage,
};
use payambar_signaling::file::{FileEntry, Picture, Voice};
use payambar_signaling::ids::{CallId, ConversationId, FileId, MessageId, Seq, Timestamp, UserId};
use payambar_signaling::wire::{
    CallState, Candidate, ClientFrame, Code, HangupReason, MessageFrame, Reference, RejectReason,
    Sdp, ServerFrame, StatusFrame,
};
use serde_json::json;

const NAME: &str = "0192f0c1-7e3b-7000-8000-000000000001";
pub(crate) const ME: UserId = UserId(1);
pub(crate) const YOU: UserId = UserId(2);

pub(crate) fn call_id() -> CallId {
    "00112233445566778899aabbccddeeff".parse().expect("an id")
}

pub(crate) fn offer() -> Sdp {
    Sdp::new("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n").expect("an offer")
}

pub(crate) fn answer() -> Sdp {
    Sdp::new("v=0\r\no=- 3 4 IN IP4 127.0.0.1\r\n").expect("an answer")
}

fn candidate(fragment: Option<&str>) -> Candidate {
    let fields = json!({
        "candidate": "candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host",
        "sdpMid": "0",
        "sdpMLineIndex": 0,
        "usernameFragment": fragment,
    });
    Candidate::new(fields.as_object().expect("an object").clone()).expect("a candidate")
}

fn envelope(e2ee_v: u32) -> Box<Envelope> {
    let (alg, aad) = match e2ee_v {
        1 => ("AES-256-GCM", None),
        _ => ("X25519-XChaCha20-Poly1305", Some("Nw".to_owned())),
    };
    Box::new(Envelope {
        e2ee_v,
        alg: alg.to_owned(),
        sender_device_id: "5f0c6a52-7a3e-4a0c-9a57-1d4f8f9b7c11".to_owned(),
        key_id: "k-1795222900000".to_owned(),
        iv: "AAECAwQFBgcICQoL".to_owned(),
        ciphertext: "c2VhbGVkIGJ5IGEgZnJpZW5k".to_owned(),
        aad,
    })
}

pub(crate) fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    let named = Some(call_id());
    let text = |name: Option<&str>| ClientFrame::Message {
        receiver: YOU,
        content: "سلام".to_owned(),
        client_message_id: name.map(str::to_owned),
    };
    let sealed = |e2ee_v, name: Option<&str>| ClientFrame::Sealed {
        receiver: YOU,
        envelope: envelope(e2ee_v),
        client_message_id: name.map(str::to_owned),
    };
    let call_offer = |call_id| ClientFrame::CallOffer {
        peer: YOU,
        sdp: offer(),
        call_id,
    };
    let call_ringing = |call_id| ClientFrame::CallRinging { peer: ME, call_id };
    let call_answer = |call_id| ClientFrame::CallAnswer {
        peer: ME,
        sdp: answer(),
        call_id,
    };
    let ice_candidate = |fragment, call_id| ClientFrame::IceCandidate {
        peer: YOU,
        candidate: candidate(fragment),
        call_id,
    };
    let call_reject = |busy, call_id| ClientFrame::CallReject {
        peer: ME,
        busy,
        call_id,
    };
    let call_hangup = |lost, call_id| ClientFrame::CallHangup {
        peer: YOU,
        lost,
        call_id,
    };
    let watch = |users| ClientFrame::PresenceSubscribe { users };
    let typing = |active| ClientFrame::Typing {
        to: YOU.into(),
        active,
    };
    let message = MessageId(41);
    vec![
        ("message", text(None)),
        ("message_named", text(Some(NAME))),
        ("message_sealed", sealed(1, Some(NAME))),
        ("message_sealed_v2", sealed(2, None)),
        ("mark_delivered", ClientFrame::MarkDelivered { message }),
        ("mark_read", ClientFrame::MarkRead { message }),
        ("presence_subscribe", watch(vec![YOU, UserId(3)])),
        ("presence_subscribe_nobody", watch(vec![])),
        ("sleep", ClientFrame::Sleep { asleep: true }),
        ("typing", typing(true)),
        ("typing_stopped", typing(false)),
        ("call_offer", call_offer(None)),
        ("call_offer_renegotiation", call_offer(named)),
        ("call_ringing", call_ringing(named)),
        ("call_ringing_unnamed", call_ringing(None)),
        ("call_answer", call_answer(named)),
        ("call_answer_unnamed", call_answer(None)),
        ("ice_candidate", ice_candidate(Some("aB3d"), named)),
        ("ice_candidate_unnamed", ice_candidate(None, None)),
        ("call_reject", call_reject(false, named)),
        ("call_reject_busy", call_reject(true, named)),
        ("call_reject_unnamed", call_reject(false, None)),
        ("call_hangup", call_hangup(false, named)),
        ("call_hangup_reason", call_hangup(false, named)),
        ("call_hangup_lost", call_hangup(true, named)),
        ("call_hangup_unnamed", call_hangup(false, None)),
        (
            "call_resume",
            ClientFrame::CallResume { call_id: call_id() },
        ),
    ]
}

fn message(name: Option<&str>, body: Body) -> ServerFrame {
    ServerFrame::Message(MessageFrame::from(&StoredMessage {
        id: MessageId(41),
        conversation: ConversationId(7),
        seq: Seq(12),
        sender: ME,
        to: YOU.into(),
        client_message_id: name.map(str::to_owned),
        body,
        created_at: Timestamp(1_795_222_923_456),
    }))
}

fn entry(outcome: CallOutcome, duration_s: Option<u32>) -> ServerFrame {
    message(
        None,
        Body::Call(CallEntry {
            outcome,
            duration_s,
        }),
    )
}

fn picture() -> FileEntry {
    FileEntry {
        id: FileId::from_bytes([7; 16]),
        name: "گربه.png".to_owned(),
        size_bytes: 70_000,
        content_type: "image/png".to_owned(),
        picture: Some(Picture {
            width: 640,
            height: 480,
            thumb: true,
        }),
        voice: None,
    }
}

fn voice() -> FileEntry {
    FileEntry {
        name: "voice-1.webm".to_owned(),
        content_type: "audio/webm".to_owned(),
        picture: None,
        voice: Some(Voice {
            duration_ms: 4_200,
            waveform: "AECA/w==".to_owned(),
        }),
        ..picture()
    }
}

/// With the addresses that the shell fills in.
fn file(entry: FileEntry) -> ServerFrame {
    let address = |size: &str| {
        let id = entry.id;
        format!("/api/files/{id}?n=3&e=20780{size}&s=AAAAAAAAAAAAAAAAAAAAAA")
    };
    let (whole, thumb) = (address(""), address("&size=thumb"));
    let mut frame = message(Some(NAME), Body::File(Box::new(entry)));
    if let ServerFrame::Message(MessageFrame {
        file: Some(file), ..
    }) = &mut frame
    {
        file.file_url = whole;
        if file.has_thumb {
            file.thumb_url = thumb;
        }
    }
    frame
}

fn status(status: Status) -> ServerFrame {
    ServerFrame::StatusUpdate(StatusFrame::from(&Marked {
        conversation: ConversationId(7),
        seq: Seq(12),
        message: MessageId(41),
        sender: ME,
        receiver: YOU,
        status,
        at: Timestamp(1_795_222_923_456),
        advanced: true,
    }))
}

fn deleted(name: Option<&str>, for_me: bool) -> ServerFrame {
    ServerFrame::MessageDeleted {
        message_id: MessageId(41),
        client_message_id: name.map(str::to_owned),
        conversation_id: ConversationId(7),
        seq: Seq(12),
        sender_id: ME,
        receiver_id: Some(YOU),
        for_me,
    }
}

fn conversation_deleted(seq: Option<Seq>) -> ServerFrame {
    ServerFrame::ConversationDeleted {
        conversation_id: ConversationId(7),
        user_id: YOU,
        seq,
        for_me: seq.is_some(),
    }
}

fn reject(call_id: Option<CallId>, payload: RejectReason) -> ServerFrame {
    ServerFrame::CallReject {
        call_id,
        sender_id: YOU,
        payload,
    }
}

fn hangup(payload: HangupReason) -> ServerFrame {
    ServerFrame::CallHangup {
        call_id: call_id(),
        sender_id: YOU,
        payload,
    }
}

fn error(code: Code, kind: &str, name: Option<&str>, call_id: Option<CallId>) -> ServerFrame {
    ServerFrame::Error {
        code,
        error: "انجام نشد.".to_owned(),
        reference: Reference {
            r#type: kind.to_owned(),
            client_message_id: name.map(str::to_owned),
            call_id,
        },
    }
}

pub(crate) fn chat_frames() -> Vec<(&'static str, ServerFrame)> {
    let hello = ServerFrame::Hello {
        user_id: ME,
        version: "0.1.0".to_owned(),
    };
    let presence = |online, last_seen| ServerFrame::Presence {
        user_id: YOU,
        online,
        last_seen,
    };
    let typing = |active| ServerFrame::Typing {
        sender_id: YOU,
        conversation_id: None,
        active,
    };
    let text = || Body::Text("سلام".to_owned());
    vec![
        ("hello", hello),
        ("message", message(None, text())),
        ("message_named", message(Some(NAME), text())),
        (
            "message_sealed",
            message(Some(NAME), Body::Sealed(envelope(1))),
        ),
        (
            "message_sealed_v2",
            message(None, Body::Sealed(envelope(2))),
        ),
        (
            "message_call_answered",
            entry(CallOutcome::Answered, Some(65)),
        ),
        (
            "message_call_answered_at_once",
            entry(CallOutcome::Answered, Some(0)),
        ),
        ("message_call_declined", entry(CallOutcome::Declined, None)),
        ("message_call_busy", entry(CallOutcome::Busy, None)),
        (
            "message_call_cancelled",
            entry(CallOutcome::Cancelled, None),
        ),
        ("message_call_no_answer", entry(CallOutcome::NoAnswer, None)),
        ("message_call_offline", entry(CallOutcome::Offline, None)),
        ("message_call_lost", entry(CallOutcome::Lost, None)),
        (
            "message_call_lost_active",
            entry(CallOutcome::Lost, Some(50)),
        ),
        ("message_file_picture", file(picture())),
        ("message_file_voice", file(voice())),
        ("message_deleted", deleted(Some(NAME), false)),
        ("message_deleted_for_me", deleted(None, true)),
        ("conversation_deleted", conversation_deleted(None)),
        (
            "conversation_deleted_for_me",
            conversation_deleted(Some(Seq(12))),
        ),
        (
            "account_deleted",
            ServerFrame::AccountDeleted {
                user_id: YOU,
                username: "deleted-2".to_owned(),
            },
        ),
        ("status_update_delivered", status(Status::Delivered)),
        ("status_update_read", status(Status::Read)),
        ("presence_online", presence(true, None)),
        ("presence_offline", presence(false, None)),
        (
            "presence_last_seen",
            presence(false, Some(Timestamp(1_795_222_923_456))),
        ),
        ("typing", typing(true)),
        ("typing_stopped", typing(false)),
        ("error", error(Code::BadFrame, "", None, None)),
        (
            "error_message",
            error(Code::UserNotFound, "message", Some(NAME), None),
        ),
        (
            "error_call",
            error(Code::CallUnknown, "call_answer", None, Some(call_id())),
        ),
    ]
}

pub(crate) fn call_frames() -> Vec<(&'static str, ServerFrame)> {
    let call_id = call_id();
    let started = ServerFrame::CallStarted {
        call_id,
        receiver_id: YOU,
    };
    let offered = ServerFrame::CallOffer {
        call_id,
        sender_id: ME,
        payload: offer(),
    };
    let rings = ServerFrame::CallRinging {
        call_id,
        sender_id: YOU,
    };
    let answered = ServerFrame::CallAnswer {
        call_id,
        sender_id: YOU,
        payload: answer(),
    };
    let way = ServerFrame::IceCandidate {
        call_id,
        sender_id: ME,
        payload: candidate(Some("aB3d")),
    };
    let resumed = |state| ServerFrame::CallResumed { call_id, state };
    vec![
        ("call_started", started),
        ("call_offer", offered),
        ("call_ringing", rings),
        ("call_answer", answered),
        ("ice_candidate", way),
        ("call_resumed_ringing", resumed(CallState::Ringing)),
        ("call_resumed_active", resumed(CallState::Active)),
    ]
}

pub(crate) fn call_ends() -> Vec<(&'static str, ServerFrame)> {
    let named = Some(call_id());
    vec![
        (
            "call_reject_declined",
            reject(named, RejectReason::Declined),
        ),
        ("call_reject_busy", reject(named, RejectReason::Busy)),
        ("call_reject_busy_at_once", reject(None, RejectReason::Busy)),
        ("call_reject_offline", reject(None, RejectReason::Offline)),
        ("call_reject_glare", reject(None, RejectReason::Glare)),
        ("call_hangup_ended", hangup(HangupReason::Ended)),
        ("call_hangup_cancelled", hangup(HangupReason::Cancelled)),
        ("call_hangup_no_answer", hangup(HangupReason::NoAnswer)),
        (
            "call_hangup_answered_elsewhere",
            hangup(HangupReason::AnsweredElsewhere),
        ),
        (
            "call_hangup_declined_elsewhere",
            hangup(HangupReason::DeclinedElsewhere),
        ),
        (
            "call_hangup_connection_lost",
            hangup(HangupReason::ConnectionLost),
        ),
        (
            "call_hangup_session_ended",
            hangup(HangupReason::SessionEnded),
        ),
    ]
}
