//! Web Push of messages (N1, N2, N4, N5): who is woken, with which words, and
//! who is not any more.

use serde_json::{Value, json};

use crate::client::{Person, Socket};
use crate::push_service::{Browser, PushService, claims};
use crate::relay::until;
use crate::server::{Server, Setup};

/// A server that may push to this service.
pub(crate) fn server_for(service: &PushService) -> Server {
    setup_for(service).start()
}

pub(crate) fn setup_for(service: &PushService) -> Setup {
    Setup::new()
        .set("PUSH_ALLOW_HOSTS", &service.address())
        .set("PUBLIC_URL", "https://chat.example.org")
}

pub(crate) struct Scene {
    pub(crate) service: PushService,
    pub(crate) server: Server,
    pub(crate) sara: Person,
    pub(crate) omid: Person,
    pub(crate) hers: Socket,
    pub(crate) browser: Browser,
}

/// Sara has a socket; Omid has none, but a browser of this name that is subscribed.
pub(crate) async fn scene(device: &str) -> Scene {
    let service = PushService::start();
    let server = server_for(&service);
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let hers = server.socket(&sara).await;
    let browser = server.browser(&service, &omid, device);
    Scene {
        service,
        server,
        sara,
        omid,
        hers,
        browser,
    }
}

impl Scene {
    /// Sara writes; what Omid's browser reads.
    async fn pushed(&mut self, text: &str) -> Value {
        self.hers.say(&self.omid, text).await;
        self.browser.read(&self.service.next())
    }

    /// No push came of what was done so far: the next that comes is of the
    /// message written now.
    async fn nothing_but_the_next(&mut self) {
        self.set_privacy("full");
        let push = self.pushed("the next").await;
        assert!(
            push["body"].as_str().unwrap().contains("the next"),
            "{push}"
        );
        assert_eq!(self.service.more(), 0);
    }

    fn set_privacy(&self, privacy: &str) {
        let call = self.server.call("PUT", "/api/push/settings");
        let body = json!({ "privacy": privacy });
        let answer = call.token(&self.omid.token).json(&body).send();
        assert_eq!((answer.status, answer.json()), (200, body));
    }

    fn key(&self) -> String {
        let answer = self.server.get("/api/push/key").json();
        answer["vapid_public_key"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn n2_a_message_wakes_a_person_without_a_socket() {
    let mut scene = scene("omid").await;
    scene.hers.say(&scene.omid, "a private text").await;
    let request = scene.service.next();
    assert_eq!(request.line, "POST /push/omid HTTP/1.1");
    for (name, value) in [
        ("ttl", "86400"),
        ("urgency", "normal"),
        ("content-encoding", "aes128gcm"),
        ("content-type", "application/octet-stream"),
        ("host", &scene.service.address()),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    assert_eq!(request.header("topic").len(), 32);
    let push = scene.browser.read(&request);
    assert_eq!(push["title"], "پیام جدید");
    assert_eq!(push["body"], "پیام جدید از \u{2068}sara\u{2069}");
    assert_eq!(
        (&push["url"], &push["kind"]),
        (&json!("/"), &json!("message"))
    );
    assert_eq!(
        (&push["web_push"], &push["app_badge"]),
        (&json!(8030), &json!(1))
    );
    let shown = &push["notification"];
    assert_eq!(shown["title"], push["title"]);
    assert_eq!(shown["navigate"], "https://chat.example.org/c/sara");
    assert!(!push.to_string().contains("private"), "{push}");
    assert_eq!(scene.pushed("another").await["app_badge"], 2);
}

#[tokio::test]
async fn n5_each_push_is_signed_with_the_key_browsers_subscribe_to() {
    let mut scene = scene("omid").await;
    let before = time::OffsetDateTime::now_utc().unix_timestamp();
    scene.hers.say(&scene.omid, "x").await;
    let claims = claims(&scene.service.next(), &scene.key());
    assert_eq!(claims["aud"], format!("http://{}", scene.service.address()));
    assert_eq!(claims["sub"], "https://chat.example.org");
    let exp = claims["exp"].as_i64().unwrap();
    assert!(exp > before && exp <= before + 24 * 3600, "{exp}");
    let old = scene.server.get("/api/push/vapid-key").json();
    assert_eq!(old["vapid_public_key"], scene.key());
}

#[tokio::test]
async fn n2_nobody_with_an_open_tab_is_woken_unless_it_sleeps() {
    let mut scene = scene("omid").await;
    let mut his = scene.server.socket(&scene.omid).await;
    his.so_far().await;
    scene.hers.say(&scene.omid, "he sees it").await;
    his.frame_of("message").await;
    his.send(&json!({ "type": "sleep", "asleep": true })).await;
    his.so_far().await;
    let push = scene.pushed("he does not look").await;
    assert_eq!(
        (&push["kind"], scene.service.more()),
        (&json!("message"), 0)
    );
    his.send(&json!({ "type": "sleep", "asleep": false })).await;
    his.so_far().await;
    scene.hers.say(&scene.omid, "he looks again").await;
    drop(his);
    // Gone for certain once others see him offline.
    until("his absence", async || {
        let seen = scene.server.get("/api/users/omid").json();
        (seen["is_online"] == false).then_some(())
    })
    .await;
    scene.nothing_but_the_next().await;
}

#[tokio::test]
async fn n4_a_notification_shows_as_much_as_the_person_allows() {
    let mut scene = scene("omid").await;
    let settings = || {
        scene
            .server
            .get_as(&scene.omid, "/api/push/settings")
            .json()
    };
    assert_eq!(settings(), json!({ "privacy": "name" }));
    let text = "see you\nat \u{202e}8";
    scene.set_privacy("full");
    assert_eq!(settings(), json!({ "privacy": "full" }));
    let push = scene.pushed(text).await;
    assert_eq!(
        push["body"],
        "\u{2068}sara\u{2069}: \u{2068}see you at 8\u{2069}"
    );
    scene.set_privacy("name");
    let push = scene.pushed(text).await;
    assert!(!push.to_string().contains("see you"), "{push}");
    scene.set_privacy("neutral");
    let push = scene.pushed(text).await;
    assert_eq!(push["body"], "پیام جدیدی دارید");
    let all = push.to_string();
    assert!(!all.contains("sara") && !all.contains("see you"), "{all}");

    for bad in [
        json!({ "privacy": "none" }),
        json!({}),
        json!({ "privacy": 1 }),
    ] {
        let call = scene.server.call("PUT", "/api/push/settings");
        let answer = call.token(&scene.omid.token).json(&bad).send();
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()));
    }
}

#[tokio::test]
async fn a_push_speaks_the_language_of_its_browser() {
    let mut scene = scene("omid").await;
    let speaks = |header: Option<&str>, field: Option<&str>| {
        let mut body = scene.browser.subscription();
        if let Some(lang) = field {
            body["lang"] = json!(lang);
        }
        let call = scene.server.call("POST", "/api/push/subscribe");
        let call = call.token(&scene.omid.token).json(&body);
        let answer = call
            .header("accept-language", header.unwrap_or("fa"))
            .send();
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    speaks(Some("en-US,en;q=0.9"), None);
    let english = scene.hers.say(&scene.omid, "x").await;
    let push = scene.browser.read(&scene.service.next());
    assert_eq!(push["body"], "New message from \u{2068}sara\u{2069}");
    assert_eq!((&push["lang"], &push["dir"]), (&json!("en"), &json!("ltr")));
    assert_eq!(push["message_id"], english["message_id"]);
    speaks(Some("en"), Some("fa"));
    let push = scene.pushed("x").await;
    assert_eq!((&push["lang"], &push["dir"]), (&json!("fa"), &json!("rtl")));
}

#[tokio::test]
async fn n1_log_out_ends_the_pushes_of_that_session_and_of_no_other() {
    let mut scene = scene("omid").await;
    let desk = scene.server.log_in("omid");
    let on_desk = scene.server.browser(&scene.service, &desk, "desk");
    scene.hers.say(&scene.omid, "both").await;
    let mut both = [scene.service.next(), scene.service.next()];
    both.sort_by_key(|request| request.device().to_owned());
    assert_eq!(both.each_ref().map(|r| r.device()), ["desk", "omid"]);
    assert_eq!(scene.server.log_out(&scene.omid).status, 204);
    for _ in 0..2 {
        scene.hers.say(&scene.omid, "the desk alone").await;
        let request = scene.service.next();
        assert_eq!(request.device(), "desk");
        on_desk.read(&request);
    }
    assert_eq!(scene.service.more(), 0);
}

#[tokio::test]
async fn n1_a_subscription_ends_when_its_person_says_so_and_only_then() {
    let mut scene = scene("omid").await;
    let unsubscribed = json!({ "status": "unsubscribed" });
    let endpoint = scene.browser.endpoint().to_owned();
    let others = scene.server.unsubscribe(&scene.sara, &endpoint);
    assert_eq!((others.status, others.json()), (200, unsubscribed.clone()));
    scene.pushed("still there").await;
    let own = scene.server.unsubscribe(&scene.omid, &endpoint);
    assert_eq!((own.status, own.json()), (200, unsubscribed.clone()));
    scene.hers.say(&scene.omid, "nobody hears of it").await;
    let again = scene.server.unsubscribe(&scene.omid, &endpoint);
    assert_eq!(again.json(), unsubscribed, "also when unknown");
    scene.browser = scene.server.browser(&scene.service, &scene.omid, "omid");
    scene.nothing_but_the_next().await;
}

#[tokio::test]
async fn n1_an_address_belongs_to_whoever_subscribed_it_last() {
    let mut scene = scene("omid").await;
    // Another person signs in to the same browser.
    let nima = scene.server.register("nima");
    let taken = scene.server.subscribe(&nima, &scene.browser);
    assert_eq!(taken.status, 200);
    scene.hers.say(&scene.omid, "not for nima").await;
    scene.hers.say(&nima, "for nima").await;
    let push = scene.browser.read(&scene.service.next());
    let list = scene.server.get_as(&nima, "/api/conversations").json();
    assert_eq!(push["conversation_id"], list["conversations"][0]["id"]);
    assert_eq!(scene.service.more(), 0);
}

#[tokio::test]
async fn n1_the_seventeenth_browser_takes_the_place_of_the_first() {
    let mut scene = scene("omid").await;
    let mut names: Vec<String> = (2..=17).map(|n| format!("b{n:02}")).collect();
    for name in &names {
        scene.server.browser(&scene.service, &scene.omid, name);
    }
    // Its own would have been silent for all that time.
    scene.hers = scene.server.socket(&scene.sara).await;
    scene.hers.say(&scene.omid, "x").await;
    let mut told: Vec<String> = (0..16)
        .map(|_| scene.service.next().device().to_owned())
        .collect();
    told.sort();
    names.sort();
    assert_eq!(told, names);
}

#[tokio::test]
async fn a_subscription_outlives_the_server_and_its_key_too() {
    let scene = scene("omid").await;
    let key = scene.key();
    let (service, browser) = (scene.service, scene.browser);
    drop(scene.hers);
    let server = scene.server.kill_and_start();
    let mut hers = server.socket(&scene.sara).await;
    hers.say(&scene.omid, "after the start").await;
    let request = service.next();
    browser.read(&request);
    claims(&request, &key);
}

#[tokio::test]
async fn a_subscription_that_is_gone_is_forgotten() {
    for gone in ["410 Gone", "404 Not Found"] {
        let mut scene = scene("omid").await;
        scene.service.answer_next(&[gone]);
        scene.hers.say(&scene.omid, "x").await;
        scene.service.next();
        let rows = || {
            let path = scene.server.setup.database();
            let connection = rusqlite::Connection::open(path).unwrap();
            let count = "SELECT count(*) FROM push_subscriptions";
            connection.query_row(count, [], |row| row.get::<_, i64>(0))
        };
        until("the end of the subscription", async || {
            (rows() == Ok(0)).then_some(())
        })
        .await;
        scene.browser = scene.server.browser(&scene.service, &scene.omid, "omid");
        scene.nothing_but_the_next().await;
    }
}

#[tokio::test]
async fn a_push_service_with_trouble_is_asked_again_after_the_time_it_names() {
    let mut scene = scene("omid").await;
    scene.service.answer_next(&[
        "429 Too Many Requests\r\nretry-after: 1",
        "503 Service Unavailable",
    ]);
    let first = scene.pushed("x").await;
    for _ in 0..2 {
        let again = scene.browser.read(&scene.service.next());
        assert_eq!(again, first);
    }
    scene.nothing_but_the_next().await;
    let (_, log) = scene.server.terminate();
    for line in ["name=\"retried\" value=2", "name=\"accepted\" value=2"] {
        assert!(log.contains(line), "{log}");
    }
}

#[tokio::test]
async fn pushes_of_one_conversation_replace_each_other_and_no_others() {
    let mut scene = scene("omid").await;
    let nima = scene.server.register("nima");
    let mut nimas = scene.server.socket(&nima).await;
    let topic = |scene: &Scene| scene.service.next().header("topic").to_owned();
    scene.hers.say(&scene.omid, "one").await;
    let first = topic(&scene);
    scene.hers.say(&scene.omid, "two").await;
    assert_eq!(topic(&scene), first);
    nimas.say(&scene.omid, "three").await;
    assert_ne!(topic(&scene), first);
}

#[tokio::test]
async fn the_log_names_neither_addresses_nor_words_of_pushes() {
    let service = PushService::start();
    let setup = setup_for(&service).set("LOG_LEVEL", "payambar=debug");
    let server = setup.start();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let browser = server.browser(&service, &omid, "capability-url");
    let mut hers = server.socket(&sara).await;
    hers.say(&omid, "a private sentence").await;
    let request = service.next();
    let auth = browser.subscription()["keys"]["auth"].to_string();
    let (_, log) = server.terminate();
    assert!(log.contains("a push was sent"), "{log}");
    let signature = request.header("authorization").to_owned();
    for secret in [
        "capability-url",
        "a private",
        auth.trim_matches('"'),
        &signature,
    ] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}
