//! What Prometheus reads.

use std::net::TcpListener;

use crate::client::Answer;
use crate::relay::{Credential, client, credential, refusal, until};
use crate::server::{PATIENCE, Server, Setup};

pub(crate) fn measured() -> Server {
    Setup::new().set("METRICS_LISTEN", "127.0.0.1:0").start()
}

fn origin(server: &Server) -> String {
    let log = server.log();
    let line = log.lines().find(|line| line.contains("metrics listen"));
    let address = line.and_then(|line| line.split("address=").nth(1));
    format!("http://{}", address.unwrap().trim())
}

pub(crate) fn ask(server: &Server, method: &str, path: &str) -> Answer {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .new_agent();
    let url = format!("{}{path}", origin(server));
    let request = ureq::http::Request::builder().method(method).uri(url);
    let mut answer = agent.run(request.body(()).unwrap()).unwrap();
    Answer::read(&mut answer)
}

pub(crate) fn value(text: &str, name: &str) -> u64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    value.parse().unwrap()
}

#[tokio::test]
async fn the_relays_counters_are_read_when_they_are_asked_for() {
    let server = measured();
    let sara = server.register("sara");
    let first = ask(&server, "GET", "/metrics");
    assert_eq!(first.status, 200);
    assert!(
        first
            .header("content-type")
            .starts_with("application/openmetrics-text;")
    );
    assert!(first.text.ends_with("# EOF\n"), "{}", first.text);
    assert_eq!(value(&first.text, "payambar_turn_allocations"), 0);

    let given = credential(&server, &sara);
    let caller = client(&server, &given).await;
    let _relayed = caller.allocate().await.unwrap();
    let wrong = Credential {
        username: given.username.clone(),
        password: "wrong".to_owned(),
    };
    assert_eq!(refusal(&server, &wrong).await, "401");
    let text = ask(&server, "GET", "/metrics").text;
    assert_eq!(value(&text, "payambar_turn_allocations"), 1);
    assert_eq!(value(&text, "payambar_turn_allocations_made_total"), 1);
    assert!(value(&text, "payambar_turn_answers_total{code=\"401\"}") >= 2);
    let version = concat!(
        "payambar_build_info{version=\"",
        env!("CARGO_PKG_VERSION"),
        "\"}"
    );
    assert_eq!(value(&text, version), 1);
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let started = i64::try_from(value(&text, "payambar_start_time_seconds")).unwrap();
    assert!((now - 600..=now).contains(&started), "{started}");
    assert!(
        !text.contains("sara") && !text.contains("127.0.0.1"),
        "{text}"
    );

    let ended = server.setup.run(&["turn", "kick", "--all"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    until("the counted end", async || {
        let text = ask(&server, "GET", "/metrics").text;
        let kicked = value(
            &text,
            "payambar_turn_allocations_ended_total{cause=\"kicked\"}",
        );
        (kicked == 1 && value(&text, "payambar_turn_allocations") == 0).then_some(())
    })
    .await;
}

#[test]
fn nothing_but_metrics_is_there_and_they_are_nowhere_else() {
    let server = measured();
    assert_eq!(ask(&server, "GET", "/").status, 404);
    assert_eq!(ask(&server, "GET", "/api/profile").status, 404);
    assert_eq!(ask(&server, "POST", "/metrics").status, 405);
    assert!(!server.get("/metrics").text.contains("payambar_turn"));
}

#[test]
fn a_port_that_is_taken_costs_the_metrics_and_not_the_start() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let server = Setup::new().set("METRICS_LISTEN", &address).start();
    let log = server.log();
    assert!(
        log.contains("metrics are not served") && log.contains("METRICS_LISTEN"),
        "{log}"
    );
}

#[test]
fn without_a_relay_there_is_still_the_process() {
    let server = Setup::new()
        .set("TURN_ENABLED", "false")
        .set("METRICS_LISTEN", "127.0.0.1:0")
        .start();
    let text = ask(&server, "GET", "/metrics").text;
    assert!(text.contains("payambar_build_info"), "{text}");
    assert!(!text.contains("payambar_turn"), "{text}");
}
