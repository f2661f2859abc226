//! Whether the kernel may give relay ports to other programs: it hands out
//! ports of one range to whoever asks for any, except those that are reserved.

use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;

const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
const RESERVED: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// Says how to keep the relay's ports from others, if it is not done.
pub(super) fn warn_of_lenders(ports: (u16, u16)) {
    // Where the kernel does not say, as in some containers, nothing is wrong.
    let (Ok(range), Ok(reserved)) = (fs::read_to_string(RANGE), fs::read_to_string(RESERVED))
    else {
        return;
    };
    if let Some(all) = missing(&range, &reserved, ports.0..=ports.1) {
        tracing::warn!(
            "the kernel may give relay ports to other programs; run: sysctl -w net.ipv4.ip_local_reserved_ports={all}"
        );
    }
}

/// The ports to reserve, old ones and the relay's, as sysctl takes them. None:
/// no relay port is in danger.
fn missing(range: &str, reserved: &str, relay: RangeInclusive<u16>) -> Option<String> {
    let mut ends = range.split_whitespace().map(str::parse::<u16>);
    let (Some(Ok(low)), Some(Ok(high))) = (ends.next(), ends.next()) else {
        return None;
    };
    let mut all: Vec<(u16, u16)> = reserved.trim().split(',').filter_map(parse).collect();
    let is_reserved = |port: u16| all.iter().any(|(low, high)| (*low..=*high).contains(&port));
    let danger = low.max(*relay.start())..=high.min(*relay.end());
    if danger.is_empty() || danger.into_iter().all(is_reserved) {
        return None;
    }
    all.push((*relay.start(), *relay.end()));
    Some(written(all))
}

fn parse(item: &str) -> Option<(u16, u16)> {
    let (low, high) = item.split_once('-').unwrap_or((item, item));
    Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
}

/// Sorted, with neighbours joined.
fn written(mut ranges: Vec<(u16, u16)>) -> String {
    ranges.sort_unstable();
    let mut joined: Vec<(u16, u16)> = Vec::new();
    for (low, high) in ranges {
        match joined.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            Some(_) | None => joined.push((low, high)),
        }
    }
    let mut text = String::new();
    for (low, high) in joined {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = if low == high {
            write!(text, "{comma}{low}")
        } else {
            write!(text, "{comma}{low}-{high}")
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "32768\t60999\n";

    #[test]
    fn what_the_kernel_may_give_away_is_to_be_reserved() {
        let all = |reserved| missing(USUAL, reserved, 49_152..=65_535);
        assert_eq!(all("\n").as_deref(), Some("49152-65535"));
        assert_eq!(
            all("8080,50000-50099\n").as_deref(),
            Some("8080,49152-65535")
        );
        assert_eq!(all("49152-60998\n").as_deref(), Some("49152-65535"));
        assert_eq!(
            all("40000-49151,65535\n").as_deref(),
            Some("40000-65535"),
            "neighbours are one range"
        );
    }

    #[test]
    fn what_is_reserved_or_never_given_away_is_safe() {
        assert_eq!(missing(USUAL, "49152-65535\n", 49_152..=65_535), None);
        assert_eq!(missing(USUAL, "49152-60999\n", 49_152..=65_535), None);
        assert_eq!(
            missing(USUAL, "49152-55000,55001-60999", 49_152..=65_535),
            None
        );
        assert_eq!(missing(USUAL, "\n", 20_000..=32_767), None);
        assert_eq!(missing(USUAL, "\n", 61_000..=65_535), None);
        assert_eq!(
            missing(USUAL, "\n", 60_999..=65_535).as_deref(),
            Some("60999-65535")
        );
    }

    #[test]
    fn what_cannot_be_read_warns_of_nothing() {
        assert_eq!(missing("", "", 49_152..=65_535), None);
        assert_eq!(missing("a b", "", 49_152..=65_535), None);
        assert_eq!(
            missing(USUAL, "x,50000-", 50_000..=50_000).as_deref(),
            Some("50000")
        );
    }
}
