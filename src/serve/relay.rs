//! What the relay is told at its start, and what it tells at its end.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use payambar_media::{Key, RelayAddress, RelayConfig, RelayHandle, long_term_key};

use crate::config::{ANY, Environment, Redacted, TurnConfig};
use crate::host::{self, External};

/// Files besides relay ports: web sockets, database, log.
const OTHER_FILES: u64 = 2048;

/// Starts the relay, saying what callers are told and what may be in its way.
pub(super) fn start(
    turn: &TurnConfig,
    secret: &Redacted<String>,
    external: &External,
    addresses: &[IpAddr],
    environment: Environment,
    files: Option<u64>,
) -> Result<RelayHandle, Box<dyn Error>> {
    tracing::info!(ip = %external.ip, why = external.why, "callers are told this relay address");
    if environment == Environment::Production && !external.public {
        tracing::warn!(ip = %external.ip, "callers outside this network cannot reach that address; set TURN_EXTERNAL_IP to the public one");
    }
    for network in &turn.allow_peers {
        tracing::warn!(%network, "TURN_ALLOW_PEERS opens this range for relaying");
    }
    let ports = u64::from(turn.ports.1 - turn.ports.0) + 1;
    if let Some(limit) = files
        && limit < ports + OTHER_FILES
    {
        let usable = limit.saturating_sub(OTHER_FILES);
        tracing::warn!(
            limit,
            ports,
            usable,
            "fewer files may be open than there are relay ports; raise LimitNOFILE"
        );
    }
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
    let realm = &turn.realm;
    let static_users: Vec<(String, Key)> = turn
        .static_pair
        .iter()
        .filter_map(|(name, password)| {
            let key = long_term_key(name, realm, password.expose())?;
            Some((name.clone(), key))
        })
        .collect();
    let bytes_per_second = |kbits: u64| kbits * 1000 / 8;
    let config = |listen: &[IpAddr]| RelayConfig {
        listen: listen
            .iter()
            .map(|ip| SocketAddr::new(*ip, turn.port))
            .collect(),
        relays: relays.clone(),
        ports: turn.ports.0..=turn.ports.1,
        excluded_ports: vec![turn.sfu_port],
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
        legacy_channels: turn.legacy_channels,
        max_credential_lifetime: turn.credential_ttl,
    };
    let started = match &turn.listen {
        Some(listen) => payambar_media::start(config(listen)),
        // A host without IPv6 still relays for everybody it can reach.
        None => payambar_media::start(config(&ANY)).or_else(|both| {
            tracing::debug!(error = %both, "the relay cannot listen on IPv6 and IPv4; trying IPv4 alone");
            payambar_media::start(config(&[IpAddr::V4(Ipv4Addr::UNSPECIFIED)]))
        }),
    };
    let relay = started.map_err(|error| {
        format!(
            "the relay cannot start: {error}; set TURN_LISTEN or TURN_PORT, or TURN_ENABLED=false"
        )
    })?;
    for address in relay.local_addresses() {
        tracing::info!(%address, "STUN and TURN listen (UDP)");
    }
    Ok(relay)
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

/// Says at the end what the relay did, and what it dropped and why.
pub(super) fn report(relay: &RelayHandle) {
    for (name, labels, value) in relay.counters().iter() {
        if value > 0 {
            tracing::info!(name, labels, value, "relay");
        }
    }
}
