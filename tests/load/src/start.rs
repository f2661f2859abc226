//! How long a start takes until people are served, after a clean stop and
//! after the end of the process in mid-work.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use crate::clients::Role;
use crate::messages::{Plan, measure};
use crate::rounds::range;
use crate::target::Template;

/// One call with a connection of its own; whether it was answered with 200.
fn is_answered(address: &str, path: &str, token: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    let mut answer = Vec::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_end(&mut answer).is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

/// Ends and starts the server so many times in both ways and prints how long
/// it took until health and a person's list were answered.
pub(crate) fn run(binary: &Path, template: &Template, rounds: usize) {
    let mut target = template.server();
    let person = template.people[0].clone();
    for clean in [true, false] {
        let mut took = Vec::new();
        for _ in 0..rounds {
            // Something is on its way when the end comes.
            let plan = Plan {
                sockets: 100.min(template.people.len() & !1),
                role: Role::Busy(4),
                resent: 0,
                deaf: false,
                warm: Duration::ZERO,
                long: Duration::from_secs(1),
            };
            crate::block_on(measure(&target, &template.people, plan));
            let time = target.restart(binary, clean, |address| {
                is_answered(address, "/health", "")
                    && is_answered(address, "/api/conversations", &person.token)
            });
            took.push(time.as_secs_f64() * 1000.0);
        }
        let how = if clean { "a clean stop" } else { "kill -9" };
        let [min, median, max] = range(took);
        println!("from start to serving after {how}: {min:.0} - {median:.0} - {max:.0} ms");
    }
}
