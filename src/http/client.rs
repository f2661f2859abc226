//! Who is calling: the peer's address, or what a trusted proxy says of it.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The address at the other end of the TCP connection.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddr(pub IpAddr);

/// The caller's address: the peer's, unless the peer is a trusted proxy; then
/// the rightmost address of `X-Forwarded-For` that is no trusted proxy itself.
/// Anything further left was written by the caller.
pub fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| {
        trusted
            .iter()
            .any(|network| network.contains(&address.to_canonical()))
    };
    if !is_trusted(peer) {
        return peer;
    }
    let lines = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .collect();
    let mut last = peer;
    for hop in hops.iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else {
            return last;
        };
        if !is_trusted(address) {
            return address;
        }
        last = address;
    }
    last
}

/// Whether the caller came over TLS, as far as a trusted proxy says.
pub fn scheme(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> &'static str {
    let forwarded = headers
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok());
    if trusted
        .iter()
        .any(|network| network.contains(&peer.to_canonical()))
        && forwarded == Some("https")
    {
        "https"
    } else {
        "http"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted
            .iter()
            .map(|network| network.parse().unwrap())
            .collect();
        address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(seen("198.51.100.1", &["192.0.2.9"], &[]), "198.51.100.1");
        assert_eq!(
            seen("198.51.100.1", &["192.0.2.9"], &["10.0.0.0/8"]),
            "198.51.100.1"
        );
    }

    #[test]
    fn the_rightmost_untrusted_hop_counts() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.1", &["192.0.2.9"], &proxies), "192.0.2.9");
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1, 192.0.2.9, 10.2.2.2"], &proxies),
            "192.0.2.9"
        );
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1", "192.0.2.9"], &proxies),
            "192.0.2.9"
        );
        assert_eq!(
            seen("::ffff:10.0.0.1", &["192.0.2.9"], &proxies),
            "192.0.2.9"
        );
    }

    #[test]
    fn nonsense_in_the_header_falls_back_to_the_last_good_hop() {
        assert_eq!(
            seen("10.0.0.1", &["<script>, 10.3.3.3"], &["10.0.0.0/8"]),
            "10.3.3.3"
        );
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }
}
