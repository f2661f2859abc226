//! Calls about what people say to each other.

use serde_json::json;

use super::{Line, Scene};
use crate::server::{Server, Setup};

/// Conversations, history, marks, deletions. Sara and Omid talk: she wrote
/// `<first>` and `<second>` to him in `<here>`; Mina knows neither.
#[rustfmt::skip]
pub(super) const CONVERSATIONS: &[Line] = &[
    ("sara GET /api/conversations", 200, r#"{"conversations":["@preview"]}"#),
    ("mina GET /api/conversations", 200, r#"{"conversations":[]}"#),
    (r#"mina POST /api/conversations {"participant_id":<sara>}"#, 201, r#""@conversation""#),
    (r#"mina POST /api/conversations {"participant_id":<sara>}"#, 200, r#""@conversation""#),
    (r#"mina POST /api/conversations {"participant_id":<mina>}"#, 400, "!self_conversation"),
    (r#"mina POST /api/conversations {"participant_id":999999}"#, 404, "!user_not_found"),
    (r#"mina POST /api/conversations {"participant_id":0}"#, 400, "!bad_request"),
    ("mina POST /api/conversations {}", 400, "!bad_request"),
    ("omid GET /api/messages?user_id=<sara>", 200, r#"{"messages":["@message","@message"]}"#),
    ("omid GET /api/messages?user_id=<sara>&limit=1", 200, r#"{"messages":["@message"]}"#),
    ("omid GET /api/messages?user_id=<sara>&limit=-1", 200, r#"{"messages":["@message"]}"#),
    ("omid GET /api/messages?user_id=<sara>&offset=2", 200, r#"{"messages":[]}"#),
    ("omid GET /api/messages?user_id=<sara>&before_seq=2", 200, r#"{"messages":["@message"]}"#),
    ("omid GET /api/messages?user_id=<sara>&after_seq=2", 200, r#"{"messages":[]}"#),
    ("omid GET /api/messages?user_id=<sara>&limit=many", 400, "!bad_request"),
    ("omid GET /api/messages", 400, "!bad_request"),
    ("omid GET /api/messages?user_id=sara", 400, "!bad_request"),
    ("omid GET /api/messages?user_id=<mina>", 404, "!conversation_not_found"),
    ("omid PUT /api/messages/<first>/delivered", 200, r#"{"status":"is delivered"}"#),
    ("omid PUT /api/messages/<first>/read", 200, r#"{"status":"is read"}"#),
    ("omid PUT /api/messages/<first>/delivered", 200, r#"{"status":"is delivered"}"#),
    ("omid GET /api/messages?user_id=<sara>&limit=1&offset=1", 200, r#"{"messages":[{"id":"is <first>","conversation_id":"is <here>","seq":"is 1","sender_id":"is <sara>","receiver_id":"is <omid>","content":"is first","status":"is read","created_at":"time","delivered_at":"time","read_at":"time"}]}"#),
    ("sara PUT /api/messages/<first>/read", 403, "!not_receiver"),
    ("mina PUT /api/messages/<first>/read", 403, "!not_receiver"),
    ("omid PUT /api/messages/999999/read", 403, "!not_receiver"),
    ("omid PUT /api/messages/x/read", 400, "!bad_request"),
    ("omid PUT /api/messages/x/delivered", 400, "!bad_request"),
    ("omid DELETE /api/messages/<first>", 403, "!not_sender"),
    ("mina DELETE /api/messages/<first>?for=me", 404, "!message_not_found"),
    ("sara DELETE /api/messages/x", 400, "!bad_request"),
    ("sara DELETE /api/messages/<first>?for=nobody", 400, "!bad_request"),
    ("sara DELETE /api/messages/999999", 404, "!message_not_found"),
    ("omid DELETE /api/messages/<first>?for=me", 200, r#"{"status":"is deleted"}"#),
    ("sara DELETE /api/messages/<first>", 200, r#"{"status":"is deleted"}"#),
    ("sara DELETE /api/messages/<first>", 404, "!message_not_found"),
    ("omid GET /api/messages?user_id=<sara>", 200, r#"{"messages":["@message"]}"#),
    ("mina DELETE /api/conversations/<here>", 403, "!not_participant"),
    ("sara DELETE /api/conversations/x", 400, "!bad_request"),
    ("sara DELETE /api/conversations/<here>?for=nobody", 400, "!bad_request"),
    ("sara DELETE /api/conversations/999999", 404, "!conversation_not_found"),
    ("omid DELETE /api/conversations/<here>?for=me", 200, r#"{"status":"is deleted"}"#),
    ("omid GET /api/conversations", 200, r#"{"conversations":[]}"#),
    ("sara DELETE /api/conversations/<here>", 200, r#"{"status":"is deleted"}"#),
    ("sara GET /api/messages?user_id=<omid>", 404, "!conversation_not_found"),
    (r#"sara POST /api/blocks {"user_id":<omid>}"#, 200, r#"{"status":"is blocked"}"#),
    (r#"sara POST /api/conversations {"participant_id":<omid>}"#, 403, "!blocked_by_you"),
    (r#"omid POST /api/conversations {"participant_id":<sara>}"#, 403, "!not_allowed"),
];

/// Files. The server takes a mebibyte at once and three of one person.
#[rustfmt::skip]
pub(super) const FILES: &[Line] = &[
    ("sara POST /api/upload form receiver_id=<omid>;file@note.txt=hello", 200, r#""@uploaded""#),
    ("sara POST /api/upload form file@me.png=picture;receiver_id=<omid>;client_message_id=c1", 200, r#"{"message_id":"int as picture","file_name":"is me.png","file_size":"num","file_url":"str as image","file_content_type":"is image/png","conversation_id":"int","seq":"is 2","created_at":"time","kind":"is file","width":"is 20","height":"is 10"}"#),
    ("sara POST /api/upload form file@me.png=picture;receiver_id=<omid>;client_message_id=c1", 200, r#"{"message_id":"is <picture>","file_name":"str","file_size":"num","file_url":"str","file_content_type":"str","conversation_id":"int","seq":"is 2","created_at":"time","kind":"is file","width":"int","height":"int"}"#),
    ("- GET <image>", 200, "type image/png"),
    ("- GET <address>", 200, "type application/octet-stream"),
    ("omid GET /api/messages?user_id=<sara>", 200, r#"{"messages":["@message","@message"]}"#),
    ("sara POST /api/upload form receiver_id=<omid>", 400, "!file_missing"),
    ("sara POST /api/upload form receiver_id=<omid>;file@big.bin=big", 400, "!file_too_large"),
    ("sara POST /api/upload form file@note.txt=hello", 400, "!receiver_invalid"),
    ("sara POST /api/upload form receiver_id=x;file@note.txt=hello", 400, "!receiver_invalid"),
    ("sara POST /api/upload form receiver_id=<sara>;file@note.txt=hello", 400, "!self_message"),
    ("sara POST /api/upload form receiver_id=999999;file@note.txt=hello", 404, "!user_not_found"),
    ("sara POST /api/upload form receiver_id=<omid>;duration_ms=long;file@note.txt=hello", 400, "!bad_request"),
    ("sara POST /api/upload {}", 400, "!bad_request"),
    ("sara DELETE /api/messages/<picture>", 200, r#"{"status":"is deleted"}"#),
    ("- GET <image>", 404, "!not_found"),
    (r#"sara POST /api/blocks {"user_id":<omid>}"#, 200, r#"{"status":"is blocked"}"#),
    ("sara POST /api/upload form receiver_id=<omid>;file@note.txt=hello", 403, "!blocked_by_you"),
    ("omid POST /api/upload form receiver_id=<sara>;file@note.txt=hello", 403, "!not_allowed"),
];

#[rustfmt::skip]
const POOR: &[Line] = &[(
    "sara POST /api/upload form receiver_id=<omid>;file@note.txt=hello",
    413,
    "!quota_exceeded",
)];

#[rustfmt::skip]
const FULL: &[Line] = &[
    ("sara POST /api/upload form receiver_id=<omid>;file@note.txt=hello", 507, "!storage_full"),
    ("sara POST /api/profile/avatar form avatar@me.png=picture", 507, "!storage_full"),
];

#[tokio::test]
async fn conversations_and_messages_are_as_the_table_says() {
    let mut scene = Scene::new(Server::usual(), &["sara", "omid", "mina"]);
    let (sara, omid) = (scene.person("sara").clone(), scene.person("omid").clone());
    let mut hers = scene.server.socket(&sara).await;
    for name in ["first", "second"] {
        let told = hers.say(&omid, name).await;
        scene.keep(name, &told["message_id"].to_string());
        scene.keep("here", &told["conversation_id"].to_string());
    }
    assert_eq!(hers.say(&omid, "third").await["seq"], json!(3));
    let third = scene.server.get_as(&omid, "/api/conversations").json();
    let third = third["conversations"][0]["last_message"]["id"].to_string();
    let path = format!("/api/messages/{third}");
    let erased = scene.server.call("DELETE", &path).token(&sara.token).send();
    assert_eq!(erased.status, 200);
    scene.run(CONVERSATIONS);
}

#[test]
fn files_are_as_the_table_says() {
    let server = |name, value| Setup::new().set(name, value).start();
    let people = &["sara", "omid"];
    Scene::new(server("MAX_UPLOAD_SIZE", "1048576"), people).run(FILES);
    Scene::new(server("USER_QUOTA", "4"), people).run(POOR);
    Scene::new(server("MIN_FREE_DISK", "1000000000000000"), people).run(FULL);
}
