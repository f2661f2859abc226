//! What a text of a socket is taken for.

use payambar_signaling::chat::Destination;
use payambar_signaling::wire::{
    ClientFrame, Code, MAX_CANDIDATE_BYTES, MAX_CLIENT_MESSAGE_ID_CHARS, MAX_SDP_BYTES,
    MAX_SUBSCRIPTIONS, RoomSaid, parse,
};
use serde_json::Value;

/// Parses the bytes as one frame. What is read keeps the promised sizes, its
/// reference says what the text says, and only promised codes refuse it.
pub fn frame(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    match parse(text) {
        Ok(frame) => {
            let reference = frame.reference();
            assert_eq!(json["type"], reference.r#type.as_str());
            sized(&frame);
        }
        Err(refused) => {
            let promised = [
                Code::BadFrame,
                Code::UnknownType,
                Code::SdpTooLarge,
                Code::EnvelopeInvalid,
            ];
            assert!(promised.contains(&refused.code), "{:?}", refused.code);
            // What goes back to the sender is no echo of whatever was sent.
            assert!(refused.reference.r#type.len() <= 32);
            if !json.is_object() {
                assert_eq!(refused.code, Code::BadFrame);
            }
        }
    }
}

/// Nothing of a frame that was read is larger than PROTOCOL.md says.
fn sized(frame: &ClientFrame) {
    let named = |name: &Option<String>| {
        let length = name.as_ref().map_or(0, |name| name.chars().count());
        assert!(length <= MAX_CLIENT_MESSAGE_ID_CHARS, "{length}");
    };
    match frame {
        ClientFrame::Message {
            receiver,
            client_message_id,
            ..
        }
        | ClientFrame::Sealed {
            receiver,
            client_message_id,
            ..
        } => {
            assert!(receiver.0 > 0);
            named(client_message_id);
        }
        ClientFrame::PresenceSubscribe { users } => {
            assert!(users.len() <= MAX_SUBSCRIPTIONS);
            assert!(users.iter().all(|user| user.0 > 0));
        }
        ClientFrame::CallOffer { sdp, .. } | ClientFrame::CallAnswer { sdp, .. } => {
            assert!((1..=MAX_SDP_BYTES).contains(&sdp.as_str().len()));
        }
        ClientFrame::IceCandidate { candidate, .. } => {
            let size = serde_json::to_string(candidate).unwrap().len();
            assert!(size <= MAX_CANDIDATE_BYTES, "{size}");
        }
        ClientFrame::MarkDelivered { message } | ClientFrame::MarkRead { message } => {
            assert!(message.0 > 0);
        }
        ClientFrame::GroupMessage {
            conversation,
            client_message_id,
            ..
        } => {
            assert!(conversation.0 > 0);
            named(client_message_id);
        }
        ClientFrame::Typing { to, .. } => match to {
            Destination::Person(person) => assert!(person.0 > 0),
            Destination::Group(group) => assert!(group.0 > 0),
        },
        ClientFrame::CallRinging { peer, .. }
        | ClientFrame::CallReject { peer, .. }
        | ClientFrame::CallHangup { peer, .. } => assert!(peer.0 > 0),
        ClientFrame::Room(frame) => {
            assert!(frame.conversation.0 > 0);
            if let RoomSaid::Answer { participant, sdp } = &frame.said {
                assert!(participant.0 > 0);
                assert!((1..=MAX_SDP_BYTES).contains(&sdp.as_str().len()));
            }
        }
        ClientFrame::Sleep { .. } | ClientFrame::CallResume { .. } => {}
    }
}
