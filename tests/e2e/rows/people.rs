//! Calls about oneself and others.

use super::{Line, Scene, limited};
use crate::server::{Server, Setup};

/// One's profile, people, blocks.
#[rustfmt::skip]
pub(super) const PROFILE: &[Line] = &[
    ("sara GET /api/profile", 200, r#"{"id":"is <sara>","username":"is sara","created_at":"time","findable":"is true","calls_from":"is everyone","show_last_seen":"is true"}"#),
    (r#"sara PUT /api/profile {"display_name":" سارا "}"#, 200, r#"{"status":"is updated","display_name":"is سارا"}"#),
    (r#"sara PUT /api/profile {"bio":"two\nlines","language":"fa","findable":true,"calls_from":"contacts","show_last_seen":true}"#, 200, r#"{"status":"is updated","display_name":"is سارا"}"#),
    ("sara GET /api/profile", 200, r#"{"id":"int","username":"str","display_name":"is سارا","created_at":"time","findable":"is true","calls_from":"is contacts","show_last_seen":"is true","bio":"str","language":"is fa"}"#),
    (r#"sara PUT /api/profile {"display_name":""}"#, 200, r#"{"status":"is updated","display_name":"text"}"#),
    (r#"sara PUT /api/profile {"display_name":"<65>"}"#, 400, "!display_name_invalid"),
    (r#"sara PUT /api/profile {"display_name":"a\nb"}"#, 400, "!display_name_invalid"),
    (r#"sara PUT /api/profile {"bio":"<301>"}"#, 400, "!bio_invalid"),
    (r#"sara PUT /api/profile {"calls_from":"friends"}"#, 400, "!bad_request"),
    (r#"sara PUT /api/profile {"language":"de"}"#, 400, "!bad_request"),
    (r#"sara PUT /api/profile {"findable":"yes"}"#, 400, "!bad_request"),
    (r#"sara PUT /api/profile {}"#, 400, "!bad_request"),
    ("omid GET /api/users?q=SAR", 200, r#"["@person"]"#),
    ("omid GET /api/users?q=", 200, r#"["@person","@person"]"#),
    ("omid GET /api/users?q=omid", 200, "[]"),
    ("omid GET /api/users?id=<sara>", 200, r#"["@person"]"#),
    ("omid GET /api/users?id=999999", 200, "[]"),
    ("omid GET /api/users?id=x", 400, "!bad_request"),
    ("sara POST /api/profile/avatar form avatar@me.png=picture", 200, r#"{"avatar_url":"str as avatar"}"#),
    ("- GET <avatar>", 200, "type image/jpeg"),
    ("- GET /api/users/sara", 200, r#"{"id":"int","username":"str","display_name":"null","avatar_url":"is <avatar>","bio":"str","is_online":"is false","created_at":"time"}"#),
    ("sara POST /api/profile/avatar form avatar@me.png=words", 400, "!not_a_picture"),
    ("sara POST /api/profile/avatar form avatar@me.png=big", 400, "!file_too_large"),
    ("sara POST /api/profile/avatar form picture@me.png=picture", 400, "!file_missing"),
    ("sara POST /api/profile/avatar {}", 400, "!bad_request"),
    ("sara DELETE /api/profile/avatar", 200, r#"{"status":"is deleted"}"#),
    ("sara DELETE /api/profile/avatar", 200, r#"{"status":"is deleted"}"#),
    ("- GET <avatar>", 404, "!not_found"),
    ("sara GET /api/blocks", 200, r#"{"blocks":[]}"#),
    (r#"sara POST /api/blocks {"user_id":<omid>}"#, 200, r#"{"status":"is blocked"}"#),
    (r#"sara POST /api/blocks {"user_id":<omid>}"#, 200, r#"{"status":"is blocked"}"#),
    ("sara GET /api/blocks", 200, r#"{"blocks":[{"user_id":"is <omid>","username":"is omid","display_name?":"str","created_at":"time"}]}"#),
    (r#"sara POST /api/blocks {"user_id":<sara>}"#, 400, "!bad_request"),
    (r#"sara POST /api/blocks {"user_id":999999}"#, 404, "!user_not_found"),
    (r#"sara POST /api/blocks {}"#, 400, "!bad_request"),
    ("sara DELETE /api/blocks/<omid>", 200, r#"{"status":"is unblocked"}"#),
    ("sara DELETE /api/blocks/<omid>", 200, r#"{"status":"is unblocked"}"#),
    ("sara DELETE /api/blocks/x", 400, "!bad_request"),
    ("$ user role mina admin", 0, ""),
    ("mina DELETE /api/profile", 409, "!last_admin"),
    (r#"omid DELETE /api/profile {"password":"another"}"#, 401, "!bad_credentials"),
    ("omid DELETE /api/profile no JSON", 400, "!bad_request"),
    ("omid DELETE /api/profile", 200, r#"{"status":"is deleted"}"#),
    ("omid GET /api/profile", 401, "!invalid_token"),
    ("- GET /api/users/omid", 404, "!user_not_found"),
    (r#"sara DELETE /api/profile {"password":"a good password"}"#, 200, r#"{"status":"is deleted"}"#),
];

/// Sessions and the password.
#[rustfmt::skip]
pub(super) const SESSIONS: &[Line] = &[
    ("sara GET /api/auth/sessions", 200, r#"[{"id":"int as session","created_at":"time","last_used_at":"time","ip":"is 127.0.0.1","user_agent":"text","current":"is true"}]"#),
    ("omid DELETE /api/auth/sessions/<session>", 404, "!session_not_found"),
    ("sara DELETE /api/auth/sessions/x", 404, "!session_not_found"),
    (r#"- POST /api/auth/login {"username":"sara","password":"a good password"}"#, 200, r#"{"token":"str as other","user_id":"int","username":"str"}"#),
    ("sara POST /api/auth/logout-all", 200, r#"{"ended":"is 1"}"#),
    ("sara POST /api/auth/logout-all no JSON", 400, "!bad_request"),
    ("token=<other> GET /api/profile", 401, "!invalid_token"),
    (r#"- POST /api/auth/login {"username":"sara","password":"a good password"}"#, 200, r#"{"token":"str as other","user_id":"int","username":"str"}"#),
    (r#"sara PUT /api/auth/password {"old_password":"another","new_password":"a better password"}"#, 401, "!bad_credentials"),
    (r#"sara PUT /api/auth/password {"old_password":"a good password","new_password":"12345"}"#, 400, "!password_short"),
    (r#"sara PUT /api/auth/password {"old_password":"a good password","new_password":"<long>"}"#, 400, "!password_long"),
    (r#"sara PUT /api/auth/password {"old_password":"a good password"}"#, 400, "!bad_request"),
    (r#"sara PUT /api/auth/password {"old_password":"a good password","new_password":"a better password"}"#, 204, ""),
    ("token=<other> GET /api/profile", 401, "!invalid_token"),
    (r#"- POST /api/auth/login {"username":"sara","password":"a good password"}"#, 401, "!bad_credentials"),
    (r#"- POST /api/auth/login {"username":"sara","password":"a better password"}"#, 200, r#"{"token":"str as other","user_id":"int","username":"str"}"#),
    ("token=<other> GET /api/auth/sessions", 200, r#"[{"id":"int","created_at":"time","last_used_at":"time","ip":"str","user_agent":"text","current":"bool"}]"#),
    ("token=<other> DELETE /api/auth/sessions/<session>", 204, ""),
    ("sara GET /api/profile", 401, "!invalid_token"),
    (r#"token=<other> POST /api/auth/logout-all {"all":true}"#, 200, r#"{"ended":"is 1"}"#),
    ("token=<other> GET /api/profile", 401, "!invalid_token"),
    ("omid POST /api/auth/logout", 204, ""),
    ("omid GET /api/profile", 401, "!invalid_token"),
];

/// Device keys, pushes, ways of calling.
#[rustfmt::skip]
pub(super) const KEYS_AND_PUSHES: &[Line] = &[
    (r#"sara POST /api/keys/devices {"device_id":" d1 ","algorithm":"ECDH-P256","public_key":"pk","key_id":"k-1"}"#, 200, r#"{"ok":"is true","device_id":"is d1","key_id":"is k-1"}"#),
    (r#"sara POST /api/keys/devices {"device_id":"d2","algorithm":"ECDH-P256","public_key":"pk","key_id":"k-2","enc_private_key":"e","enc_private_key_iv":"i","kdf_salt":"s","kdf_iterations":150000,"kdf_alg":"PBKDF2-SHA256","key_wrap_version":1}"#, 200, r#"{"ok":"is true","device_id":"is d2","key_id":"is k-2"}"#),
    (r#"sara POST /api/keys/devices {"device_id":" ","algorithm":"ECDH-P256","public_key":"pk","key_id":"k-1"}"#, 400, "!bad_request"),
    (r#"sara POST /api/keys/devices {"device_id":"d1","algorithm":"ECDH-P256","key_id":"k-1"}"#, 400, "!bad_request"),
    ("omid GET /api/keys/users/<sara>/devices", 200, r#"{"devices":[{"device_id":"is d2","algorithm":"is ECDH-P256","public_key":"is pk","key_id":"is k-2"},{"device_id":"is d1","algorithm":"str","public_key":"str","key_id":"str"}]}"#),
    ("omid GET /api/keys/users/999999/devices", 200, r#"{"devices":[]}"#),
    ("omid GET /api/keys/users/0/devices", 400, "!bad_request"),
    ("omid GET /api/keys/users/x/devices", 400, "!bad_request"),
    ("sara GET /api/keys/devices/self", 200, r#"{"devices":[{"device_id":"is d2","algorithm":"str","public_key":"str","key_id":"str","enc_private_key":"is e","enc_private_key_iv":"is i","kdf_salt":"is s","kdf_iterations":"is 150000","kdf_alg":"is PBKDF2-SHA256","key_wrap_version":"is 1"},{"device_id":"is d1","algorithm":"str","public_key":"str","key_id":"str"}]}"#),
    (r#"sara POST /api/push/subscribe {"endpoint":"http://127.0.0.1:9/<p>","keys":{"p256dh":"<p256dh>","auth":"AAAAAAAAAAAAAAAAAAAAAA"},"lang":"en"}"#, 200, r#"{"status":"is subscribed"}"#),
    (r#"sara POST /api/push/subscribe {"endpoint":"http://127.0.0.1:9/<p>","keys":{"p256dh":"<p256dh>","auth":"AAAAAAAAAAAAAAAAAAAAAA"},"lang":"de"}"#, 400, "!bad_request"),
    (r#"sara POST /api/push/subscribe {"endpoint":"http://127.0.0.1:9/<p>","keys":{"p256dh":"nonsense","auth":"AAAAAAAAAAAAAAAAAAAAAA"}}"#, 400, "!push_keys_invalid"),
    (r#"sara POST /api/push/subscribe {"endpoint":"http://192.168.0.1/","keys":{"p256dh":"<p256dh>","auth":"AAAAAAAAAAAAAAAAAAAAAA"}}"#, 400, "!push_endpoint_invalid"),
    (r#"sara POST /api/push/subscribe {"endpoint":"https://nowhere.invalid/","keys":{"p256dh":"<p256dh>","auth":"AAAAAAAAAAAAAAAAAAAAAA"}}"#, 400, "!push_endpoint_unreachable"),
    (r#"sara POST /api/push/subscribe {"endpoint":"https://push.example/"}"#, 400, "!bad_request"),
    (r#"omid DELETE /api/push/subscribe {"endpoint":"http://127.0.0.1:9/<p>"}"#, 200, r#"{"status":"is unsubscribed"}"#),
    (r#"sara DELETE /api/push/subscribe {"endpoint":"http://127.0.0.1:9/<p>"}"#, 200, r#"{"status":"is unsubscribed"}"#),
    ("sara DELETE /api/push/subscribe {}", 400, "!bad_request"),
    ("sara GET /api/push/settings", 200, r#"{"privacy":"is name"}"#),
    (r#"sara PUT /api/push/settings {"privacy":"neutral"}"#, 200, r#"{"privacy":"is neutral"}"#),
    (r#"sara PUT /api/push/settings {"privacy":"loud"}"#, 400, "!bad_request"),
    ("sara GET /api/webrtc/config", 200, r#"{"iceServers":[{"urls":"str"},{"urls":["str","str"],"username":"str","credential":"str"}],"ttl":"is 3600"}"#),
];

/// What is refused to one person for too much; it has a server with limits.
#[rustfmt::skip]
pub(super) const LIMITS: &[Line] = &[
    ("60* sara GET /api/users?q=x", 200, "[]"),
    ("sara GET /api/users?q=x", 429, "!too_many_attempts"),
    ("omid GET /api/users?q=x", 200, "[]"),
    ("sara GET /api/users?id=<omid>", 200, r#"["@person"]"#),
    ("30* sara POST /api/push/subscribe {}", 400, "!bad_request"),
    ("10* sara POST /api/upload form receiver_id=<omid>;file@note.txt=hello", 200, r#""@uploaded""#),
    ("sara POST /api/upload form receiver_id=<omid>;file@note.txt=hello", 429, "!too_many_attempts"),
    (r#"3* sara PUT /api/auth/password {"old_password":"not it","new_password":"a better password"}"#, 401, "!bad_credentials"),
    (r#"sara PUT /api/auth/password {"old_password":"not it","new_password":"a better password"}"#, 429, "!too_many_attempts"),
    ("omid DELETE /api/profile", 429, "!too_many_attempts"),
];

#[test]
fn people_and_their_profiles_are_as_the_table_says() {
    let mut scene = Scene::new(Server::usual(), &["sara", "omid", "mina"]);
    scene.keep("65", &"n".repeat(65));
    scene.keep("301", &"b".repeat(301));
    scene.run(PROFILE);
}

#[test]
fn sessions_are_as_the_table_says() {
    let mut scene = Scene::new(Server::usual(), &["sara", "omid"]);
    scene.keep("long", &"p".repeat(1025));
    scene.run(SESSIONS);
}

#[test]
fn keys_and_pushes_are_as_the_table_says() {
    let server = Setup::new().set("PUSH_ALLOW_HOSTS", "127.0.0.1:9").start();
    let mut scene = Scene::new(server, &["sara", "omid"]);
    // Any point of the curve will do.
    let point = scene.server.get("/api/push/key").json();
    scene.keep("p256dh", point["vapid_public_key"].as_str().unwrap());
    scene.keep("p", "device");
    scene.run(KEYS_AND_PUSHES);
}

#[test]
fn one_person_gets_no_more_than_the_table_says() {
    Scene::new(limited().start(), &["sara", "omid"]).run(LIMITS);
}
