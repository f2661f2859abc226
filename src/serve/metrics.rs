//! What Prometheus reads: the relay's counters by reason, looked at when they
//! are asked for, and what process this is. Nothing tells who anybody is.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use payambar_media::{Counters, RelayHandle};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric as _, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::web;
use crate::store;

/// The format's own type; Prometheus chooses its parser by it.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What each name of the relay's means.
const HELP: &[(&str, &str)] = &[
    ("turn_allocations", "Allocations alive"),
    (
        "turn_reservations",
        "Relay ports kept back for a coming Allocate",
    ),
    ("turn_relay_ports", "Relay ports without an allocation"),
    ("turn_draining", "1 while no new allocation is made"),
    ("turn_allocations_made_total", "Allocations made"),
    (
        "turn_allocations_ended_total",
        "Allocations that ended, by cause",
    ),
    ("turn_packets_total", "Packets relayed"),
    (
        "turn_packets_between_shards_total",
        "Packets handed from one thread of the relay to another",
    ),
    ("turn_payload_bytes_total", "Bytes of payload relayed"),
    ("turn_answers_total", "Responses sent, by error code"),
    ("turn_dropped_total", "Datagrams dropped, by reason"),
    ("turn_receive_errors_total", "Receives that failed"),
    (
        "turn_relay_open_failures_total",
        "Relay sockets that did not open",
    ),
    ("turn_streams", "Connections over TCP and TLS"),
    ("turn_streams_silent", "Connections that said nothing yet"),
    (
        "turn_streams_refused_total",
        "Connections closed at once, by limit",
    ),
    (
        "turn_streams_closed_total",
        "Connections that ended, by reason",
    ),
    (
        "turn_accept_errors_total",
        "Connections that the kernel had no file for",
    ),
    ("turn_panics_total", "Datagrams on which the relay panicked"),
    ("sfu_rooms", "Voice rooms with somebody in them"),
    ("sfu_participants", "Seats taken in voice rooms"),
    (
        "sfu_packets_in_total",
        "Voice packets that came from participants",
    ),
    (
        "sfu_packets_out_total",
        "Voice packets that went to participants",
    ),
    (
        "sfu_dropped_total",
        "Datagrams and voice packets dropped by the rooms, by reason",
    ),
];

/// Serves metrics on this address until the task is ended. A port that cannot
/// be had is no reason not to start.
pub(super) async fn serve(
    address: SocketAddr,
    relay: Option<&RelayHandle>,
) -> Option<JoinHandle<()>> {
    let listener = TcpListener::bind(address).await;
    let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            tracing::warn!(%address, %error, "metrics are not served; set METRICS_LISTEN to a free address, or to off");
            return None;
        }
    };
    tracing::info!(%address, "metrics listen");
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "whoever reaches METRICS_LISTEN can read how much is relayed here");
    }
    let router = router(registry(relay.map(RelayHandle::counters)));
    Some(tokio::spawn(async move {
        web::accept(listener, router, std::future::pending()).await;
    }))
}

fn router(registry: Registry) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .with_state(Arc::new(registry))
}

async fn scrape(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn registry(relay: Option<Arc<Counters>>) -> Registry {
    let mut registry = Registry::with_prefix("payambar");
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The running version", version);
    let start = ConstGauge::new(store::now().0 / 1000);
    registry.register(
        "start_time_seconds",
        "When this process started, in seconds since 1970",
        start,
    );
    if let Some(counters) = relay {
        registry.register_collector(Box::new(Relay(counters)));
    }
    registry
}

/// The relay's counters.
struct Relay(Arc<Counters>);

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Relay")
    }
}

impl Collector for Relay {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let rows: Vec<_> = self.0.iter().collect();
        for family in rows.chunk_by(|(a, ..), (b, ..)| a == b) {
            let Some((name, ..)) = family.first() else {
                continue;
            };
            // The format's writer puts this ending there itself.
            let (stem, kind) = match name.strip_suffix("_total") {
                Some(stem) => (stem, MetricType::Counter),
                None => (*name, MetricType::Gauge),
            };
            let help = format!("{}.", help(name));
            let mut metric = encoder.encode_descriptor(stem, &help, None, kind)?;
            for (_, labels, value) in family {
                let labels = parse(labels);
                // A family without labels would be written with empty braces.
                if labels.is_empty() {
                    write(metric, stem != *name, *value)?;
                    break;
                }
                let metric = metric.encode_family(&labels)?;
                write(metric, stem != *name, *value)?;
            }
        }
        delays(&self.0, &mut encoder)
    }
}

/// How long the voice rooms hold packets.
fn delays(counters: &Counters, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let delays = counters.delays();
    let buckets: Vec<(f64, u64)> = delays.buckets().collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    let help = "How long voice packets were held before they were sent on, in seconds.";
    let (name, kind) = ("sfu_forwarding_delay_seconds", MetricType::Histogram);
    encoder
        .encode_descriptor(name, help, None, kind)?
        .encode_histogram::<NoLabelSet>(delays.sum(), count, &buckets, None)
}

fn write(metric: MetricEncoder<'_>, is_counter: bool, value: u64) -> fmt::Result {
    if is_counter {
        return ConstCounter::new(value).encode(metric);
    }
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)
}

fn help(name: &str) -> &'static str {
    let found = HELP.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, help)| help)
}

/// Labels as the relay writes them: `path="to_peer"`, with commas between.
fn parse(labels: &'static str) -> Vec<(&'static str, &'static str)> {
    let pairs = labels.split(',').filter_map(|label| label.split_once('='));
    pairs
        .map(|(key, value)| (key, value.trim_matches('"')))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use payambar_media::counters::Metric;

    use super::*;

    fn text(counters: Counters) -> String {
        let mut text = String::new();
        encode(&mut text, &registry(Some(Arc::new(counters)))).unwrap();
        text
    }

    #[test]
    fn every_counter_has_its_words_and_its_line() {
        let counters = Counters::new();
        let text = text(Counters::new());
        for (name, labels, _) in counters.iter() {
            assert!(!help(name).is_empty(), "{name} has no help");
            let labels = if labels.is_empty() {
                String::new()
            } else {
                format!("{{{labels}}}")
            };
            let line = format!("\npayambar_{name}{labels} 0\n");
            assert!(text.contains(&line), "{line} is not in {text}");
        }
        let names: Vec<_> = counters.iter().map(|(name, ..)| name).collect();
        for (name, _) in HELP {
            assert!(names.contains(name), "{name} is no counter any more");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn delays_of_voice_are_a_histogram() {
        let counters = Counters::new();
        counters.delayed(3, Duration::from_micros(200));
        counters.delayed(1, Duration::from_secs(9));
        let text = text(counters);
        let name = "payambar_sfu_forwarding_delay_seconds";
        for line in [
            format!("# TYPE {name} histogram"),
            format!("{name}_bucket{{le=\"0.0001\"}} 0"),
            format!("{name}_bucket{{le=\"0.00025\"}} 3"),
            format!("{name}_bucket{{le=\"0.1\"}} 3"),
            format!("{name}_bucket{{le=\"+Inf\"}} 4"),
            format!("{name}_count 4"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }

    #[test]
    fn each_family_is_described_once_with_its_type() {
        let counters = Counters::new();
        counters.set(Metric::Allocations, 3);
        counters.add(Metric::DroppedNoPermission, 7);
        let text = text(counters);
        for line in [
            "# TYPE payambar_turn_allocations gauge",
            "payambar_turn_allocations 3",
            "# TYPE payambar_turn_dropped counter",
            "payambar_turn_dropped_total{reason=\"no_permission\"} 7",
            concat!(
                "payambar_build_info{version=\"",
                env!("CARGO_PKG_VERSION"),
                "\"} 1"
            ),
        ] {
            let count = text.lines().filter(|found| *found == line).count();
            assert_eq!(count, 1, "{line}: {text}");
        }
    }

    #[test]
    fn the_readme_lists_every_metric() {
        let readme = include_str!("../../README.md");
        for (name, _) in HELP {
            assert!(readme.contains(&format!("`payambar_{name}")), "{name}");
        }
    }
}
