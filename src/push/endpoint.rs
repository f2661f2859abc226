//! Where a push goes: which addresses a browser may name, and which hosts they
//! may lead to. A person chooses them and this server calls them, so nothing
//! but public https is reachable this way.

use std::net::{IpAddr, SocketAddr};

use payambar_media::is_public_unicast;
use url::{Host, Position, Url};

/// The longest address; those of the known push services have under 1,000
/// bytes.
const MAX_URL: usize = 2048;

/// Why an address is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no https URL as push services give out.
    #[error("no https address of a push service")]
    Shape,
    /// Its host is not on the public internet, or not only.
    #[error("its host is not public")]
    NotPublic,
    /// Its host has no address.
    #[error("its host has no address")]
    NoAddress,
}

/// Hosts that development may push to by http and on any network.
#[derive(Debug, Clone, Default)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// Each with or without a port, as in a URL.
    pub fn new(hosts: Vec<String>) -> Self {
        Self(hosts)
    }

    fn contain(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or(0));
        self.0
            .iter()
            .any(|allowed| *allowed == host || *allowed == with_port)
    }
}

/// An address that was looked at, but not yet where its host lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    allowed: bool,
}

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`Refusal::Shape`], and [`Refusal::NotPublic`] for the number of a host
    /// in any notation.
    pub fn parse(text: &str, allowed: &AllowedHosts) -> Result<Self, Refusal> {
        if text.len() > MAX_URL {
            return Err(Refusal::Shape);
        }
        let url = Url::parse(text).map_err(|_| Refusal::Shape)?;
        let endpoint = Self {
            allowed: allowed.contain(&url),
            url,
        };
        let url = &endpoint.url;
        let plain = url.username().is_empty() && url.password().is_none();
        let scheme = match url.scheme() {
            "https" => true,
            "http" => endpoint.allowed,
            _ => false,
        };
        if !plain || !scheme || url.fragment().is_some() {
            return Err(Refusal::Shape);
        }
        match url.host() {
            Some(Host::Ipv4(ip)) => endpoint.may_reach(&[IpAddr::V4(ip)])?,
            Some(Host::Ipv6(ip)) => endpoint.may_reach(&[IpAddr::V6(ip)])?,
            Some(Host::Domain(name)) if !name.is_empty() => {}
            Some(Host::Domain(_)) | None => return Err(Refusal::Shape),
        }
        Ok(endpoint)
    }

    /// Rules over the addresses its host has at this moment: one that is not
    /// public spoils all, since a second look could find that one alone.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotPublic`], [`Refusal::NoAddress`].
    pub fn may_reach(&self, addresses: &[IpAddr]) -> Result<(), Refusal> {
        if addresses.is_empty() {
            return Err(Refusal::NoAddress);
        }
        if self.allowed || addresses.iter().copied().all(is_public_unicast) {
            return Ok(());
        }
        Err(Refusal::NotPublic)
    }

    /// Looks up where the host lies now, and rules over it.
    ///
    /// # Errors
    ///
    /// As [`Self::may_reach`].
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, Refusal> {
        let (host, port) = (self.host(), self.url.port_or_known_default().unwrap_or(443));
        let found = tokio::net::lookup_host((host, port)).await;
        let found: Vec<SocketAddr> = found.map_err(|_| Refusal::NoAddress)?.collect();
        let addresses: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
        self.may_reach(&addresses)?;
        Ok(found)
    }

    /// The host without the brackets of an IPv6 number.
    pub fn host(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it is reached by TLS.
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The `Host` header.
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    /// Scheme, host and port: the audience of a token (RFC 8292 §2).
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.url[Position::BeforePath..]
    }

    /// The whole address, as it is kept.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Endpoint, Refusal> {
        Endpoint::parse(text, &AllowedHosts::default())
    }

    #[test]
    fn addresses_of_the_known_services_are_taken() {
        for (text, origin) in [
            (
                "https://fcm.googleapis.com/fcm/send/abc:APA91b",
                "https://fcm.googleapis.com",
            ),
            (
                "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
                "https://updates.push.services.mozilla.com",
            ),
            (
                "https://web.push.apple.com/QOx",
                "https://web.push.apple.com",
            ),
            (
                "https://wns2-par02p.notify.windows.com/w/?token=BQ%3d",
                "https://wns2-par02p.notify.windows.com",
            ),
            (
                "https://push.example.org:8443/up?id=1",
                "https://push.example.org:8443",
            ),
            ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]"),
        ] {
            assert_eq!(parse(text).map(|e| e.origin()), Ok(origin.to_owned()));
        }
        assert_eq!(parse("https://a.example").unwrap().target(), "/");
        let endpoint = parse("https://a.example:8443/p/q?r=s").unwrap();
        assert_eq!(
            (endpoint.host(), endpoint.authority(), endpoint.target()),
            ("a.example", "a.example:8443", "/p/q?r=s")
        );
        assert_eq!(
            parse("https://[2606:4700::1]/x").unwrap().host(),
            "2606:4700::1"
        );
    }

    #[test]
    fn other_shapes_are_refused() {
        let long = format!("https://a.example/{}", "x".repeat(MAX_URL));
        for text in [
            "",
            "push",
            "http://fcm.googleapis.com/x",
            "ftp://a.example/",
            "file:///etc/passwd",
            "https://",
            "https://user@a.example/",
            "https://user:pass@a.example/",
            "https://a.example/#x",
            "javascript:alert(1)",
            &long,
        ] {
            assert_eq!(parse(text).err(), Some(Refusal::Shape), "{text}");
        }
    }

    #[test]
    fn numbers_of_hosts_that_are_not_public_are_refused_in_every_notation() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[fe80::1]",
            "[fc00::1]",
            "[ff02::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[::7f00:1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:db8::1]",
        ] {
            let text = format!("https://{host}/x");
            assert_eq!(parse(&text), Err(Refusal::NotPublic), "{text}");
        }
    }

    #[test]
    fn one_private_address_among_public_ones_spoils_a_host() {
        let endpoint = parse("https://a.example/").unwrap();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            endpoint.may_reach(&[ip("8.8.8.8"), ip("2606:4700::1")]),
            Ok(())
        );
        for bad in ["10.0.0.1", "::1", "::ffff:8.8.8.8"] {
            assert_eq!(
                endpoint.may_reach(&[ip("8.8.8.8"), ip(bad)]),
                Err(Refusal::NotPublic),
                "{bad}"
            );
        }
        assert_eq!(endpoint.may_reach(&[]), Err(Refusal::NoAddress));
    }

    #[test]
    fn development_may_name_hosts_that_need_neither_tls_nor_the_internet() {
        let allowed = AllowedHosts::new(vec!["localhost".to_owned(), "127.0.0.1:9000".to_owned()]);
        let parse = |text: &str| Endpoint::parse(text, &allowed);
        let endpoint = parse("http://localhost:1234/x").unwrap();
        assert!(!endpoint.is_tls());
        assert_eq!(endpoint.may_reach(&["::1".parse().unwrap()]), Ok(()));
        assert!(parse("http://127.0.0.1:9000/x").is_ok());
        assert!(parse("http://127.0.0.1:9001/x").is_err());
        assert!(parse("https://127.0.0.1:9001/x").is_err());
        assert!(parse("http://other.example/x").is_err());
        assert!(parse("http://user@localhost/x").is_err());
    }
}
