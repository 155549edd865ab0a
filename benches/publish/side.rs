//! Sides of the comparison: who publishes where, over which path.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use danube_wasm_bench_publish::DelayLine;
use danube_wasm_benches::child;
use danube_wasm_broker::{
    Broker, Publisher,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::{TopicName, clock};

use crate::{
    Load, PRODUCER, ROUND_TRIPS_MS,
    bare::Producers,
    ours, seed,
    site::{DANUBE, Site},
    supply::Supply,
};

pub(crate) const ONE_AT_A_TIME: &str = "one at a time";
pub(crate) const OURS: &str = "danube-wasm";
pub(crate) const BARE: &str = "bare tonic";
pub(crate) const EMBEDDED: &str = "embedded";

/// What a side is, for the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct What {
    pub(crate) site: &'static str,
    pub(crate) client: &'static str,
    pub(crate) keyed: bool,
    pub(crate) round_trip_ms: u64,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = if self.keyed { ", keyed" } else { "" };
        write!(f, "{}{keys} → {}", self.client, self.site)
    }
}

/// How a side publishes.
enum Way {
    OneAtATime(Producers),
    ManyAtOnce(Producers),
    Ours(Arc<dyn Publisher>),
}

/// Who keeps the messages, and what must be there; the echo keeps none.
type Counter = (Arc<dyn Broker>, ours::Count);

/// One side, and its outcome in each round.
pub(crate) struct Side {
    pub(crate) what: What,
    way: Way,
    topic: TopicName,
    counter: Option<Counter>,
    site: Option<Site>,
    publications: u32,
    pub(crate) rates: Vec<f64>,
    pub(crate) client_cpu_us: Vec<f64>,
    pub(crate) server_cpu_us: Vec<f64>,
}

/// All sides that publish to this broker.
pub(crate) async fn against_broker(site: &Site) -> Result<Vec<Side>> {
    let clients = [
        (ONE_AT_A_TIME, false),
        (OURS, false),
        (BARE, false),
        (ONE_AT_A_TIME, true),
        (OURS, true),
    ];
    over_paths(site, &clients, Some(ours::client(site.address)?)).await
}

/// All that the echo answers.
pub(crate) async fn against_echo(site: &Site) -> Result<Vec<Side>> {
    over_paths(site, &[(BARE, false), (OURS, false), (OURS, true)], None).await
}

/// The log in this process, in an empty directory.
pub(crate) async fn embedded(directory: &Path) -> Result<Vec<Side>> {
    let log: Arc<dyn Broker> = EmbeddedBroker::open(directory, EmbeddedOptions::default())?;
    let mut sides = Vec::new();
    for keyed in [false, true] {
        let what = What {
            site: EMBEDDED,
            client: EMBEDDED,
            keyed,
            round_trip_ms: 0,
        };
        let topic = topic(&what)?;
        drop(ours::make_topic(&*log, &topic).await?);
        let way = Way::Ours(log.publisher(PRODUCER).await?);
        let counter = (log.clone(), ours::Count::default());
        sides.push(Side::new(what, way, topic, Some(counter), None));
    }
    Ok(sides)
}

async fn over_paths(
    site: &Site,
    clients: &[(&'static str, bool)],
    counter: Option<Arc<dyn Broker>>,
) -> Result<Vec<Side>> {
    let mut sides = Vec::new();
    for round_trip_ms in ROUND_TRIPS_MS {
        let reached_at = match round_trip_ms {
            0 => site.address,
            ms => DelayLine::start(site.address, Duration::from_millis(ms))?.address(),
        };
        let seed = seed::start(site.address, reached_at).await?;
        for &(client, keyed) in clients {
            let what = What {
                site: site.name,
                client,
                keyed,
                round_trip_ms,
            };
            let topic = topic(&what)?;
            let counter = match &counter {
                Some(broker) => {
                    let consumer = ours::make_topic(&**broker, &topic).await?;
                    let count = match site.name {
                        DANUBE => ours::Count::by(consumer),
                        _ => ours::Count::default(),
                    };
                    Some((broker.clone(), count))
                }
                None => None,
            };
            let way = match client {
                ONE_AT_A_TIME => Way::OneAtATime(Producers::open(seed, &topic).await?),
                BARE => Way::ManyAtOnce(Producers::open(seed, &topic).await?),
                _ => Way::Ours(ours::client(seed)?.publisher(PRODUCER).await?),
            };
            sides.push(Side::new(what, way, topic, counter, Some(site)));
        }
    }
    Ok(sides)
}

/// A topic that no side and no earlier run has.
fn topic(what: &What) -> Result<TopicName> {
    let keyed = if what.keyed { "keyed" } else { "plain" };
    let client = what.client.replace(' ', "-");
    let run = format!("{}-{}", clock::now_ms(), std::process::id());
    Ok(format!("/default/bench-{client}-{keyed}-{}ms-{run}", what.round_trip_ms).parse()?)
}

impl Side {
    fn new(what: What, way: Way, topic: TopicName, counter: Option<Counter>, site: Option<&Site>) -> Self {
        Self {
            what,
            way,
            topic,
            counter,
            site: site.cloned(),
            publications: 0,
            rates: Vec::new(),
            client_cpu_us: Vec::new(),
            server_cpu_us: Vec::new(),
        }
    }

    /// Opens its sessions, unmeasured.
    pub(crate) async fn warm_up(&mut self, length: Duration) -> Result<()> {
        let load = self.publish(length).await?;
        self.check(&load).await
    }

    /// Publishes, measured, and sees whether that was done.
    pub(crate) async fn round(&mut self, length: Duration) -> Result<()> {
        let (client, server) = (child::own_cpu()?, self.server_cpu()?);
        let load = self.publish(length).await?;
        let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / load.messages as f64;
        self.rates.push(load.messages as f64 / load.elapsed.as_secs_f64());
        self.client_cpu_us.push(each(child::own_cpu()?.saturating_sub(client)));
        if let (Some(before), Some(after)) = (server, self.server_cpu()?) {
            self.server_cpu_us.push(each(after.saturating_sub(before)));
        }
        self.check(&load).await
    }

    async fn publish(&mut self, length: Duration) -> Result<Load> {
        self.publications += 1;
        let mut supply = Supply::new(self.publications.to_string(), self.what.keyed);
        match &self.way {
            Way::OneAtATime(producers) => producers.one_at_a_time(&mut supply, length).await,
            Way::ManyAtOnce(producers) => producers.many_at_once(&supply, length).await,
            Way::Ours(publisher) => ours::publish(&**publisher, &self.topic, &mut supply, length).await,
        }
    }

    async fn check(&mut self, load: &Load) -> Result<()> {
        if let Some(site) = &self.site {
            site.answered(load.messages);
        }
        match &mut self.counter {
            Some((broker, count)) => count.check(&**broker, &self.topic, load.messages).await,
            None => Ok(()),
        }
    }

    fn server_cpu(&self) -> Result<Option<Duration>> {
        self.site.as_ref().map_or(Ok(None), Site::cpu)
    }
}
