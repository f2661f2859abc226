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
use crate::target::{Options, Target};

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
    fn new(start: fn(&Options) -> Target) -> Self {
        let dual = Options::new(&["127.0.0.1", "::1"]).open();
        let v4 = Options::new(&["127.0.0.1"]).open();
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
    let (ours, coturn) = (Stage::new(Target::ours), Stage::new(Target::coturn));
    let rows: Rows = [
        auth::rows(),
        allocate::rows(),
        life::rows(),
        peers::rows(),
        channels::rows(),
        ports::rows(),
        families::rows(),
        // Last, since it looks back on all answers.
        data::rows(),
    ]
    .into_iter()
    .flatten()
    .collect();
    judge("conformance", &rows, &ours, &coturn);
}
