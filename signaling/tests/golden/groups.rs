//! What each golden frame of groups says, as values.

use payambar_signaling::chat::{Body, Destination, StoredMessage};
use payambar_signaling::file::FileEntry;
use payambar_signaling::group::{Event, Happening, Role};
use payambar_signaling::ids::{ConversationId, FileId, MessageId, Seq, Timestamp, UserId};
use payambar_signaling::wire::{ClientFrame, MessageFrame, ServerFrame};

const NAME: &str = "0192f0c1-7e3b-7000-8000-000000000001";
const ME: UserId = UserId(1);
const YOU: UserId = UserId(2);
const HERE: ConversationId = ConversationId(9);

pub(crate) fn client() -> Vec<(&'static str, ClientFrame)> {
    let text = |name: Option<&str>| ClientFrame::GroupMessage {
        conversation: HERE,
        content: "سلام به همه".to_owned(),
        client_message_id: name.map(str::to_owned),
    };
    let to = Destination::Group(HERE);
    vec![
        ("group_message", text(None)),
        ("group_message_named", text(Some(NAME))),
        ("typing_group", ClientFrame::Typing { to, active: true }),
    ]
}

fn message(name: Option<&str>, body: Body) -> ServerFrame {
    ServerFrame::of(&StoredMessage {
        id: MessageId(41),
        conversation: HERE,
        seq: Seq(12),
        sender: ME,
        to: Destination::Group(HERE),
        client_message_id: name.map(str::to_owned),
        body,
        created_at: Timestamp(1_795_222_923_456),
    })
}

fn event(change: Happening, user_id: UserId, role: Option<Role>) -> ServerFrame {
    let name = (change == Happening::Renamed).then(|| "خانواده".to_owned());
    let event = Event {
        change,
        user_id,
        role,
        name,
    };
    message(None, Body::Event(Box::new(event)))
}

fn member(change: Happening, role: Option<Role>, by: Option<UserId>) -> ServerFrame {
    ServerFrame::GroupMember {
        conversation_id: HERE,
        user_id: YOU,
        username: "omid".to_owned(),
        display_name: by.map(|_| "امید".to_owned()),
        role,
        change,
        by,
    }
}

/// With the address that the shell fills in.
fn file() -> ServerFrame {
    let mut frame = message(
        None,
        Body::File(Box::new(FileEntry {
            id: FileId::from_bytes([7; 16]),
            name: "a.pdf".to_owned(),
            size_bytes: 70_000,
            content_type: "application/pdf".to_owned(),
            picture: None,
            voice: None,
        })),
    );
    if let ServerFrame::GroupMessage(MessageFrame {
        file: Some(file), ..
    }) = &mut frame
    {
        let id = FileId::from_bytes([7; 16]);
        file.file_url = format!("/api/files/{id}?n=3&e=20780&s=AAAAAAAAAAAAAAAAAAAAAA");
    }
    frame
}

pub(crate) fn server() -> Vec<(&'static str, ServerFrame)> {
    let text = Body::Text("سلام به همه".to_owned());
    let receipt = |recv_seq, read_seq| ServerFrame::GroupReceipt {
        conversation_id: HERE,
        user_id: YOU,
        recv_seq,
        read_seq,
    };
    vec![
        ("group_message", message(Some(NAME), text)),
        ("group_message_file", file()),
        (
            "group_message_event_role",
            event(Happening::Role, YOU, Some(Role::Admin)),
        ),
        (
            "group_message_event_renamed",
            event(Happening::Renamed, ME, None),
        ),
        ("group_receipt", receipt(Seq(12), None)),
        ("group_receipt_read", receipt(Seq(12), Some(Seq(12)))),
        (
            "group_changed",
            ServerFrame::GroupChanged {
                conversation_id: HERE,
                name: "خانواده".to_owned(),
                role: Role::Member,
            },
        ),
        (
            "group_member_added",
            member(Happening::Added, Some(Role::Member), Some(ME)),
        ),
        (
            "group_member_joined",
            member(Happening::Joined, Some(Role::Member), None),
        ),
        (
            "group_member_kicked",
            member(Happening::Kicked, None, Some(ME)),
        ),
        ("group_member_left", member(Happening::Left, None, None)),
        (
            "group_member_role",
            member(Happening::Role, Some(Role::Admin), Some(ME)),
        ),
        (
            "group_deleted",
            ServerFrame::GroupDeleted {
                conversation_id: HERE,
            },
        ),
        (
            "typing_group",
            ServerFrame::Typing {
                sender_id: YOU,
                conversation_id: Some(HERE),
                active: true,
            },
        ),
        (
            "message_deleted_group",
            ServerFrame::MessageDeleted {
                message_id: MessageId(41),
                client_message_id: None,
                conversation_id: HERE,
                seq: Seq(12),
                sender_id: ME,
                receiver_id: None,
                for_me: false,
            },
        ),
    ]
}
