//! Pictures of people (row F3): made anew and small, shown wherever a person is
//! shown, and gone when they are replaced or taken away.

use image::ImageFormat;
use serde_json::Value;

use crate::client::{Answer, Person};
use crate::files_orphans::await_files;
use crate::form::Form;
use crate::pictures::{picture, sides};
use crate::server::Server;

fn set(server: &Server, person: &Person, bytes: &[u8]) -> Answer {
    let form = Form::default().file("avatar", "me.png", "image/png", bytes);
    form.send_to(server, person, "/api/profile/avatar")
}

#[test]
fn a_picture_is_shown_wherever_its_person_is() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let answer = set(&server, &sara, &picture(1000, 700, ImageFormat::Png));
    assert_eq!(answer.status, 200, "{answer:?}");
    let address = &answer.json()["avatar_url"];
    let open = server.call("POST", "/api/conversations").token(&omid.token);
    let opened = open
        .json(&serde_json::json!({ "participant_id": sara.id }))
        .send();
    let shown = [
        server.get("/api/users/sara").json()["avatar_url"].clone(),
        server.get_as(&sara, "/api/profile").json()["avatar_url"].clone(),
        server.get_as(&omid, "/api/users?q=sar").json()[0]["avatar_url"].clone(),
        server
            .get_as(&omid, &format!("/api/users?id={}", sara.id))
            .json()[0]["avatar_url"]
            .clone(),
        server.get_as(&omid, "/api/conversations").json()["conversations"][0]["avatar_url"].clone(),
        opened.json()["avatar_url"].clone(),
    ];
    assert!(shown.iter().all(|shown| shown == address), "{shown:?}");
    // Everybody may see it, and keep it.
    let picture = server.get(address.as_str().unwrap());
    assert_eq!(sides(&picture), (512, 358));
    assert_eq!(picture.header("content-type"), "image/jpeg");
    assert!(
        picture
            .header("cache-control")
            .starts_with("private, max-age=")
    );
    assert_eq!(
        server.get("/api/users/omid").json()["avatar_url"],
        Value::Null
    );
}

#[test]
fn the_old_picture_goes_when_a_new_one_comes_or_none() {
    let server = Server::usual();
    let sara = server.register("sara");
    let address = |answer: &Answer| answer.json()["avatar_url"].as_str().unwrap().to_owned();
    let first = address(&set(&server, &sara, &picture(30, 30, ImageFormat::Png)));
    let second = address(&set(&server, &sara, &picture(40, 40, ImageFormat::Jpeg)));
    assert_eq!(server.get(&first).status, 404);
    assert_eq!(server.get(&second).status, 200);
    await_files(&server, 1);
    let call = server
        .call("DELETE", "/api/profile/avatar")
        .token(&sara.token);
    assert_eq!(call.send().status, 200);
    assert_eq!(server.get(&second).status, 404);
    let profile = server.get_as(&sara, "/api/profile").json();
    assert_eq!(profile["avatar_url"], Value::Null);
    await_files(&server, 0);
}

#[test]
fn what_is_no_picture_or_too_large_is_refused() {
    let server = Server::usual();
    let sara = server.register("sara");
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>";
    let refused = |answer: Answer| answer.refusal();
    let is = |code: &str| (400, code.to_owned());
    assert_eq!(refused(set(&server, &sara, svg)), is("not_a_picture"));
    assert_eq!(refused(set(&server, &sara, b"")), is("file_missing"));
    let nothing = Form::default().text("other", "x");
    let answer = nothing.send_to(&server, &sara, "/api/profile/avatar");
    assert_eq!(refused(answer), is("file_missing"));
    let large = set(&server, &sara, &[7; 2 * 1024 * 1024 + 1]);
    assert_eq!(large.json()["limit"], 2 * 1024 * 1024);
    assert_eq!(refused(large), is("file_too_large"));
    assert!(server.setup.uploads().is_empty());
}
