//! What the relay is told at its start and at its end, and what it tells.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use payambar_media::counters::Metric;
use payambar_media::{
    Key, RelayAddress, RelayConfig, RelayHandle, Revoked, RoomsConfig, long_term_key,
    start_refusing,
};

use super::{ports, tls};
use crate::config::{ANY, Config, Environment, Redacted, TurnConfig};
use crate::host::{self, External};
use crate::store::{self, StaticPair, Store, TakenBack, turn};

/// Files besides relay ports: web sockets, database, log.
const OTHER_FILES: u64 = 2048;

/// Ports that are tried for the voice rooms if none was set.
const SFU_PORTS: u16 = 16;

/// Participants of a room, and of all, that the media plane has memory for;
/// what people may do is ruled elsewhere.
const MAX_PER_ROOM: usize = 200;
const MAX_PARTICIPANTS: usize = 2000;

/// How often a relay that runs dry is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What the relay must know of earlier runs.
pub(super) struct Kept {
    pairs: Vec<StaticPair>,
    taken_back: TakenBack,
}

impl Kept {
    fn revoked(&self) -> Vec<(Revoked, u64)> {
        let TakenBack { people, sessions } = &self.taken_back;
        let people = people
            .iter()
            .map(|(user, until)| (Revoked::User(user.0), *until));
        let sessions = sessions
            .iter()
            .map(|(user, session, until)| (Revoked::Session(user.0, session.0), *until));
        people.chain(sessions).collect()
    }
}

/// Reads it.
///
/// # Errors
///
/// The database cannot be read.
pub(super) async fn kept(store: &Store, turn: &TurnConfig) -> Result<Kept, store::Error> {
    let ttl = turn.credential_ttl;
    store
        .read(move |connection| {
            Ok(Kept {
                pairs: turn::static_pairs(connection)?,
                taken_back: turn::taken_back(connection, ttl)?,
            })
        })
        .await
}

/// Starts the relay, saying what callers are told and what may be in its way.
pub(super) fn start(
    turn: &TurnConfig,
    secret: &Redacted<String>,
    external: &External,
    addresses: &[IpAddr],
    kept: &Kept,
    config: &Config,
    files: Option<u64>,
) -> Result<RelayHandle, Box<dyn Error>> {
    tracing::info!(ip = %external.ip, why = external.why, "callers are told this relay address");
    if config.environment == Environment::Production && !external.public {
        tracing::warn!(ip = %external.ip, "callers outside this network cannot reach that address; set TURN_EXTERNAL_IP to the public one");
    }
    for network in &turn.allow_peers {
        tracing::warn!(%network, "TURN_ALLOW_PEERS opens this range for relaying");
    }
    warn_of_files(turn, files);
    ports::warn_of_lenders(turn.ports);
    let mut relays = vec![IpAddr::V4(external.ip)];
    relays.extend(host::external_v6(turn, addresses).map(IpAddr::V6));
    match relays.get(1) {
        Some(ip) => tracing::info!(%ip, "the relay also has this IPv6 address"),
        None => tracing::info!("no global IPv6 address was found: the relay has IPv4 alone"),
    }
    let mut own_addresses = addresses.to_vec();
    own_addresses.extend(&relays);
    let relays: Vec<RelayAddress> = relays
        .iter()
        .map(|ip| relay_address(*ip, addresses))
        .collect();
    let sfu_port = sfu_port(turn, &relays);
    let identity = tls::identity(config)?;
    let static_users = static_users(turn, &kept.pairs);
    let revoked = kept.revoked();
    let bytes_per_second = |kbits: u64| kbits * 1000 / 8;
    let at = |listen: &[IpAddr], port| -> Vec<SocketAddr> {
        let addresses = listen.iter();
        addresses.map(|ip| SocketAddr::new(*ip, port)).collect()
    };
    let config = |listen: &[IpAddr]| RelayConfig {
        listen: at(listen, turn.port),
        listen_tcp: at(listen, turn.port),
        listen_tls: turn
            .tls
            .iter()
            .flat_map(|tls| at(listen, tls.port))
            .collect(),
        tls: identity.clone(),
        relays: relays.clone(),
        ports: turn.ports.0..=turn.ports.1,
        excluded_ports: vec![sfu_port],
        realm: turn.realm.clone(),
        secret: secret.expose().as_bytes().to_vec(),
        static_users: static_users.clone(),
        own_addresses: own_addresses.clone(),
        allow_peers: turn.allow_peers.clone(),
        max_allocations_per_user: turn.max_allocations_per_user,
        max_allocations_per_ip_static: turn.max_allocations_per_ip.0,
        max_allocations_per_ip_session: turn.max_allocations_per_ip.1,
        max_allocations: turn.max_allocations,
        max_bytes_per_second_each: bytes_per_second(turn.max_kbits_per_allocation),
        max_bytes_per_second: bytes_per_second(turn.max_kbits),
        max_unauthenticated_answers: turn.max_unauthenticated_answers,
        max_streams: turn.max_streams,
        max_streams_per_network: turn.max_streams_per_network,
        legacy_channels: turn.legacy_channels,
        max_credential_lifetime: turn.credential_ttl,
        plane: turn.plane,
        rooms: Some(RoomsConfig {
            port: sfu_port,
            max_per_room: MAX_PER_ROOM,
            max_participants: MAX_PARTICIPANTS,
        }),
    };
    let started = match &turn.listen {
        Some(listen) => start_refusing(config(listen), &revoked),
        // A host without IPv6 still relays for everybody it can reach.
        None => start_refusing(config(&ANY), &revoked).or_else(|both| {
            tracing::debug!(error = %both, "the relay cannot listen on IPv6 and IPv4; trying IPv4 alone");
            start_refusing(config(&[IpAddr::V4(Ipv4Addr::UNSPECIFIED)]), &revoked)
        }),
    };
    let relay = started.map_err(|error| {
        format!(
            "the relay cannot start: {error}; set TURN_LISTEN or TURN_PORT or TURN_TLS_PORT or SFU_PORT, or TURN_ENABLED=false"
        )
    })?;
    for address in relay.local_addresses() {
        tracing::info!(%address, "STUN and TURN listen (UDP)");
    }
    for address in relay.tcp_addresses() {
        tracing::info!(%address, "STUN and TURN listen (TCP)");
    }
    for address in relay.tls_addresses() {
        tracing::info!(%address, "STUN and TURN listen (TLS)");
    }
    for address in relay.room_addresses() {
        tracing::info!(%address, "participants of voice rooms are told this address (UDP)");
    }
    Ok(relay)
}

/// Where the voice rooms are. Unless the port was set, one that somebody else
/// has is no reason not to start.
fn sfu_port(turn: &TurnConfig, relays: &[RelayAddress]) -> u16 {
    let last = turn.ports.1.min(turn.sfu_port.saturating_add(SFU_PORTS));
    let is_free = |port: &u16| {
        let bind = |relay: &RelayAddress| UdpSocket::bind((relay.bind, *port)).is_ok();
        relays.iter().all(bind)
    };
    let mut ports = turn.sfu_port..=last;
    if turn.sfu_port_is_set {
        return turn.sfu_port;
    }
    ports.find(is_free).unwrap_or(turn.sfu_port)
}

fn warn_of_files(turn: &TurnConfig, files: Option<u64>) {
    let ports = u64::from(turn.ports.1 - turn.ports.0) + 1;
    let streams = u64::try_from(turn.max_streams).unwrap_or(u64::MAX);
    if let Some(limit) = files
        && limit < ports + streams + OTHER_FILES
    {
        let usable = limit.saturating_sub(OTHER_FILES);
        tracing::warn!(
            limit,
            ports,
            streams,
            usable,
            "fewer files may be open than there are relay ports and connections; raise LimitNOFILE"
        );
    }
}

/// The pair of the environment, and those of the database that its realm and
/// name leave good.
fn static_users(turn: &TurnConfig, pairs: &[StaticPair]) -> Vec<(String, Key)> {
    let environment = turn.static_pair.as_ref().and_then(|(name, password)| {
        let key = long_term_key(name, &turn.realm, password.expose())?;
        Some((name.clone(), key))
    });
    let mut users: Vec<(String, Key)> = environment.into_iter().collect();
    let taken = users.first().map(|(name, _)| name.clone());
    for StaticPair {
        name, realm, key, ..
    } in pairs
    {
        if *realm != turn.realm {
            tracing::warn!(
                name,
                realm,
                "a static TURN pair was made for another realm and opens nothing; make it again, or set TURN_REALM"
            );
        } else if taken.as_ref() == Some(name) {
            tracing::warn!(
                name,
                "TURN_USERNAME stands before the static TURN pair of that name"
            );
        } else {
            users.push((name.clone(), Key(*key)));
        }
    }
    users
}

/// Behind a NAT the address that others see is not ours to bind.
fn relay_address(advertise: IpAddr, local: &[IpAddr]) -> RelayAddress {
    let any = match advertise {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let is_local = local.contains(&advertise);
    RelayAddress {
        bind: if is_local { advertise } else { any },
        advertise,
    }
}

/// Lets the relay make no allocation any more, and waits until none is left or
/// `limit` is over.
pub(super) async fn drain(relay: &RelayHandle, limit: Duration) {
    relay.drain();
    let counters = relay.counters();
    // The relay hears of it a moment later.
    let runs = || counters.value(Metric::Draining) == 0 || counters.value(Metric::Allocations) > 0;
    if counters.value(Metric::Allocations) > 0 && !limit.is_zero() {
        tracing::info!(
            allocations = counters.value(Metric::Allocations),
            seconds = limit.as_secs(),
            "relayed calls may end; a second signal ends them at once"
        );
    }
    let dry = async {
        while runs() {
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(limit, dry).await.is_err() {
        tracing::warn!(
            allocations = counters.value(Metric::Allocations),
            "relayed calls were cut off"
        );
    }
}

/// Says at the end what the relay did, and what it dropped and why.
pub(super) fn report(relay: &RelayHandle) {
    for (name, labels, value) in relay.counters().iter() {
        if value > 0 {
            tracing::info!(name, labels, value, "relay");
        }
    }
}
