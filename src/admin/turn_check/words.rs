//! What the operator reads, and what to do about it.

use std::net::SocketAddr;

use super::probe::{Ports, Relayed, Trouble};
use super::{Transport, Verdict, Way};

fn failed(detail: impl Into<String>, advice: impl Into<String>) -> Verdict {
    Verdict::Failed {
        detail: detail.into(),
        advice: advice.into(),
    }
}

/// The name leads nowhere.
pub(super) fn no_address(host: &str) -> Verdict {
    failed(
        format!("the name {host} has no address"),
        "Add an A record (and an AAAA record, if the server has IPv6) that names the server itself, not the CDN.",
    )
}

/// What came of allocating and echoing one way.
pub(super) fn of_relay(
    way: &Way,
    address: SocketAddr,
    is_named: bool,
    result: &Result<Relayed, Trouble>,
) -> Verdict {
    let relayed = match result {
        Ok(relayed) => relayed,
        Err(trouble) => return of_trouble(way, address, trouble),
    };
    let detail = format!(
        "allocated {} and echoed in {:.1} ms",
        relayed.address,
        relayed.round_trip.as_secs_f64() * 1000.0
    );
    match &relayed.distrust {
        None => Verdict::Ok { detail },
        Some(why) => {
            let detail = format!("{detail}, but browsers will not believe the certificate: {why}");
            let advice = format!(
                "Set TLS_CERT and TLS_KEY to a certificate for {} that a public authority signed.",
                way.host
            );
            if is_named {
                Verdict::Failed { detail, advice }
            } else {
                Verdict::Warning { detail, advice }
            }
        }
    }
}

fn of_trouble(way: &Way, address: SocketAddr, trouble: &Trouble) -> Verdict {
    let port = way.port;
    let kernel = match way.transport {
        Transport::Udp => "udp",
        Transport::Tcp | Transport::Tls => "tcp",
    };
    let open = format!(
        "Open {kernel} port {port} in the server's firewall and in the provider's, and see that {} names the server itself: a CDN passes none of this on.",
        way.host
    );
    match trouble {
        Trouble::Silent => failed("no answer", open),
        Trouble::Refused => failed(
            format!("{kernel} port {port} is closed"),
            format!("Start the server, and see in its log whether it listens on {address}."),
        ),
        Trouble::NoRoute => Verdict::Skipped {
            detail: "this machine has no way there; run the check from one that has".to_owned(),
        },
        Trouble::Connection(error) => failed(format!("the connection failed: {error}"), open),
        Trouble::Tls(error) => failed(
            format!("no TLS there: {error}"),
            format!(
                "See that nothing else listens on tcp port {port}, and that TURN_TLS_PORT is {port}."
            ),
        ),
        Trouble::Relay(error) if error.contains("401") => failed(
            "the relay refuses the credential",
            "Run this with the DATA_DIR and TURN_SECRET of the server itself, or name a credential with --user; see that both clocks are right.",
        ),
        Trouble::Relay(error) if error.contains("508") => failed(
            "the relay has no port left, or is told to drain",
            "Wait until calls end, widen TURN_MIN_PORT and TURN_MAX_PORT, or start a drained server again.",
        ),
        Trouble::Relay(error) if error.contains("486") => failed(
            "too many allocations for this credential or address",
            "End some with `payambar turn kick`, or raise TURN_MAX_ALLOCATIONS_PER_USER or TURN_MAX_ALLOCATIONS_PER_IP.",
        ),
        Trouble::Relay(error) => failed(
            format!("the relay refused: {error}"),
            "See the server's log; its metrics count what it refuses.",
        ),
        Trouble::NoEcho => failed(
            "two allocations were made, but nothing passes between them",
            "See that TURN_EXTERNAL_IP is the address that the server is reached by.",
        ),
    }
}

/// What came of sending past the listening port.
pub(super) fn of_ports(ports: &Ports) -> Verdict {
    match ports {
        Ports::Open => Verdict::Ok {
            detail: "reached from here, both ways".to_owned(),
        },
        Ports::Closed => failed(
            "no datagram comes in",
            "Open udp TURN_MIN_PORT to TURN_MAX_PORT. Without them two people on the relay still hear each other; one on it and one who is not do not.",
        ),
        Ports::OneWay => failed(
            "datagrams come in, and none comes back",
            "Let the server send udp from TURN_MIN_PORT to TURN_MAX_PORT to anywhere.",
        ),
        Ports::Forbidden(here) => Verdict::Skipped {
            detail: format!(
                "the relay sends nothing to {}, where this machine is; run the check from another network",
                here.ip()
            ),
        },
        Ports::Unknown => Verdict::Skipped {
            detail: "there was no allocation to try with".to_owned(),
        },
    }
}
