//! What a person at a terminal sees of a running pipeline: where everything is, then one live line.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use danube_wasm_broker::Broker;
use danube_wasm_config::Pipeline;
use danube_wasm_host::PipelineHost;
use danube_wasm_telemetry::{Health, Metrics, health::State, logging, metrics::Totals};
use tokio::task::JoinHandle;

use danube_wasm_host::dead_letters::SUBSCRIPTION;

/// How often the live line is written anew.
const REFRESH: Duration = Duration::from_secs(1);

/// Prints the pipeline's addresses and connectors.
pub(crate) fn announce(pipeline: &Pipeline, host: &PipelineHost, admin: SocketAddr) {
    eprintln!("danube-wasm {} · pipeline {}", env!("CARGO_PKG_VERSION"), pipeline.name);
    for source in &pipeline.sources {
        for route in source.routes() {
            let location = host.location(&source.id, &route.endpoint);
            let location = location.unwrap_or_else(|| source.connector.location(&route.endpoint));
            eprintln!("  {:<12} {location} → {}", source.id.connector(), route.topic);
        }
    }
    for sink in &pipeline.sinks {
        for mapping in sink.mappings() {
            eprintln!(
                "  {:<12} {} → {} of {}",
                sink.id.connector(),
                mapping.consumer.topic,
                mapping.targets.join(", "),
                sink.connector.target()
            );
        }
    }
    eprintln!("  {:<12} http://{admin}/metrics, http://{admin}/health/ready", "admin");
}

/// Writes the live line until it is dropped.
pub(crate) struct Live(JoinHandle<()>);

impl Live {
    /// `None` where nobody watches.
    pub(crate) fn start(metrics: Arc<Metrics>, broker: Arc<dyn Broker>, health: Health) -> Option<Self> {
        let watched = logging::is_screen(std::io::stderr().is_terminal(), |name| std::env::var(name).ok());
        watched.then(|| Self(tokio::spawn(run(metrics, broker, health))))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.abort();
        eprintln!();
    }
}

async fn run(metrics: Arc<Metrics>, broker: Arc<dyn Broker>, health: Health) {
    let mut ticks = tokio::time::interval(REFRESH);
    let mut before = totals(&metrics, &health);
    let mut known = Troubles::new();
    loop {
        ticks.tick().await;
        let now = totals(&metrics, &health);
        let lag: u64 = broker
            .lag()
            .await
            .unwrap_or_default()
            .iter()
            // Dead letters wait for an operator.
            .filter(|lag| lag.subscription != SUBSCRIPTION)
            .map(|lag| lag.messages)
            .sum();
        let troubles = troubles(&health.report().checks);
        for news in news(&known, &troubles) {
            eprintln!("{CLEAR}{news}");
        }
        let connectors = health.connectors();
        let has = |direction| connectors.values().any(|connector| connector.direction == direction);
        let rates = rates(before, now, has("source"), has("sink"));
        eprint!("{CLEAR}{rates}{}", line(now, lag, &troubles));
        drop(std::io::stderr().flush());
        (before, known) = (now, troubles);
    }
}

/// Begins the line anew.
const CLEAR: &str = "\r\x1b[2K";

/// What does not run, by name: in which state, and why.
type Troubles = BTreeMap<String, (&'static str, String)>;

fn troubles(checks: &BTreeMap<String, State>) -> Troubles {
    let trouble = |(name, state): (&String, &State)| match state {
        State::Ready => None,
        State::Paused => Some((name.clone(), ("paused", "by its operator".to_owned()))),
        State::Degraded(why) => Some((name.clone(), ("degraded", why.clone()))),
        State::Down(why) => Some((name.clone(), ("down", why.clone()))),
    };
    checks.iter().filter_map(trouble).collect()
}

/// A line for each that is in another state than before, or for another reason; one that only counts on is the same. A
/// reason is longer than the live line has room for.
fn news(before: &Troubles, now: &Troubles) -> Vec<String> {
    let words = |(state, why): &(&'static str, String)| (*state, why.replace(|c: char| c.is_ascii_digit(), ""));
    let begun = now
        .iter()
        .filter(|(name, trouble)| before.get(*name).map(words) != Some(words(trouble)));
    let ended = before.keys().filter(|name| !now.contains_key(*name));
    let begun = begun.map(|(name, (state, why))| format!("{name} is {state}: {why}"));
    begun.chain(ended.map(|name| format!("{name} is well again"))).collect()
}

fn totals(metrics: &Metrics, health: &Health) -> Totals {
    let connectors = health.connectors();
    metrics.totals(|id| {
        connectors
            .get(id)
            .is_some_and(|connector| connector.direction == "source")
    })
}

/// What came in and what went out in a second.
fn rates(before: Totals, now: Totals, has_sources: bool, has_sinks: bool) -> String {
    let mut rates = String::new();
    if has_sources {
        rates.push_str(&format!("{:.0}/s in · ", now.received - before.received));
    }
    match has_sinks {
        true => rates.push_str(&format!("{:.0}/s written · ", now.written - before.written)),
        false => rates.push_str(&format!("{:.0}/s published · ", now.published - before.published)),
    }
    rates
}

fn line(now: Totals, lag: u64, troubles: &Troubles) -> String {
    let mut line = format!("lag {lag} · {} failed · {} dead letters", now.failed, now.dead_letters);
    for (name, (state, _)) in troubles {
        line.push_str(&format!(" · {name} {state}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(states: &[(&str, State)]) -> Troubles {
        troubles(
            &states
                .iter()
                .map(|(name, state)| ((*name).to_owned(), state.clone()))
                .collect(),
        )
    }

    #[test]
    fn a_connector_that_does_not_run_is_in_the_live_line_and_its_reason_is_said_once() {
        let well = checks(&[("p/source", State::Ready), ("p/sink", State::Ready)]);
        let away = checks(&[
            ("p/source", State::Ready),
            ("p/sink", State::Degraded("the database is away".into())),
        ]);
        let full = |bytes: u64| {
            let why = format!("the spool is full: {bytes} of 100 bytes");
            checks(&[("p/source (spool)", State::Degraded(why))])
        };
        let stopped = checks(&[("p/sink", State::Down("poison: stop".into()))]);
        let zero = Totals::default();
        assert!(line(zero, 7, &well).ends_with("lag 7 · 0 failed · 0 dead letters"));
        assert!(line(zero, 7, &away).ends_with("0 dead letters · p/sink degraded"));
        assert_eq!(news(&well, &away), ["p/sink is degraded: the database is away"]);
        assert_eq!(news(&away, &away), [""; 0]);
        assert_eq!(news(&full(99), &full(100)), [""; 0], "it counts on");
        assert_eq!(news(&away, &stopped), ["p/sink is down: poison: stop"]);
        assert_eq!(news(&stopped, &well), ["p/sink is well again"]);
    }
    #[test]
    fn what_goes_through_a_source_and_a_sink_is_shown_once_at_each_end() {
        let zero = Totals::default();
        let now = Totals {
            received: 50.0,
            published: 50.0,
            written: 48.0,
            ..zero
        };
        assert_eq!(rates(zero, now, true, true), "50/s in · 48/s written · ");
        assert_eq!(rates(zero, now, true, false), "50/s in · 50/s published · ");
        assert_eq!(rates(zero, now, false, true), "48/s written · ");
    }
}
