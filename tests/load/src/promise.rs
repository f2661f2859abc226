//! What is promised of one small server (S1, S3, S6): a thousand connected,
//! 500 messages a second, a million messages in the database, and the API
//! beside them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::clients::Role;
use crate::messages::{Figures, Plan, measure};
use crate::process;
use crate::target::{Person, Template};

/// Messages a second.
const RATE: f64 = 500.0;

static OVER: AtomicBool = AtomicBool::new(false);

/// Runs it and prints what was seen.
pub(crate) fn run(template: &Template, long: Duration) {
    let sockets = template.people.len() & !1;
    let target = template.server();
    let plan = Plan {
        sockets,
        role: Role::Paced(Duration::from_secs_f64(sockets as f64 / RATE)),
        resent: 0,
        deaf: false,
        warm: Duration::from_secs(3),
        long,
    };
    let address = target.address().parse().unwrap();
    let people = template.people.clone();
    let rest = std::thread::spawn(move || rest(address, &people));
    let load = process::load();
    let figures = crate::block_on(measure(&target, &template.people, plan));
    OVER.store(true, Ordering::Relaxed);
    println!("{:<6} {}", "load", Figures::HEAD);
    println!("{load:<6} {}", figures.row());
    for (path, histogram) in rest.join().unwrap() {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        println!(
            "GET {path}: {} calls, {:.1}/{:.1}/{:.1} ms p50/p99/max",
            histogram.len(),
            at(0.5),
            at(0.99),
            histogram.max() as f64 / 1000.0
        );
    }
    println!("memory: {:.1} MB", process::memory(target.pid()) / 1e6);
    println!("slowest query: {:.2} ms", target.kill());
}

/// Two calls of somebody else every 20 ms, as people open the app and a chat.
fn rest(address: SocketAddr, people: &[Person]) -> [(&'static str, Histogram<u64>); 2] {
    let agent = ureq::Agent::new_with_defaults();
    let mut answers = ["/api/conversations", "/api/messages"]
        .map(|path| (path, Histogram::new_with_bounds(1, 60_000_000, 3).unwrap()));
    for person in people.iter().cycle() {
        if OVER.load(Ordering::Relaxed) {
            break;
        }
        let mut other = None;
        for (path, histogram) in &mut answers {
            let query = other.map_or_else(String::new, |other: i64| {
                format!("?user_id={other}&limit=50")
            });
            let began = Instant::now();
            let answer = agent
                .get(format!("http://{address}{path}{query}"))
                .header("authorization", format!("Bearer {}", person.token))
                .call();
            let text = answer.unwrap().body_mut().read_to_string().unwrap();
            let took = u64::try_from(began.elapsed().as_micros()).unwrap();
            histogram.saturating_record(took);
            if other.is_none() {
                let list: serde_json::Value = serde_json::from_str(&text).unwrap();
                other = list["conversations"][0]["user_id"].as_i64();
            }
            // Nobody to read from: a person without a conversation.
            if other.is_none() {
                break;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    answers
}
