//! What is said, held against the golden pushes in `tests/push`.

use payambar_signaling::chat::{CallEntry, CallOutcome, Envelope};
use payambar_signaling::ids::{ConversationId, MessageId, Seq, Timestamp, UserId};

use super::*;

fn message(body: Body) -> StoredMessage {
    StoredMessage {
        id: MessageId(41),
        conversation: ConversationId(7),
        seq: Seq(12),
        sender: UserId(1),
        to: UserId(2).into(),
        client_message_id: None,
        body,
        created_at: Timestamp(0),
    }
}

fn text(text: &str) -> StoredMessage {
    message(Body::Text(text.to_owned()))
}

fn to(privacy: Privacy) -> Addressee {
    Addressee {
        subscriptions: Vec::new(),
        privacy,
        other: ("sara".to_owned(), Some("سارا".to_owned())),
        group: None,
        unread: 3,
    }
}

fn call() -> CallId {
    "00112233445566778899aabbccddeeff".parse().unwrap()
}

fn write(news: News<'_>, privacy: Privacy, lang: Lang) -> Value {
    let catalogue = Catalogue::load();
    let writer = Writer {
        catalogue: &catalogue,
        origin: "https://chat.example.org",
    };
    writer.write(news, &to(privacy), lang)
}

fn body(news: News<'_>, privacy: Privacy) -> String {
    let push = write(news, privacy, Lang::En);
    push["body"].as_str().unwrap().to_owned()
}

#[test]
fn every_kind_of_push_is_as_its_golden_one() {
    let message = text("سلام، خوبی؟");
    let over = |end| News::Over(call(), end);
    let pushes = [
        (
            "message_full",
            News::Message(&message),
            Privacy::Full,
            Lang::Fa,
        ),
        (
            "message_name",
            News::Message(&message),
            Privacy::Name,
            Lang::Fa,
        ),
        (
            "message_neutral",
            News::Message(&message),
            Privacy::Neutral,
            Lang::En,
        ),
        ("call", News::Ringing(call()), Privacy::Name, Lang::Fa),
        (
            "call_neutral",
            News::Ringing(call()),
            Privacy::Neutral,
            Lang::En,
        ),
        (
            "missed_call",
            over(RingingEnd::Missed),
            Privacy::Name,
            Lang::Fa,
        ),
        (
            "missed_call_neutral",
            over(RingingEnd::Missed),
            Privacy::Neutral,
            Lang::En,
        ),
        (
            "call_over_answered",
            over(RingingEnd::Answered),
            Privacy::Full,
            Lang::En,
        ),
        (
            "call_over_declined",
            over(RingingEnd::Declined),
            Privacy::Name,
            Lang::Fa,
        ),
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/push");
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, pushes.len());
    for (name, news, privacy, lang) in pushes {
        let golden = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
        let golden: Value = serde_json::from_str(&golden).unwrap();
        assert_eq!(write(news, privacy, lang), golden, "{name}");
    }
}

#[test]
fn nothing_but_full_shows_the_text_and_neutral_shows_no_name_anywhere() {
    let secret = text("the secret text");
    for privacy in [Privacy::Name, Privacy::Neutral] {
        let all = write(News::Message(&secret), privacy, Lang::En).to_string();
        assert!(!all.contains("secret"), "{all}");
    }
    let news = [
        News::Message(&secret),
        News::Ringing(call()),
        News::Over(call(), RingingEnd::Missed),
        News::Over(call(), RingingEnd::Answered),
    ];
    for news in news {
        let all = write(news, Privacy::Neutral, Lang::Fa).to_string();
        assert!(!all.contains("sara") && !all.contains("سارا"), "{all}");
    }
}

#[test]
fn what_is_no_plain_text_is_never_shown() {
    let entry = CallEntry {
        outcome: CallOutcome::NoAnswer,
        duration_s: None,
    };
    let envelope = Envelope {
        e2ee_v: 1,
        alg: "AES-256-GCM".to_owned(),
        sender_device_id: "phone".to_owned(),
        key_id: "k-1".to_owned(),
        iv: "aXY".to_owned(),
        ciphertext: "c2VhbGVk".to_owned(),
        aad: None,
    };
    for secret in [Body::Call(entry), Body::Sealed(Box::new(envelope))] {
        let secret = message(secret);
        let shown = body(News::Message(&secret), Privacy::Full);
        assert_eq!(shown, "New message from \u{2068}سارا\u{2069}");
        let push = write(News::Message(&secret), Privacy::Full, Lang::En);
        assert!(!push.to_string().contains("c2VhbGVk"), "{push}");
    }
}

#[test]
fn who_has_no_name_to_show_is_called_by_their_username() {
    let catalogue = Catalogue::load();
    let writer = Writer {
        catalogue: &catalogue,
        origin: "",
    };
    let to = Addressee {
        other: ("sara".to_owned(), None),
        ..to(Privacy::Name)
    };
    let push = writer.write(News::Message(&text("x")), &to, Lang::En);
    assert_eq!(push["body"], "New message from \u{2068}sara\u{2069}");
    assert_eq!(push["notification"]["navigate"], "/c/sara");
}

#[test]
fn a_text_is_shown_on_one_line_and_turns_nothing_around_it() {
    for (text, shown) in [
        ("سلام", "سلام"),
        ("  a\n\n b\tc\r\n", "a b c"),
        ("a\u{202e}b\u{2066}c\u{2069}d", "abcd"),
        ("a\u{7}b", "a b"),
        ("\u{202e}", ""),
    ] {
        assert_eq!(cut(text), shown, "{text:?}");
    }
}

#[test]
fn a_long_text_is_cut_between_graphemes() {
    assert_eq!(cut(&"x".repeat(120)), "x".repeat(120));
    assert_eq!(cut(&"x".repeat(121)), format!("{}…", "x".repeat(120)));
    let family = "👨‍👩‍👧";
    let shown = cut(&family.repeat(100));
    assert_eq!(shown, format!("{}…", family.repeat(600 / family.len())));
    assert_eq!(
        cut(&format!("{} b", "a".repeat(120))),
        format!("{}…", "a".repeat(120))
    );
}

#[test]
fn the_longest_push_fits() {
    let worst = "\u{5d}\u{301}".repeat(4_000);
    let to = Addressee {
        other: ("a".repeat(32), Some("\"\u{1f600}".repeat(32))),
        ..to(Privacy::Full)
    };
    let catalogue = Catalogue::load();
    let writer = Writer {
        catalogue: &catalogue,
        origin: "https://a-very-long-name.of-a-host.somewhere.example.org:8443",
    };
    let push = writer.write(News::Message(&text(&worst)), &to, Lang::Fa);
    let length = push.to_string().len();
    assert!(length < 3_000, "{length}");
}

#[test]
fn a_message_in_a_group_is_headed_by_its_name_where_names_may_be_shown() {
    let message = text("hello");
    let said = |privacy| {
        let catalogue = Catalogue::load();
        let writer = Writer {
            catalogue: &catalogue,
            origin: "",
        };
        let mut to = to(privacy);
        to.group = Some((ConversationId(7), "family".to_owned()));
        let push = writer.write(News::Message(&message), &to, Lang::En);
        let text = |path: &str| push.pointer(path).unwrap().as_str().unwrap().to_owned();
        let plain = |text: String| text.replace(['\u{2068}', '\u{2069}'], "");
        [
            plain(text("/title")),
            plain(text("/body")),
            text("/notification/navigate"),
        ]
    };
    assert_eq!(said(Privacy::Full), ["family", "سارا: hello", "/g/7"]);
    let name = ["family", "New message from سارا", "/g/7"];
    assert_eq!(said(Privacy::Name), name);
    let neutral = ["New message", "You have a new message", "/"];
    assert_eq!(said(Privacy::Neutral), neutral);
}
