//! What RFC 8489 and RFC 8656 want answered, row by row.

mod allocate;
mod auth;
mod channels;
mod data;
mod families;
mod life;
mod peers;
mod ports;

use crate::client::Client;
use crate::peer::Peer;
use crate::table::{Row, judge};
use crate::target::{Options, Over, Target};

/// The servers of one side.
pub(crate) struct Stage {
    /// With relay addresses of both families.
    dual: Target,
    /// With an IPv4 one alone.
    v4: Target,
    /// Where a user may hold two allocations.
    strict: Target,
    /// With few ports.
    tiny: Target,
}

impl Stage {
    fn new(start: fn(&Options) -> Target, over: Over) -> Self {
        let options = |relays| Options::new(relays).open().over(over);
        let dual = options(&["127.0.0.1", "::1"]);
        let v4 = options(&["127.0.0.1"]);
        let strict = Options {
            quota: Some(2),
            ..v4.clone()
        };
        let tiny = Options {
            ports: Some(6),
            ..v4.clone()
        };
        Self {
            dual: start(&dual),
            v4: start(&v4),
            strict: start(&strict),
            tiny: start(&tiny),
        }
    }

    /// A client of the server that has everything.
    fn client(&self) -> Client<'_> {
        Client::new(&self.dual)
    }

    /// A client with an allocation, and a peer it may send to.
    fn allocated(&self) -> Result<(Client<'_>, Peer), String> {
        let (mut client, peer) = (self.client(), Peer::new());
        client.allocate()?;
        Ok((client, peer))
    }
}

type Rows = Vec<Row<Stage>>;

#[test]
fn answers_are_those_of_the_rfcs() {
    judge_over(Over::Udp, "conformance");
}

/// Feature T3.
#[test]
fn answers_over_tcp_are_the_same() {
    judge_over(Over::Tcp, "conformance over TCP");
}

/// Feature T4.
#[test]
fn answers_over_tls_are_the_same() {
    judge_over(Over::Tls, "conformance over TLS");
}

fn judge_over(over: Over, name: &str) {
    let ours = Stage::new(Target::ours, over);
    let coturn = Stage::new(Target::coturn, over);
    let rows: Rows = [
        auth::rows(),
        allocate::rows(),
        life::rows(),
        peers::rows(),
        channels::rows(),
        ports::rows(),
        families::rows(),
        // Last, since it looks back on all answers.
        data::rows(over),
    ]
    .into_iter()
    .flatten()
    .collect();
    judge(name, &rows, &ours, &coturn);
}
