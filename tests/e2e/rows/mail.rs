//! Calls about e-mail addresses and forgotten passwords. What is mailed is read
//! between the tables.

use super::{Line, Scene};
use crate::mail_sink::Sink;
use crate::server::Server;

/// Naming an address.
#[rustfmt::skip]
pub(super) const NAMING: &[Line] = &[
    ("- GET /api/auth/options", 200, r#"{"registration":"is open","mail":"is true"}"#),
    (r#"sara PUT /api/profile/email {"email":"sara@example.org","password":"a good password"}"#, 202, r#"{"status":"is mailed"}"#),
    (r#"sara PUT /api/profile/email {"email":"sara","password":"a good password"}"#, 400, "!email_invalid"),
    (r#"sara PUT /api/profile/email {"email":"sara@example.org","password":"another"}"#, 401, "!bad_credentials"),
    (r#"sara PUT /api/profile/email {"email":"sara@example.org"}"#, 400, "!bad_request"),
    (r#"sara POST /api/profile/email/verify {"code":"abcd-abcd-abcd-abcd"}"#, 400, "!code_invalid"),
    (r#"sara POST /api/profile/email/verify {}"#, 400, "!bad_request"),
    ("sara GET /api/profile", 200, r#"{"id":"int","username":"str","created_at":"time","findable":"bool","calls_from":"str","show_last_seen":"bool","email_waiting":"is sara@example.org"}"#),
];

/// Proving it, and asking for a code for a new password.
#[rustfmt::skip]
pub(super) const PROVING: &[Line] = &[
    (r#"sara POST /api/profile/email/verify {"code":"<code>"}"#, 200, r#"{"status":"is verified"}"#),
    ("sara GET /api/profile", 200, r#"{"id":"int","username":"str","created_at":"time","findable":"bool","calls_from":"str","show_last_seen":"bool","email":"is sara@example.org"}"#),
    (r#"- POST /api/auth/password/forgot {"username":"nobody"}"#, 202, r#"{"status":"is accepted"}"#),
    (r#"- POST /api/auth/password/forgot {"email":"sara@example.org"}"#, 202, r#"{"status":"is accepted"}"#),
    (r#"- POST /api/auth/password/forgot {"email":"sara"}"#, 400, "!email_invalid"),
    (r#"- POST /api/auth/password/forgot {}"#, 400, "!bad_request"),
    (r#"- POST /api/auth/password/reset {"code":"abcd-abcd-abcd-abcd","new_password":"a better password"}"#, 400, "!code_invalid"),
];

/// A new password.
#[rustfmt::skip]
pub(super) const RESETTING: &[Line] = &[
    (r#"- POST /api/auth/password/reset {"code":"<code>","new_password":"12345"}"#, 400, "!password_short"),
    (r#"- POST /api/auth/password/reset {"code":"<code>","new_password":"<long>"}"#, 400, "!password_long"),
    (r#"- POST /api/auth/password/reset {"code":"<code>"}"#, 400, "!bad_request"),
    (r#"- POST /api/auth/password/reset {"code":"<code>","new_password":"a better password"}"#, 200, r#"{"status":"is changed","username":"is sara"}"#),
    (r#"- POST /api/auth/login {"username":"sara","password":"a better password"}"#, 200, r#"{"token":"str as other","user_id":"int","username":"str"}"#),
    (r#"token=<other> DELETE /api/profile/email {"password":"another"}"#, 401, "!bad_credentials"),
    (r#"token=<other> DELETE /api/profile/email {}"#, 400, "!bad_request"),
    (r#"token=<other> DELETE /api/profile/email {"password":"a better password"}"#, 200, r#"{"status":"is deleted"}"#),
];

/// Where the server sends no e-mail.
#[rustfmt::skip]
pub(super) const OFF: &[Line] = &[
    (r#"sara PUT /api/profile/email {"email":"sara@example.org","password":"a good password"}"#, 404, "!mail_off"),
    (r#"sara POST /api/profile/email/verify {"code":"abcd-abcd-abcd-abcd"}"#, 404, "!mail_off"),
    (r#"- POST /api/auth/password/forgot {"username":"sara"}"#, 404, "!mail_off"),
    (r#"- POST /api/auth/password/reset {"code":"abcd-abcd-abcd-abcd","new_password":"a better password"}"#, 404, "!mail_off"),
    (r#"sara DELETE /api/profile/email {"password":"a good password"}"#, 200, r#"{"status":"is deleted"}"#),
    (r#"sara PUT /api/auth/password {"old_password":"a good password","new_password":"a good password"}"#, 400, "!password_same"),
    ("$ user passwd sara", 0, ""),
    (r#"sara GET /api/profile"#, 401, "!invalid_token"),
];

#[test]
fn addresses_and_forgotten_passwords_answer_as_the_table_says() {
    let sink = Sink::plain();
    let mut scene = Scene::new(sink.setup().start(), &["sara"]);
    scene.keep("long", &"p".repeat(1025));
    scene.run(NAMING);
    scene.keep("code", &sink.next().code());
    scene.run(PROVING);
    scene.keep("code", &sink.next().code());
    scene.run(RESETTING);
}

#[test]
fn without_a_mail_server_the_calls_say_so() {
    Scene::new(Server::usual(), &["sara"]).run(OFF);
}
