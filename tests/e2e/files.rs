//! Files on their way out (rows F1, F5, F8, X5): who may have them, in which
//! parts, and what a browser is told of them.

use crate::client::{Answer, Person};
use crate::form::Form;
use crate::server::Server;

struct Shared {
    server: Server,
    sara: Person,
    omid: Person,
    /// The address Sara was told.
    address: String,
}

fn share(name: &str, bytes: &[u8]) -> Shared {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let told = Form::to(&omid, name, bytes).send(&server, &sara);
    let address = told.json()["file_url"].as_str().unwrap().to_owned();
    Shared {
        server,
        sara,
        omid,
        address,
    }
}

impl Shared {
    /// The address without what makes it good.
    fn bare(&self) -> &str {
        self.address.split('?').next().unwrap()
    }

    fn get(&self, headers: &[(&'static str, &str)]) -> Answer {
        let call = self.server.call("GET", &self.address);
        headers
            .iter()
            .fold(call, |call, (name, value)| call.header(name, value))
            .send()
    }
}

#[test]
fn to_anybody_else_a_file_is_not_there() {
    let shared = share("a.txt", b"secret");
    let (server, bare) = (&shared.server, shared.bare());
    let stranger = server.register("zari");
    let never = server.get_as(&stranger, "/api/files/00000000000000000000000000000000");
    assert_eq!(never.refusal(), (404, "not_found".to_owned()));
    let answers = [
        server.get(bare),
        server.get_as(&stranger, bare),
        server.get(&format!("{bare}?token={}", shared.sara.token)),
        server.get(&format!("{}A", shared.address)),
        server.get(&shared.address.replace("?n=1", "?n=2")),
        server.get("/api/files/..%2f..%2fpayambar.db"),
    ];
    for answer in answers {
        assert_eq!((answer.status, &answer.text), (404, &never.text));
    }
    for person in [&shared.sara, &shared.omid] {
        assert_eq!(server.get_as(person, bare).text, "secret");
    }
    assert_eq!(server.get(&shared.address).text, "secret");
}

#[test]
fn an_address_ends_with_the_session_it_was_made_for() {
    let shared = share("a.txt", b"secret");
    let again = shared.server.log_in("sara");
    assert_eq!(shared.server.get(&shared.address).status, 200);
    shared.server.log_out(&shared.sara);
    assert_eq!(shared.server.get(&shared.address).status, 404);
    let answer = shared.server.get_as(&shared.sara, shared.bare());
    assert_eq!(answer.refusal(), (401, "invalid_token".to_owned()));
    assert_eq!(shared.server.get_as(&again, shared.bare()).status, 200);
}

#[test]
fn an_address_is_good_after_a_restart() {
    let shared = share("a.txt", b"kept");
    let server = shared.server.kill_and_start();
    assert_eq!(server.get(&shared.address).text, "kept");
}

#[test]
fn a_range_of_a_file_can_be_had() {
    let shared = share("a.mp3", b"ID3456789");
    let whole = shared.get(&[]);
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("content-length"), "9");
    let tag = whole.header("etag").to_owned();
    let part = shared.get(&[("range", "bytes=2-4")]);
    assert_eq!((part.status, part.text.as_str()), (206, "345"));
    assert_eq!(part.header("content-range"), "bytes 2-4/9");
    assert_eq!(part.header("content-length"), "3");
    let end = shared.get(&[("range", "bytes=-2")]);
    assert_eq!((end.status, end.text.as_str()), (206, "89"));
    let outside = shared.get(&[("range", "bytes=9-")]);
    assert_eq!(outside.status, 416);
    assert_eq!(outside.header("content-range"), "bytes */9");
    let current = shared.get(&[("range", "bytes=0-1"), ("if-range", &tag)]);
    assert_eq!(current.status, 206);
    let other = shared.get(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]);
    assert_eq!((other.status, other.text.len()), (200, 9));
    assert_eq!(shared.get(&[("if-none-match", &tag)]).status, 304);
    let head = shared.server.call("HEAD", &shared.address).send();
    assert_eq!((head.status, head.text.len()), (200, 0));
    assert_eq!(head.header("content-length"), "9");
}

#[test]
fn a_large_file_comes_back_whole_and_in_parts() {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let shared = share("large.bin", &bytes);
    assert!(shared.get(&[]).bytes == bytes);
    let part = shared.get(&[("range", "bytes=1000000-1999999")]);
    assert!(part.bytes == bytes[1_000_000..2_000_000]);
}

#[test]
fn what_a_browser_could_run_is_handed_out_as_mere_bytes() {
    for (name, bytes) in [
        (
            "a.html",
            b"<!doctype html><script>alert(1)</script>".as_slice(),
        ),
        (
            "a.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        ),
        ("a.xml", b"<?xml version='1.0'?><x/>"),
        ("a.png", b"<html><script>1</script>"),
        ("a.js", b"alert(1)"),
        ("a.pdf", b"%PDF-1.7"),
        ("a.gif", b"\n GIF89a=1;alert(1)"),
    ] {
        let answer = share(name, bytes).get(&[]);
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            "application/octet-stream",
            "{name}"
        );
        let disposition = answer.header("content-disposition");
        assert!(disposition.starts_with("attachment;"), "{disposition}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[test]
fn a_picture_is_shown_where_it_stands_and_can_do_nothing() {
    // Begins as a picture and goes on as a script: with its type fixed, no
    // browser runs it.
    let shared = share("a.gif", b"GIF89a/*..*/=1;alert(1)");
    let answer = shared.get(&[]);
    assert_eq!(answer.header("content-type"), "image/gif");
    assert!(answer.header("content-disposition").starts_with("inline;"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(
        answer
            .header("content-security-policy")
            .starts_with("sandbox;")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[test]
fn the_whole_name_comes_with_the_file() {
    let shared = share("گزارش \u{202e}نهایی.zip", b"PK\x03\x04");
    let disposition = shared.get(&[]).header("content-disposition").to_owned();
    assert!(
        disposition.contains("filename*=UTF-8''%DA%AF%D8%B2"),
        "{disposition}"
    );
    assert!(
        disposition.is_ascii() && !disposition.contains("%E2%80%AE"),
        "{disposition}"
    );
}
