//! The web app's files, and what holds for every answer.

use crate::client::Answer;
use crate::server::{Server, Setup};

#[test]
fn the_page_and_all_it_refers_to_load_and_say_how_long_they_keep() {
    let server = Server::usual();
    let page = server.get("/");
    assert_eq!(
        (page.status, page.header("cache-control")),
        (200, "no-cache")
    );
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(!page.text.contains("__BUILD__"));
    let references: Vec<&str> = page
        .text
        .split('"')
        .filter(|value| value.starts_with('/'))
        .collect();
    assert!(references.len() > 8, "{references:?}");
    for path in references {
        let answer = binary(&server, path);
        assert_eq!(answer.0, 200, "{path}");
        let of_this_build = path.starts_with("/a/");
        // A debug build reads the files anew each time and keeps none.
        let keeps = if of_this_build && !cfg!(debug_assertions) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        assert_eq!(answer.1, keeps, "{path}");
    }
}

/// Status and `Cache-Control` of a file that may not be text.
fn binary(server: &Server, path: &str) -> (u16, String) {
    let answer = ureq::get(format!("{}{path}", server.origin()))
        .call()
        .unwrap();
    let keeps = answer.headers()["cache-control"].to_str().unwrap();
    (answer.status().as_u16(), keeps.to_owned())
}

#[test]
fn a_path_of_the_app_gives_the_page_to_a_browser() {
    let server = Server::usual();
    let browser = server
        .call("GET", "/chat/sara")
        .header("accept", "text/html,*/*");
    assert_eq!(browser.send().text, server.get("/").text);
}

#[test]
fn a_method_that_a_path_does_not_have_is_not_found() {
    let server = Server::usual();
    for (method, path) in [
        ("PATCH", "/api/profile"),
        ("GET", "/api/auth/login"),
        ("POST", "/health"),
    ] {
        let answer = server.call(method, path).send();
        assert_eq!(
            answer.refusal(),
            (404, "not_found".to_owned()),
            "{method} {path}"
        );
    }
}

#[test]
fn every_answer_has_the_security_headers() {
    let server = Server::usual();
    for path in ["/", "/health", "/api/nothing", "/api/profile"] {
        let answer = server.get(path);
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(
            answer
                .header("permissions-policy")
                .contains("microphone=(self)")
        );
        if path != "/" {
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(
                answer.header("content-type"),
                "application/json; charset=utf-8"
            );
        }
    }
}

#[test]
fn a_preflight_is_answered_and_names_only_listed_origins() {
    let listed = "https://app.example.org";
    let server = Setup::new().set("CORS_ORIGINS", listed).start();
    let ask = |origin: &str| -> Answer {
        let call = server.call("OPTIONS", "/api/messages");
        let call = call.header("access-control-request-method", "GET");
        call.header("origin", origin).send()
    };
    let ours = ask(listed);
    assert_eq!(
        (ours.status, ours.header("access-control-allow-origin")),
        (204, listed)
    );
    assert_eq!(ours.header("access-control-allow-credentials"), "true");
    assert!(
        ours.header("access-control-allow-headers")
            .contains("Authorization")
    );
    let foreign = ask("https://evil.example");
    assert_eq!(
        (
            foreign.status,
            foreign.header("access-control-allow-origin")
        ),
        (204, "")
    );
}

#[test]
fn any_origin_never_comes_with_credentials() {
    let server = Setup::new().set("CORS_ORIGINS", "*").start();
    let answer = server
        .call("GET", "/api/version")
        .header("origin", "https://x.example")
        .send();
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}

#[test]
fn a_body_over_64_kib_is_refused() {
    const LIMIT: usize = 64 * 1024;
    let server = Server::usual();
    let send = |size: usize| {
        server
            .call("POST", "/api/auth/login")
            .body("x".repeat(size))
            .send()
    };
    assert_eq!(send(LIMIT).refusal(), (400, "bad_request".to_owned()));
    assert_eq!(
        send(LIMIT + 1).refusal(),
        (413, "body_too_large".to_owned())
    );
}

#[test]
fn health_and_version_answer_without_a_token() {
    let server = Server::usual();
    assert_eq!(
        server.get("/health").json(),
        serde_json::json!({ "status": "ok" })
    );
    let version = serde_json::json!({ "version": env!("CARGO_PKG_VERSION") });
    assert_eq!(server.get("/api/version").json(), version);
}

#[test]
fn a_path_of_the_app_gives_the_page_to_a_browser_and_404_to_others() {
    let server = Server::usual();
    let browser = |path: &str| {
        server
            .call("GET", path)
            .header("accept", "text/html,*/*")
            .send()
    };
    let index = server.get("/").text;
    assert_eq!(browser("/chat/sara").text, index);
    let not_found = (404, "not_found".to_owned());
    assert_eq!(server.get("/chat/sara").refusal(), not_found);
    for path in ["/api/nothing", "/chat/file.js", "/a/other-build/app.js"] {
        assert_eq!(browser(path).refusal(), not_found, "{path}");
    }
}

#[test]
fn no_path_leads_out_of_the_app() {
    let server = Server::usual();
    let page = server.get("/").text;
    let at = page.find("/a/").unwrap();
    let folder = &page[at..at + 3 + page[at + 3..].find('/').unwrap()];
    for path in [
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/..%2fCargo.toml",
        "//etc/passwd",
    ] {
        let answer = server.get(&format!("{folder}{path}"));
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[test]
fn a_person_has_a_page_its_data_and_a_picture_that_leads_to_it() {
    let server = Setup::new()
        .set("PUBLIC_URL", "https://chat.example.org")
        .start();
    let sara = server.register("sara");
    let page = |path: &str| {
        server
            .call("GET", path)
            .header("accept", "text/html")
            .send()
    };
    for path in ["/u/sara", "/users/sara"] {
        let answer = page(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").starts_with("text/html"));
    }
    let data = server.get("/users/sara");
    assert_eq!(data.json()["id"], sara.id);
    assert_eq!(data.text, server.get("/api/users/sara").text);
    let picture = server.get("/api/users/sara/qr.svg");
    assert_eq!(picture.header("content-type"), "image/svg+xml");
    assert!(picture.text.contains("<svg"));
    for path in ["/users/nobody", "/api/users/nobody/qr.svg"] {
        let answer = server.get(path);
        assert_eq!(answer.json()["code"], "user_not_found", "{path}");
        assert_eq!(answer.status, 404, "{path}");
    }
}
