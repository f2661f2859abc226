//! Calls of people who are at the door, and pages that everybody may see.

use super::{Line, SHAPES, Scene, limited};
use crate::server::{Server, Setup};

/// Making an account, coming in, going on.
#[rustfmt::skip]
pub(super) const ACCOUNTS: &[Line] = &[
    (r#"- POST /api/auth/register {"username":" Nima_1 ","password":"a good password"}"#, 201, r#"{"token":"str","user_id":"int","username":"is Nima_1"}"#),
    (r#"- POST /api/auth/register {"username":"mina","password":"123456","refresh":true}"#, 201, r#""@renewed""#),
    (r#"- POST /api/auth/register {"username":"NIMA_1","password":"a good password"}"#, 400, "!username_taken"),
    (r#"- POST /api/auth/register {"username":"ab","password":"a good password"}"#, 400, "!username_length"),
    (r#"- POST /api/auth/register {"username":"a name","password":"a good password"}"#, 400, "!username_chars"),
    (r#"- POST /api/auth/register {"username":"omid","password":"12345"}"#, 400, "!password_short"),
    (r#"- POST /api/auth/register {"username":"omid","password":"<long>"}"#, 400, "!password_long"),
    (r#"- POST /api/auth/register {"username":"omid"}"#, 400, "!bad_request"),
    (r#"- POST /api/auth/register no JSON"#, 400, "!bad_request"),
    (r#"- POST /api/auth/register {"username":"omid","password":"<huge>"}"#, 413, "!body_too_large"),
    (r#"- POST /api/auth/login {"username":"nima_1","password":"a good password"}"#, 200, r#""@entered""#),
    (r#"- POST /api/auth/login {"username":"nima_1","password":"a good password","refresh":true}"#, 200, r#""@renewed""#),
    (r#"- POST /api/auth/login {"username":"nima_1","password":"another"}"#, 401, "!bad_credentials"),
    (r#"- POST /api/auth/login {"username":"nobody","password":"another"}"#, 401, "!bad_credentials"),
    (r#"- POST /api/auth/login {"username":"nima_1","password":""}"#, 400, "!bad_request"),
    (r#"- POST /api/auth/login {"username":"nima_1"}"#, 400, "!bad_request"),
    (r#"- POST /api/auth/refresh {"refresh_token":"<ticket>"}"#, 200, r#"{"token":"str","user_id":"int","username":"str","role":"is user","refresh_token":"str","access_expires_at":"time","refresh_expires_at":"time"}"#),
    (r#"- POST /api/auth/refresh {"refresh_token":"nonsense"}"#, 401, "!invalid_token"),
    (r#"- POST /api/auth/refresh {}"#, 400, "!bad_request"),
    ("$ user suspend nima_1", 0, ""),
    (r#"- POST /api/auth/login {"username":"nima_1","password":"a good password"}"#, 403, "!account_suspended"),
    (r#"- POST /api/auth/login {"username":"nima_1","password":"another"}"#, 401, "!bad_credentials"),
];

/// What anybody may look at.
#[rustfmt::skip]
pub(super) const DOORS: &[Line] = &[
    ("- GET /health", 200, r#"{"status":"is ok"}"#),
    ("- GET /api/version", 200, r#"{"version":"str"}"#),
    ("- GET /api/auth/options", 200, r#"{"registration":"is open","mail":"is false"}"#),
    ("- GET /api/push/vapid-key", 200, r#"{"vapid_public_key":"str"}"#),
    ("- GET /api/push/key", 200, r#"{"vapid_public_key":"str"}"#),
    ("- GET /api/users/sara", 200, r#"{"id":"is <sara>","username":"is sara","display_name":"null","avatar_url":"null","bio":"null","is_online":"is false","created_at":"time"}"#),
    ("- GET /api/users/nobody", 404, "!user_not_found"),
    ("- GET /users/sara page", 200, "type text/html; charset=utf-8"),
    ("- GET /api/users/sara/qr.svg", 200, "type image/svg+xml"),
    ("- GET /api/users/nobody/qr.svg", 404, "!user_not_found"),
    ("- GET /api/files/00000000000000000000000000000000", 404, "!not_found"),
    ("- GET /api/files/nonsense", 404, "!not_found"),
    ("- GET / page", 200, "type text/html; charset=utf-8"),
    ("- GET /u/sara page", 200, "type text/html; charset=utf-8"),
    ("- GET /c/sara page", 200, "type text/html; charset=utf-8"),
    ("- GET /manifest.json", 200, "type application/json; charset=utf-8"),
    ("- GET /api/none", 404, "!not_found"),
    ("- GET /api/none page", 404, "!not_found"),
    ("- PATCH /api/profile", 404, "!not_found"),
    ("- POST /api/version", 404, "!not_found"),
    ("- OPTIONS /api/profile", 204, ""),
    ("- OPTIONS /api/none", 204, ""),
];

/// What those are told who wait at the door of a server that lets each in.
#[rustfmt::skip]
pub(super) const ASKING: &[Line] = &[
    ("- GET /api/auth/options", 200, r#"{"registration":"is approval","mail":"is false"}"#),
    (r#"- POST /api/auth/register {"username":"nima","password":"a good password"}"#, 403, "!pending_approval"),
    (r#"- POST /api/auth/register {"username":"nima","password":"a good password"}"#, 400, "!username_taken"),
    (r#"- POST /api/auth/login {"username":"nima","password":"a good password"}"#, 403, "!pending_approval"),
    ("- GET /api/users/nima", 404, "!user_not_found"),
    ("$ user reject nima", 0, ""),
    (r#"- POST /api/auth/login {"username":"nima","password":"a good password"}"#, 403, "!rejected"),
    ("$ user approve nima", 0, ""),
    (r#"- POST /api/auth/login {"username":"nima","password":"a good password"}"#, 200, r#""@entered""#),
];

#[rustfmt::skip]
const INVITED: &[Line] = &[
    ("- GET /api/auth/options", 200, r#"{"registration":"is invite","mail":"is false"}"#),
    (r#"- POST /api/auth/register {"username":"nima","password":"a good password"}"#, 403, "!invite_required"),
    (r#"- POST /api/auth/register {"username":"nima","password":"a good password","invite_code":"aaaabbbbccccdddd"}"#, 403, "!invite_invalid"),
    (r#"- POST /api/auth/register {"username":"nima","password":"a good password","invite_code":"<code>"}"#, 201, r#""@entered""#),
    (r#"- POST /api/auth/register {"username":"mina","password":"a good password","invite_code":"<code>"}"#, 403, "!invite_invalid"),
];

#[rustfmt::skip]
const CLOSED: &[Line] = &[
    ("- GET /api/auth/options", 200, r#"{"registration":"is closed","mail":"is false"}"#),
    (r#"- POST /api/auth/register {"username":"nima","password":"a good password"}"#, 403, "!registration_closed"),
];

#[rustfmt::skip]
const CROWDED: &[Line] = &[
    (r#"2* - POST /api/auth/register {"username":"x","password":"y"}"#, 400, "!username_length"),
    (r#"- POST /api/auth/register {"username":"nima","password":"a good password"}"#, 429, "!too_many_attempts"),
    (r#"4* - POST /api/auth/login {"username":"nobody","password":"y"}"#, 401, "!bad_credentials"),
    (r#"- POST /api/auth/login {"username":"sara","password":"a good password"}"#, 429, "!too_many_attempts"),
];

#[test]
fn accounts_are_made_and_entered_as_the_table_says() {
    assert_eq!(SHAPES.len(), 10, "one of the tables may use it");
    let mut scene = Scene::new(Server::usual(), &[]);
    scene.keep("long", &"p".repeat(1025));
    scene.keep("huge", &"p".repeat(70_000));
    scene.run(ACCOUNTS);
}

#[test]
fn what_everybody_may_see_is_as_the_table_says() {
    Scene::new(Server::usual(), &["sara"]).run(DOORS);
}

#[test]
fn each_way_of_registration_answers_as_the_table_says() {
    let server = |mode| Setup::new().set("REGISTRATION", mode).start();
    Scene::new(server("approval"), &[]).run(ASKING);
    Scene::new(server("closed"), &[]).run(CLOSED);
    let mut scene = Scene::new(server("invite"), &[]);
    let made = scene.server.setup.run(&["invite", "create", "--json"], "");
    let made: serde_json::Value = serde_json::from_str(&made.out).unwrap();
    scene.keep("code", made["code"].as_str().unwrap());
    scene.run(INVITED);
}

#[test]
fn who_knocks_too_often_is_refused_as_the_table_says() {
    // Her own log-in was the first of five.
    Scene::new(limited().start(), &["sara"]).run(CROWDED);
}
