//! One user's share under many clients at once.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::{Rows, Stage};
use crate::client::Client;
use crate::table::row;
use crate::wire::{ALLOCATE, BINDING, Message, REFRESH, lifetime, udp};

/// Allocations one user may hold.
pub(super) const QUOTA: u16 = 10;

const CLIENTS: usize = 16;

/// Allocations each client asks for, from a port each, before it looks at the
/// first answer.
const EACH: usize = 4;

/// How long a place may stay taken after Refresh 0.
const FREED: Duration = Duration::from_secs(1);

pub(super) fn rows() -> Rows {
    vec![
        row(
            "16 clients of one user ask 4 times each at once, where 10 are allowed",
            "10 success, 54 times 486",
            |stage: &Stage| Ok(counted(&at_once(stage, 0))),
        ),
        row(
            "a place that Refresh 0 gave back",
            "taken within 1 s",
            |stage: &Stage| {
                let mut clients = at_once(stage, 1);
                let holder = clients.iter_mut().find(|(_, word)| word == "success");
                let (holder, _) = holder.ok_or("nobody has an allocation")?;
                holder.request(REFRESH, &[lifetime(0)]).success("Refresh")?;
                let end = Instant::now() + FREED;
                loop {
                    let mut next = Client::of(&stage.shared, 1, "127.0.0.1");
                    if next.word(ALLOCATE, &[udp()]) == "success" {
                        return Ok("taken within 1 s".to_owned());
                    }
                    if Instant::now() > end {
                        return Ok("still taken".to_owned());
                    }
                }
            },
        ),
    ]
}

/// Allocates for that user from every client at the same moment.
fn at_once(stage: &Stage, user: usize) -> Vec<(Client<'_>, String)> {
    let start = Barrier::new(CLIENTS);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| one_of_many(stage, user, &start)))
            .collect();
        let all = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap());
        all.collect()
    })
}

fn one_of_many<'a>(stage: &'a Stage, user: usize, start: &Barrier) -> Vec<(Client<'a>, String)> {
    let asked = (0..EACH).map(|_| {
        let mut client = Client::of(&stage.shared, user, "127.0.0.1");
        // Without a nonce the answer tells.
        let _ = client.challenge();
        let asked = client.signed(ALLOCATE, &[udp()]).bytes;
        (client, asked)
    });
    let asked: Vec<_> = asked.collect();
    start.wait();
    for (client, asked) in &asked {
        client.tell(asked);
    }
    // Asked again for its answer: the same request gets the same one.
    let answered = asked.into_iter().map(|(mut client, asked)| {
        let word = client.plain(&asked);
        // Whichever of the two was answered: now both were heard.
        let _ = client.ask(&Message::new(BINDING, &[]).bytes);
        (client, word)
    });
    answered.collect()
}

fn counted(answered: &[(Client<'_>, String)]) -> String {
    let count = |word: &str| answered.iter().filter(|(_, other)| other == word).count();
    let (success, refused) = (count("success"), count("486"));
    match answered.len() - success - refused {
        0 => format!("{success} success, {refused} times 486"),
        others => format!("{success} success, {refused} times 486, {others} otherwise"),
    }
}
